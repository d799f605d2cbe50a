"""The search for training runs, which are folders with a ``metrics.jsonl``, and their summaries."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from app.runs.tail import Mark, mark_of, parsed

METRICS = "metrics.jsonl"
FOLDERS = 5000
"""Largest number of folders that are searched."""
MOST = 500
"""Largest number of runs that are listed."""
END = 64 * 1024
"""Number of bytes at the end of a file that the summary is read from."""
SUMMARY = ("bits_per_byte", "valid_bits_per_byte", "bytes", "bytes_per_second")
_NO_RUNS = frozenset({"checkpoints", "tensorboard", "wandb", "profile", "__pycache__"})

Source = Literal["shipped", "local"]


@dataclass(frozen=True)
class TrainingRun:
    """A training run: a folder with a ``metrics.jsonl``.

    Attributes:
        name: ``shipped/`` or ``local/`` followed by the relative path of the folder; unique.
        source: whether the run belongs to a shipped model or is a local run.
        folder: folder of the run.
        mark: value that changes whenever the file changes.
    """

    name: str
    source: Source
    folder: Path
    mark: Mark

    @property
    def title(self) -> str:
        """Relative path of the folder, as a title."""
        return self.name.partition("/")[2]

    @property
    def url(self) -> str:
        """URL of the curves as JSON."""
        return f"/api/runs/{quote(self.name)}"

    @property
    def modified(self) -> datetime:
        """Time of the last write, in UTC."""
        return datetime.fromtimestamp(self.mark[2] / 1e9, tz=UTC)

    @property
    def version(self) -> str:
        """Text that changes whenever the file changes."""
        return "-".join(f"{number:x}" for number in self.mark)


@dataclass(frozen=True)
class Summary:
    """Progress of a run.

    Attributes:
        step: last step.
        planned_steps: planned number of steps, if the folder contains it.
        values: last values of some measures.
    """

    step: int | None
    planned_steps: int | None
    values: dict[str, float]


def runs_below(folder: Path, source: Source, depth: int) -> Iterator[TrainingRun]:
    """Generate the runs in ``folder`` and up to ``depth`` folders below it, sorted by name.

    Links are not followed, and a folder whose name is not printable is left out.
    """
    left = [(folder, "", depth)]
    looked = count = 0
    while left and looked < FOLDERS and count < MOST:
        place, name, deeper = left.pop()
        looked += 1
        inner, mark = _look(place)
        if mark:
            count += 1
            yield TrainingRun(f"{source}/{name or _own_name(place, inner)}", source, place, mark)
        if deeper:
            for entry in reversed(inner):
                way = f"{name}/{entry}" if name else entry
                left.append((place / entry, way, deeper - 1))


def _own_name(folder: Path, inner: list[str]) -> str:
    """Return the name of a run in the folder itself; no folder in it has the same name."""
    name = folder.resolve().name or "runs"
    return f"{name} (itself)" if name in inner else name


def _look(folder: Path) -> tuple[list[str], Mark | None]:
    """Return the names of the folders in a folder, and the mark of its ``metrics.jsonl``."""
    inner: list[str] = []
    mark = None
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == METRICS and entry.is_file(follow_symlinks=False):
                    mark = mark_of(entry.stat(follow_symlinks=False))
                elif _may_hold_runs(entry):
                    inner.append(entry.name)
    except OSError:  # deleted since the parent was read, or not readable
        pass
    return sorted(inner), mark


def _may_hold_runs(entry: os.DirEntry[str]) -> bool:
    named = not entry.name.startswith(".") and entry.name.isprintable()
    return named and entry.name not in _NO_RUNS and entry.is_dir(follow_symlinks=False)


def summary_of(run: TrainingRun) -> Summary:
    """Read the end of a run's file and return its summary; a missing file gives an empty one."""
    try:
        with (run.folder / METRICS).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - END))
            lines = file.read(END).splitlines()
    except OSError:
        lines = []
    records = [record for record in map(parsed, lines) if record]
    steps = (record.get("step") for record in reversed(records))
    values: dict[str, float] = {}
    for record in reversed(records):
        for name in SUMMARY:
            if name not in values and _is_number(record.get(name)):
                values[name] = float(record[name])
    return Summary(
        step=next((step for step in steps if isinstance(step, int)), None),
        planned_steps=_planned_steps(run.folder),
        values=values,
    )


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < 1e300


def _planned_steps(folder: Path) -> int | None:
    """Return ``steps`` from the configuration of a shipped model or of a local run."""
    try:
        with (folder / "train_args.json").open("rb") as file:
            steps = json.loads(file.read(4 * END))["steps"]
            return steps if isinstance(steps, int) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    try:
        with (folder / "config.yaml").open("rb") as file:
            match = re.search(rb"^steps: *([0-9]{1,15}) *$", file.read(END), re.MULTILINE)
    except OSError:
        return None
    return int(match[1]) if match else None
