"""Execution of a study: finished runs are skipped, and stopped runs are resumed.

Several processes may work on one study: each run, and the measuring of entropies, belongs to one
process through a lock on its folder, and the other processes take runs that are free.
"""

import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from bytelatent.files import read_json, write_json
from bytelatent.scaling import training_flops as flops
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.collecting import Record
from bytelatent.scaling.grid import (
    Point,
    draft,
    fingerprint,
    needs_entropies,
    points,
    scheduled,
    sweep_point,
)
from bytelatent.scaling.records import describe
from bytelatent.scaling.study_folders import (
    BpeVocabulary,
    StudyPaths,
    prepare_entropies,
    prepare_text,
    prepare_vocabulary,
)
from bytelatent.training.args import TrainArgs
from bytelatent.training.checkpoint import FolderBusyError, sole_run
from bytelatent.training.divergence import DivergedError
from bytelatent.training.stopping import StopRequest
from bytelatent.training.trainer import StepReport, Trainer

WAIT_SECONDS = 2.0
"""Time in seconds between two checks of what other processes have locked."""


@dataclass
class Failure:
    """Run that has failed, and the reason."""

    point: Point
    reason: str


class Study:
    """Execution of the runs of a study.

    Args:
        args: settings of the study.
        command: command that the records name.
        report: function that is called with progress messages.
        stop: request to save and stop after the current step, which may be set at any time; a new
            one when None.

    Attributes:
        paths: files and folders of the study.
        failures: runs that have diverged.
    """

    def __init__(
        self,
        args: ScalingArgs,
        command: str,
        report: Callable[[str], None] | None = None,
        stop: StopRequest | None = None,
    ) -> None:
        self.args, self.command, self.report = args, command, report or _print
        self.paths = StudyPaths(args)
        self.failures: list[Failure] = []
        self._trained = 0
        self._diverged: set[Point] = set()
        self._chosen: dict[str, dict[str, Any]] = {}
        self._words: BpeVocabulary | None = None
        self.stop = stop or StopRequest()

    def run(self) -> bool:
        """Do all runs that are not done, or wait until other processes have done them.

        Returns:
            Whether all runs are done; False after a request to stop.

        Raises:
            ValueError: text is missing, or a record was made with other settings.
        """
        if self.args.threads is not None:
            torch.set_num_threads(self.args.threads)
        with sole_run(self.paths.text, wait=True):
            prepare_text(self.args)
        while not self.stop.requested:
            before = self._trained
            if not self._look_through():
                break
            if self._trained == before:
                time.sleep(WAIT_SECONDS)
        return not self.stop.requested

    def _look_through(self) -> bool:
        """Do the first run that is neither done nor locked; return whether any run may be left."""
        busy, before = False, self._trained
        for family in self.args.families:
            try:
                learning_rates = self._chosen.get(family) or self._choose(family)
            except FolderBusyError:
                busy = True
                continue
            if learning_rates is None:
                return True
            self._chosen[family] = learning_rates
        for point in points(self.args):
            if point.family not in self._chosen:
                continue
            try:
                self.record(point, self._chosen[point.family])
            except FolderBusyError:
                busy = True
            if self._trained > before or self.stop.requested:
                return True
        return busy

    def record(self, point: Point, sweep: dict[str, Any]) -> Record | None:
        """Return the record of a run, after training it if needed.

        The result is None if the run was stopped or has diverged.

        Args:
            point: the run.
            sweep: ``chosen`` is the learning rate before the budget's scale; the other keys hold
                the results of the sweep.

        Raises:
            FolderBusyError: another process has locked the run or the entropies that it needs.
            ValueError: a record of that name was made with other settings.
        """
        drafted = draft(self.args, point, point.lr or sweep["chosen"], self._vocabulary(point))
        done = self._recorded(point, drafted)
        if done is not None or point in self._diverged:
            return done
        if needs_entropies(drafted):
            with sole_run(self.paths.entropies):
                prepare_entropies(self.args, lambda: self.stop.requested)
        if self.stop.requested:
            return None
        with sole_run(drafted.dump_dir):
            # Another process may have finished the run in the meantime.
            return self._recorded(point, drafted) or self._make(point, drafted, sweep)

    def _recorded(self, point: Point, drafted: TrainArgs) -> Record | None:
        path = self.paths.record(point.name)
        if not path.is_file():
            return None
        record: Record = read_json(path)
        if record.get("settings") != fingerprint(drafted):
            raise ValueError(
                f"{path} was made with other settings than those of {point.name} now; "
                "move it away, or choose another name"
            )
        return record

    def _make(self, point: Point, drafted: TrainArgs, sweep: dict[str, Any]) -> Record | None:
        rates = flops.measure_rates(drafted)
        budget = self.args.budgets[point.budget].flops
        steps = budget / flops.training_flops(drafted, rates.bytes_per_unit) / rates.bytes_per_step
        run = scheduled(drafted, max(1, round(steps)), self.args.warmup)
        if not self._train(point, run):
            return None
        record = describe(self.args, point, run, self.command)
        record |= {"settings": fingerprint(drafted), "learning_rates": sweep}
        write_json(self.paths.record(point.name), record)
        self._trained += 1
        shutil.rmtree(run.dump_dir / "checkpoints", ignore_errors=True)
        self.report(
            f"{point.name}: {record['bits_per_byte']['total']['bits_per_byte']:.4f} bits/byte"
        )
        return record

    def _choose(self, family: str) -> dict[str, Any] | None:
        """Return the family's learning rate and the results of the sweep; None after a stop.

        Raises:
            FolderBusyError: another process has locked one of the sweep's runs.
        """
        sweep = self.args.sweep
        if sweep is None:
            optim = self.args.train.get("optim", {})
            return {"chosen": optim.get("lr", TrainArgs.model_fields["optim"].default.lr)}
        tried: dict[float, float] = {}
        rates, left = sorted(sweep.lrs), sweep.extend
        while rates:
            tried |= self._tried(family, rates)
            if self.stop.requested:
                return None
            rates = _beyond(tried) if left else []
            left -= 1
        best = min(tried, key=lambda lr: (tried[lr], lr))
        if math.isinf(tried[best]):
            raise ValueError(f"sweep.lrs: the runs of {family} diverged at every learning rate")
        shown = {f"{lr:g}": None if math.isinf(x) else x for lr, x in sorted(tried.items())}
        return {"chosen": best, "valid_bits_per_byte": shown}

    def _tried(self, family: str, lrs: list[float]) -> dict[float, float]:
        """Return held-out bits per byte by learning rate, infinite where the run diverged.

        Raises:
            FolderBusyError: another process has locked one of the runs; the others were run.
        """
        tried: dict[float, float] = {}
        busy: FolderBusyError | None = None
        for lr in lrs:
            if self.stop.requested:
                break
            try:
                record = self.record(sweep_point(self.args, family, lr), {"chosen": lr})
            except FolderBusyError as error:
                busy = error
                continue
            tried[lr] = math.inf if record is None else record["valid_bits_per_byte"]
        if busy is not None:
            raise busy
        return tried

    def _train(self, point: Point, run: TrainArgs) -> bool:
        def show(progress: StepReport) -> None:
            every = max(1, progress.steps // 5)
            if progress.step // every > (progress.step - run.log_every) // every:
                self.report(
                    f"{point.name}: step {progress.step}/{progress.steps}, "
                    f"{progress.bits_per_byte:.3f} bits/byte, "
                    f"{progress.bytes_per_second / 1e3:.1f} kB/s, "
                    f"{progress.seconds_left / 60:.0f} min left"
                )

        try:
            return Trainer(run, show, stop=self.stop).run()
        except DivergedError as error:
            self._diverged.add(point)
            if point.kind != "sweep":
                self.failures.append(Failure(point, str(error)))
            self.report(f"{point.name}: {error}")
            return False

    def _vocabulary(self, point: Point) -> BpeVocabulary | None:
        if self.args.families[point.family].tokens != "bpe":
            return None
        if self._words is None:
            with sole_run(self.paths.tokenizer.with_suffix(""), wait=True):
                self._words = prepare_vocabulary(self.args)
        return self._words


def _beyond(tried: dict[float, float]) -> list[float]:
    """Return another learning rate to try, if the best one is the highest or the lowest so far."""
    best = min(tried, key=lambda lr: (tried[lr], lr))
    if math.isinf(tried[best]) or best == min(tried):
        return [min(tried) / 2]
    return [2 * best] if best == max(tried) else []


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
