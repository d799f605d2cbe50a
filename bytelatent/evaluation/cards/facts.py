"""What a card is made from, and what can be read off it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytelatent.evaluation.corpus import Beside
from bytelatent.training.args import TrainArgs

PROSE = {
    "austen": "Jane Austen's *Persuasion*",
    "sotu": "State of the Union addresses since 2016",
}
"""Sources whose test split is English prose of which no training document holds a part."""


@dataclass(frozen=True)
class Release:
    """What a card is made from.

    Attributes:
        args: the run.
        out: where the model goes.
        evaluation: content of ``evaluation.json``: the model, and how it did on held-out documents.
        entries: of the corpus manifest, by source; empty without one.
        metrics: lines of ``metrics.jsonl``.
        training: steps and bytes, and where it started (see :mod:`bytelatent.release`).
        entropy_training: the same of the entropy model of a BLT; None if it is not known.
        calibration: content of ``calibration.json``; None if there is none.
        dtype: of the weights in the file.
        files: names of the other files.
        beside: a comparison at equal training bytes; None for none.
    """

    args: TrainArgs
    out: Path
    evaluation: Mapping[str, Any]
    entries: Mapping[str, Mapping[str, Any]]
    metrics: Sequence[Mapping[str, Any]]
    training: Mapping[str, Any]
    entropy_training: Mapping[str, Any] | None
    calibration: Mapping[str, Any] | None
    dtype: str
    files: Iterable[str]
    beside: Beside | None = None


def measured_prose(split: str, entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sources of :data:`PROSE` that a corpus has; only its manifest tells them from others."""
    return [name for name in PROSE if name in entries] if split == "test" else []


def all_bytes(training: Mapping[str, Any]) -> int:
    """Bytes of text that a model has learned from, its beginnings included."""
    start = training["start"]
    return int(training["bytes"] or 0) + (0 if start is None else all_bytes(start))


def unknown_sources(sources: Iterable[str], entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sources of which the corpus manifest says nothing."""
    return [name for name in sources if name not in entries]


def shown(path: Path) -> str:
    """A path for others to read: no folders of this machine."""
    return path.name if path.is_absolute() else path.as_posix()
