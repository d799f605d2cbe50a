"""Folders with a ``metrics.jsonl``, and what the end of such a file tells."""

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
"""Folders that are looked into; more than that is no folder of runs."""
MOST = 500
"""Runs that are listed."""
END = 64 * 1024
"""Bytes at the end of a file that tell how far a run is."""
SUMMARY = ("bits_per_byte", "valid_bits_per_byte", "bytes", "bytes_per_second")
_NO_RUNS = frozenset({"checkpoints", "tensorboard", "wandb", "profile", "__pycache__"})

Source = Literal["shipped", "local"]


@dataclass(frozen=True)
class Run:
    """A folder with a ``metrics.jsonl``.

    Attributes:
        name: ``shipped/`` or ``local/``, and the way to the folder; unique.
        source: whether it belongs to a shipped model or lies in the folder of local runs.
        folder: where it lies.
        mark: changes whenever the file does.
    """

    name: str
    source: Source
    folder: Path
    mark: Mark

    @property
    def title(self) -> str:
        """The way to the folder, for people."""
        return self.name.partition("/")[2]

    @property
    def url(self) -> str:
        """Its curves as JSON."""
        return f"/api/runs/{quote(self.name)}"

    @property
    def modified(self) -> datetime:
        """When it was last written, UTC."""
        return datetime.fromtimestamp(self.mark[2] / 1e9, tz=UTC)

    @property
    def version(self) -> str:
        """Another text whenever the file has changed."""
        return "-".join(f"{number:x}" for number in self.mark)


@dataclass(frozen=True)
class Summary:
    """How far a run is.

    Attributes:
        step: the last one.
        planned_steps: how many it is to have, if its folder says so.
        values: the last of some measures.
    """

    step: int | None
    planned_steps: int | None
    values: dict[str, float]


def runs_below(folder: Path, source: Source, depth: int) -> Iterator[Run]:
    """Runs in ``folder`` and up to ``depth`` folders below it, by name.

    Links are not followed, and a name that cannot be printed is left out.
    """
    left = [(folder, "", depth)]
    looked = found = 0
    while left and looked < FOLDERS and found < MOST:
        place, name, deeper = left.pop()
        looked += 1
        inner, mark = _look(place)
        if mark:
            found += 1
            yield Run(f"{source}/{name or _own_name(place, inner)}", source, place, mark)
        if deeper:
            for entry in reversed(inner):
                way = f"{name}/{entry}" if name else entry
                left.append((place / entry, way, deeper - 1))


def _own_name(folder: Path, inner: list[str]) -> str:
    """What a run in the folder itself is called, beside those in the folders in it."""
    name = folder.resolve().name or "runs"
    return f"{name} (itself)" if name in inner else name


def _look(folder: Path) -> tuple[list[str], Mark | None]:
    """Names of the folders in a folder, and the mark of its ``metrics.jsonl``."""
    inner: list[str] = []
    mark = None
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == METRICS and entry.is_file(follow_symlinks=False):
                    mark = mark_of(entry.stat(follow_symlinks=False))
                elif _may_hold_runs(entry):
                    inner.append(entry.name)
    except OSError:  # gone since its own folder was read, or not ours to read
        pass
    return sorted(inner), mark


def _may_hold_runs(entry: os.DirEntry[str]) -> bool:
    named = not entry.name.startswith(".") and entry.name.isprintable()
    return named and entry.name not in _NO_RUNS and entry.is_dir(follow_symlinks=False)


def summary_of(run: Run) -> Summary:
    """What the end of its file says; a file that has gone says nothing."""
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
    """``steps`` of the run's configuration: of a shipped model, or as a run writes it down."""
    try:
        with (folder / "train_args.json").open("rb") as file:
            steps = json.loads(file.read(4 * END))["steps"]
            return steps if isinstance(steps, int) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    try:
        with (folder / "config.yaml").open("rb") as file:
            found = re.search(rb"^steps: *([0-9]{1,15}) *$", file.read(END), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
