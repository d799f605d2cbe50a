"""The search for training runs, which are folders with a ``metrics.jsonl``, and their summaries."""

import codecs
import hashlib
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from app.runs.columns import LAST_STEP
from app.runs.tail import Mark, check_size, mark_of, parsed
from bytelatent.files import open_regular, read_json
from bytelatent.formats.file_names import (
    CALIBRATION_FILE,
    EVALUATION_FILE,
    METRICS_FILE,
    RUN_CONFIG_FILE,
    TRAIN_ARGS_FILE,
)

BESIDE = (TRAIN_ARGS_FILE, RUN_CONFIG_FILE, EVALUATION_FILE, CALIBRATION_FILE)
"""Names of the other files of a run that are read."""
FOLDERS = 5000
"""Largest number of folders that are searched."""
MOST = 500
"""Largest number of runs that are listed."""
END = 64 * 1024
"""Number of bytes at the end of a file that the summary is read from."""
LARGEST_ARGS = 4 * 1024 * 1024
"""Size in bytes of the largest ``train_args.json`` that is read."""
LAST_SECOND = 253_402_300_799
"""The last second of the year 9999, as seconds since 1970."""
LARGEST = 1e300
"""Numbers from here on count as infinite."""
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
        beside: the same for each of the other files of the run that exist, with its name.
    """

    name: str
    source: Source
    folder: Path
    mark: Mark
    beside: tuple[tuple[str, Mark], ...] = ()

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
        """Time of the last write, in UTC; times that a calendar lacks become its last year."""
        seconds = min(max(0.0, self.mark[2] / 1e9), LAST_SECOND)
        return datetime.fromtimestamp(seconds, tz=UTC)

    @property
    def version(self) -> str:
        """Text that changes whenever a file of the run changes."""
        marks = repr((self.mark, self.beside)).encode()
        return hashlib.blake2b(marks, digest_size=12).hexdigest()


@dataclass(frozen=True)
class Summary:
    """Progress of a run.

    Attributes:
        step: last step.
        planned_steps: planned number of steps, if the folder contains it.
        values: last values of some measures.
        problems: sentences about files of the run that cannot be read.
        not_finite: those of these measures whose last value is NaN or infinite; ``values`` lacks
            them.
    """

    step: int | None
    planned_steps: int | None
    values: dict[str, float]
    problems: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()


def runs_below(folder: Path, source: Source, depth: int) -> Iterator[TrainingRun]:
    """Generate the runs in ``folder`` and up to ``depth`` folders below it, sorted by name.

    Links are not followed, and a folder whose name is not printable is left out.
    """
    left = [(folder, "", depth)]
    looked = count = 0
    while left and looked < FOLDERS and count < MOST:
        place, name, deeper = left.pop()
        looked += 1
        inner, marks = _look(place)
        if mark := marks.pop(METRICS_FILE, None):
            count += 1
            own_name, beside = name or _own_name(place, inner), tuple(sorted(marks.items()))
            yield TrainingRun(f"{source}/{own_name}", source, place, mark, beside)
        if deeper:
            for entry in reversed(inner):
                way = f"{name}/{entry}" if name else entry
                left.append((place / entry, way, deeper - 1))


def _own_name(folder: Path, inner: list[str]) -> str:
    """Return the name of a run in the folder itself; no folder in it has the same name."""
    name = folder.resolve().name or "runs"
    return f"{name} (itself)" if name in inner else name


def _look(folder: Path) -> tuple[list[str], dict[str, Mark]]:
    """Return the names of the folders in a folder, and the marks of the files of a run in it.

    A link or a folder in place of the measures is none; a pipe is one, so that the run can say so.
    """
    inner: list[str] = []
    marks: dict[str, Mark] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in BESIDE or _holds_measures(entry):
                    marks[entry.name] = mark_of(entry.stat(follow_symlinks=False))
                elif _may_hold_runs(entry):
                    inner.append(entry.name)
    except OSError:  # deleted since the parent was read, or not readable
        pass
    return sorted(inner), marks


def _holds_measures(entry: os.DirEntry[str]) -> bool:
    return entry.name == METRICS_FILE and not (entry.is_symlink() or entry.is_dir())


def _may_hold_runs(entry: os.DirEntry[str]) -> bool:
    named = not entry.name.startswith(".") and entry.name.isprintable()
    return named and entry.name not in _NO_RUNS and entry.is_dir(follow_symlinks=False)


def summary_of(run: TrainingRun) -> Summary:
    """Read the end of a run's file and return its summary; a missing file gives an empty one."""
    problems: list[str] = []
    records = _last_records(run.folder, problems)
    steps = (record.get("step") for record in reversed(records))
    newest = _newest_values(records)
    finite = {name: value for name, value in newest.items() if abs(value) < LARGEST}
    return Summary(
        step=next((step for step in steps if _is_count(step)), None),
        planned_steps=_planned_steps(run.folder, problems),
        values=finite,
        not_finite=tuple(name for name in newest if name not in finite),
        problems=tuple(problems),
    )


def problem_of(folder: Path, error: Exception) -> str:
    """Return the message of an error about a file in ``folder``, without the path of the folder."""
    return str(error).replace(f"{folder}{os.sep}", "")


def _last_records(folder: Path, problems: list[str]) -> list[dict[str, Any]]:
    path = folder / METRICS_FILE
    try:
        with open_regular(path) as file:
            check_size(path, os.fstat(file.fileno()).st_size)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - END))
            lines = file.read(END).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(f"{METRICS_FILE} cannot be read: {error.strerror}")
        return []
    except ValueError as error:
        problems.append(problem_of(folder, error))
        return []
    return [record for record in map(parsed, lines) if record]


def _newest_values(records: list[dict[str, Any]]) -> dict[str, float]:
    """Return the last value of each measure of the summary; a run that diverged ends with NaN."""
    newest: dict[str, float] = {}
    for record in reversed(records):
        for name in SUMMARY:
            value = record.get(name)
            if name not in newest and type(value) in (int, float):  # bool is excluded
                newest[name] = math.inf if abs(value) >= LARGEST else float(value)
    return newest


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LAST_STEP


def _planned_steps(folder: Path, problems: list[str]) -> int | None:
    """Return ``steps`` from the configuration of a shipped model or of a local run."""
    for read in (_steps_of_args, _steps_of_config):
        try:
            steps = read(folder)
        except FileNotFoundError:
            continue
        except ValueError as error:
            problems.append(problem_of(folder, error))
            continue
        except OSError as error:
            problems.append(f"a configuration cannot be read: {error.strerror}")
            continue
        if steps is not None:
            return steps
    return None


def _steps_of_args(folder: Path) -> int | None:
    path = folder / TRAIN_ARGS_FILE
    path.lstat()
    args = read_json(path, limit=LARGEST_ARGS)
    if not isinstance(args, dict):
        raise ValueError(f"{path} holds no object")
    steps = args.get("steps")
    if steps is not None and not _is_count(steps):
        raise ValueError(f"{path}: steps is no whole number from 0 on")
    return steps


def _steps_of_config(folder: Path) -> int | None:
    path = folder / RUN_CONFIG_FILE
    with open_regular(path) as file:
        text = file.read(END)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)  # a last character may be cut
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8: {error.reason}") from None
    match = re.search(rb"^steps: *([0-9]{1,15}) *$", text, re.MULTILINE)
    return int(match[1]) if match else None
