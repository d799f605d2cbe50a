"""Metrics of training runs, and the file ``metrics.jsonl`` of a run."""

import json
import math
import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from bytelatent.files import os_errors_as_value_error, parse_json, write_text


class SinkArgs(BaseModel):
    """Settings of further destinations of metrics besides ``metrics.jsonl``.

    Attributes:
        also: ``tensorboard`` writes event files in the same folder; ``wandb`` sends the metrics to
            Weights & Biases.
        wandb_project: project at Weights & Biases.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    also: tuple[Literal["tensorboard", "wandb"], ...] = ()
    wandb_project: str = "bytelatent"


def bits_per_byte(nats: float, size: float) -> float:
    """Convert the sum of cross-entropies of ``size`` bytes in nats to bits per byte.

    Section 4.5 of the BLT paper defines bits per byte.
    """
    return nats / (math.log(2) * size)


@dataclass
class Tally:
    """Sums over the steps between two lines of the log.

    Attributes:
        nats, targets: sum of the cross-entropies in nats, and number, of all targets: bytes and
            ends of documents.
        byte_nats, size: sum of the cross-entropies of bytes in nats, and number of bytes.
        patches: number of patches of these bytes; number of tokens if there are no patches.
        gradient_norms: norm of the gradient of each step before clipping.
        seconds: duration of the steps in seconds.
    """

    nats: float = 0.0
    targets: float = 0.0
    byte_nats: float = 0.0
    size: float = 0.0
    patches: float = 0.0
    gradient_norms: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def loss(self) -> float:
        """Mean cross-entropy of all targets in nats; 0 before the first step."""
        return self.nats / self.targets if self.targets else 0.0


class Sink(Protocol):
    """Protocol of a destination of metrics besides ``metrics.jsonl``."""

    def __call__(self, step: int, numbers: dict[str, float]) -> None:
        """Store the numbers of step ``step``."""
        ...


class MetricsFile:
    """File ``metrics.jsonl`` of a run, with one JSON object in each line; each has a key ``step``.

    Args:
        path: path of the file. Lines of steps after ``step`` are removed, because a resumed run
            repeats these steps.
        args: settings of further destinations; None for none.
        step: step from which the run continues.
        write: whether this process writes; only one process of a run does.

    Raises:
        ValueError: a library that ``args`` asks for is not installed.
    """

    def __init__(
        self, path: Path, args: SinkArgs | None = None, *, step: int = 0, write: bool = True
    ) -> None:
        self.path, self.write = path, write
        self.sinks: list[Sink] = []
        if write:
            kept = [line for line in read_metrics(path) if line["step"] <= step] if step else []
            write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
            self.sinks = [_sink(name, path, args) for name in args.also] if args else []

    def append(self, record: dict[str, Any]) -> None:
        """Append one record as a line and close the file; send its numbers to all sinks.

        Raises:
            ValueError: the system refuses to write, for example because there is no space.
        """
        if not self.write:
            return
        line = json.dumps(_rounded(record))
        with (
            os_errors_as_value_error(self.path, "written"),
            self.path.open("a", encoding="utf-8") as file,
        ):
            file.write(line + "\n")
        numbers = {k: float(v) for k, v in record.items() if isinstance(v, int | float)}
        for sink in self.sinks:
            sink(int(record["step"]), numbers)


def memory_bytes(device: Any = None) -> int:
    """Return the peak memory in bytes: of the GPU ``device``, or else of this process."""
    if getattr(device, "type", "cpu") == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read all complete lines; a line that was cut off when a process was killed ends the reading.

    The result is empty if the file does not exist.
    """
    if not path.is_file():
        return []
    records = []
    for line in path.read_bytes().splitlines():
        try:
            records.append(parse_json(line))
        except ValueError:
            break
    return records


@dataclass(frozen=True)
class TrainingRound:
    """Part of a run in which the learning rate does not rise again after it has fallen.

    Attributes:
        first, last: steps of the first and of the last line of the part.
        first_lr, last_lr: learning rates at these steps.
    """

    first: int
    first_lr: float
    last: int
    last_lr: float


def find_rounds(metrics: Iterable[Mapping[str, Any]]) -> list[TrainingRound]:
    """Find the rounds of a run; a finished run that is continued with more steps has several.

    Args:
        metrics: lines of ``metrics.jsonl``; of two lines of one step the later line counts.
    """
    rates = {line["step"]: line["lr"] for line in metrics if "lr" in line}
    rounds: list[TrainingRound] = []
    fallen = False
    for step, lr in sorted(rates.items()):
        last = rounds[-1] if rounds else None
        if last is None or (fallen and lr > last.last_lr):
            rounds.append(TrainingRound(step, lr, step, lr))
            fallen = False
        else:
            fallen = fallen or lr < last.last_lr
            rounds[-1] = replace(last, last=step, last_lr=lr)
    return rounds


def _sink(name: str, path: Path, args: SinkArgs) -> Sink:
    """Create the sink ``name``.

    Raises:
        ValueError: the library of the sink is not installed.
    """
    try:
        if name == "tensorboard":
            from torch.utils.tensorboard import SummaryWriter

            writer = SummaryWriter(str(path.parent / "tensorboard"))

            def to_tensorboard(step: int, numbers: dict[str, float]) -> None:
                for key, value in numbers.items():
                    writer.add_scalar(key, value, step)
                writer.flush()

            return to_tensorboard
        import wandb

        run = wandb.init(project=args.wandb_project, dir=str(path.parent), resume="allow")
        return lambda step, numbers: run.log(numbers, step=step)
    except ImportError:
        raise ValueError(f"metrics.also: {name} is not installed (pip install {name})") from None


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value
