"""Runs of a study, one after the other; what is done is skipped, what was stopped goes on."""

import math
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from bytelatent.args import TrainArgs
from bytelatent.files import read_json, write_json
from bytelatent.scaling import flops
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.grid import (
    Point,
    draft,
    fingerprint,
    needs_entropies,
    points,
    scheduled,
    sweep_point,
)
from bytelatent.scaling.places import (
    Places,
    Vocabulary,
    prepare_entropies,
    prepare_text,
    prepare_vocabulary,
)
from bytelatent.scaling.records import describe
from bytelatent.trainer import Progress, Trainer

Record = dict[str, Any]


@dataclass
class Failure:
    """A run that came to no end, and why."""

    point: Point
    reason: str


class Study:
    """The runs of ``args``.

    Args:
        args: the study.
        command: that records name.
        report: called with a line now and then.

    Attributes:
        failures: runs that diverged.
    """

    def __init__(
        self, args: ScalingArgs, command: str, report: Callable[[str], None] | None = None
    ) -> None:
        self.args, self.command, self.report = args, command, report or _print
        self.places = Places(args)
        self.failures: list[Failure] = []
        self._words: Vocabulary | None = None
        self._trainer: Trainer | None = None
        self._stop = False

    @property
    def stop_requested(self) -> bool:
        """Set it to save and leave after the current step."""
        return self._stop

    @stop_requested.setter
    def stop_requested(self, wanted: bool) -> None:
        self._stop = wanted
        if self._trainer is not None:
            self._trainer.stop_requested = wanted

    def run(self) -> bool:
        """Do all that is not done; whether it came to the end.

        Raises:
            ValueError: text is missing, or a record was made with other settings.
        """
        if self.args.threads is not None:
            torch.set_num_threads(self.args.threads)
        prepare_text(self.args)
        chosen = {family: self._choose(family) for family in self.args.families}
        for point in points(self.args):
            if self._stop:
                return False
            rates = chosen[point.family]
            if rates is not None:
                self.record(point, rates)
        return not self._stop

    def record(self, point: Point, sweep: dict[str, Any]) -> Record | None:
        """The record of a run, made if it is not there; None if it was stopped or diverged.

        Args:
            point: the run.
            sweep: ``chosen``: the learning rate before the budget's scale; ``tried``: others.

        Raises:
            ValueError: a record of that name was made with other settings.
        """
        path = self.places.record(point.name)
        drafted = draft(self.args, point, point.lr or sweep["chosen"], self._vocabulary(point))
        mark = fingerprint(drafted)
        if path.is_file():
            found: Record = read_json(path)
            if found.get("settings") != mark:
                raise ValueError(
                    f"{path} was made with other settings than those of {point.name} now; "
                    "move it away, or choose another name"
                )
            return found
        if needs_entropies(drafted):
            prepare_entropies(self.args, lambda: self._stop)
        if self._stop:
            return None
        rates = flops.measure_rates(drafted)
        budget = self.args.budgets[point.budget].flops
        steps = budget / flops.training_flops(drafted, rates.bytes_per_unit) / rates.bytes_per_step
        run = scheduled(drafted, max(1, round(steps)), self.args.warmup)
        if not self._train(point, run):
            return None
        made = describe(self.args, point, run, self.command)
        made |= {"settings": mark, "learning_rates": sweep}
        write_json(path, made)
        shutil.rmtree(run.dump_dir / "checkpoints", ignore_errors=True)
        self.report(
            f"{point.name}: {made['bits_per_byte']['total']['bits_per_byte']:.4f} bits/byte"
        )
        return made

    def _choose(self, family: str) -> dict[str, Any] | None:
        """The family's learning rate, and what the sweep measured; None after a stop."""
        sweep = self.args.sweep
        if sweep is None:
            optim = self.args.train.get("optim", {})
            return {"chosen": optim.get("lr", TrainArgs.model_fields["optim"].default.lr)}
        tried: dict[float, float] = {}
        wanted, left = sorted(sweep.lrs), sweep.extend
        while wanted:
            for lr in wanted:
                if self._stop:
                    return None
                made = self.record(sweep_point(self.args, family, lr), {"chosen": lr})
                tried[lr] = math.inf if made is None else made["valid_bits_per_byte"]
            if self._stop:
                return None
            wanted = _beyond(tried) if left else []
            left -= 1
        best = min(tried, key=lambda lr: (tried[lr], lr))
        if math.isinf(tried[best]):
            raise ValueError(f"sweep.lrs: the runs of {family} diverged at every learning rate")
        shown = {f"{lr:g}": None if math.isinf(x) else x for lr, x in sorted(tried.items())}
        return {"chosen": best, "valid_bits_per_byte": shown}

    def _train(self, point: Point, run: TrainArgs) -> bool:
        def show(progress: Progress) -> None:
            every = max(1, progress.steps // 5)
            if progress.step // every > (progress.step - run.log_every) // every:
                self.report(
                    f"{point.name}: step {progress.step}/{progress.steps}, "
                    f"{progress.bits_per_byte:.3f} bits/byte, "
                    f"{progress.bytes_per_second / 1e3:.1f} kB/s, "
                    f"{progress.seconds_left / 60:.0f} min left"
                )

        try:
            self._trainer = Trainer(run, show)
            self._trainer.stop_requested = self._stop
            return self._trainer.run()
        except ValueError as error:
            if point.kind != "sweep":
                self.failures.append(Failure(point, str(error)))
            self.report(f"{point.name}: {error}")
            return False
        finally:
            self._trainer = None

    def _vocabulary(self, point: Point) -> Vocabulary | None:
        if self.args.families[point.family].tokens != "bpe":
            return None
        self._words = self._words or prepare_vocabulary(self.args)
        return self._words


def _beyond(tried: dict[float, float]) -> list[float]:
    """Another learning rate to try, if the best is the highest or the lowest so far."""
    best = min(tried, key=lambda lr: (tried[lr], lr))
    if math.isinf(tried[best]) or best == min(tried):
        return [min(tried) / 2]
    return [2 * best] if best == max(tried) else []


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
