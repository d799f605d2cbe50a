"""Facts from which a model card is made, and values that are derived from them."""

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
"""Sources whose test split is English prose that no training document contains."""


@dataclass(frozen=True)
class Release:
    """Facts from which a model card is made.

    Attributes:
        args: settings of the run.
        out: folder of the released model.
        evaluation: content of ``evaluation.json``: the model and its scores on held-out documents.
        entries: entries of the corpus manifest by source; empty without a manifest.
        metrics: lines of ``metrics.jsonl``.
        training: number of steps and bytes, and the initial weights (see
            :mod:`bytelatent.release`).
        entropy_training: the same facts about the entropy model of a BLT; None if they are unknown.
        calibration: content of ``calibration.json``; None if there is none.
        dtype: dtype of the weights in the file.
        files: names of the other files.
        beside: comparison at equal training bytes; None if there is none.
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
    """Return the names of the sources of prose, :data:`PROSE`, that a corpus manifest contains.

    The list is empty unless ``split`` is ``test``.
    """
    return [name for name in PROSE if name in entries] if split == "test" else []


def all_bytes(training: Mapping[str, Any]) -> int:
    """Return the bytes that a model was trained on, including those of its initial weights."""
    start = training["start"]
    return int(training["bytes"] or 0) + (0 if start is None else all_bytes(start))


def unknown_sources(sources: Iterable[str], entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the sources that the corpus manifest does not contain."""
    return [name for name in sources if name not in entries]


def shown(path: Path) -> str:
    """Format a path for readers, without the folders of this machine."""
    return path.name if path.is_absolute() else path.as_posix()
