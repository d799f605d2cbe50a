"""Measures of language models, and the file that a run writes them to."""

import json
import math
import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from bytelatent.files import os_errors_as_value_error, write_text


class SinkArgs(BaseModel):
    """Where measures go besides ``metrics.jsonl``.

    Attributes:
        also: ``tensorboard`` writes event files beside it; ``wandb`` sends to Weights & Biases.
        wandb_project: project there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    also: tuple[Literal["tensorboard", "wandb"], ...] = ()
    wandb_project: str = "bytelatent"


def bits_per_byte(nats: float, size: float) -> float:
    """Cross-entropy sum in nats over ``size`` bytes as bits per byte (BLT paper, section 4.5)."""
    return nats / (math.log(2) * size)


@dataclass
class Tally:
    """Sums over the steps of a logged stretch.

    Attributes:
        nats, targets: of all that is learnt: bytes and ends of documents.
        byte_nats, size: of bytes alone; ``size`` in bytes.
        patches: patches that hold them; tokens where there are no patches.
        gradient_norms: before clipping.
        seconds: spent in steps.
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
        """Mean nats of what is learnt; 0 before the first step."""
        return self.nats / self.targets if self.targets else 0.0


class Sink(Protocol):
    """Takes the numbers of a record besides the file."""

    def __call__(self, step: int, numbers: dict[str, float]) -> None:
        """Take them."""
        ...


class MetricsFile:
    """``metrics.jsonl``: one JSON object a line, each with its ``step``.

    Args:
        path: the file; lines after ``step`` (of a run that is taken up again before them) go.
        args: where else the numbers go.
        step: the step the run goes on from.
        write: whether this process writes; only one of a run does.

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
        """Add one line and hand it to the operating system.

        Raises:
            ValueError: the system refuses, for want of space, say.
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
    """Most memory held so far: of the GPU if ``device`` is one, else of this process."""
    if getattr(device, "type", "cpu") == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """All whole lines; a last line that a kill cut short is left out."""
    if not path.is_file():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


@dataclass(frozen=True)
class Round:
    """A part of a run in which the learning rate does not rise again once it has fallen.

    Attributes:
        first, last: steps of its first and last line.
        first_lr, last_lr: learning rates there.
    """

    first: int
    first_lr: float
    last: int
    last_lr: float


def find_rounds(metrics: Iterable[Mapping[str, Any]]) -> list[Round]:
    """The rounds of a run: it was finished, given more steps and started again.

    Args:
        metrics: lines of ``metrics.jsonl``; of two of a step the later one counts.
    """
    rates = {line["step"]: line["lr"] for line in metrics if "lr" in line}
    found: list[Round] = []
    fallen = False
    for step, lr in sorted(rates.items()):
        last = found[-1] if found else None
        if last is None or (fallen and lr > last.last_lr):
            found.append(Round(step, lr, step, lr))
            fallen = False
        else:
            fallen = fallen or lr < last.last_lr
            found[-1] = replace(last, last=step, last_lr=lr)
    return found


def _sink(name: str, path: Path, args: SinkArgs) -> Sink:
    """The sink of that name.

    Raises:
        ValueError: its library is not installed.
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
