"""The list of training runs and their curves as JSON, with caches."""

import json
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from app.requests.compressed import KeptBody
from app.requests.prefix import at, root
from app.runs.columns import LAST_STEP, Columns, Series
from app.runs.curve import Floats, RunCurve, Window, curve_of
from app.runs.expected import ExpectedResults, read_expected
from app.runs.find_runs import (
    MOST,
    Summary,
    TrainingRun,
    problem_of,
    runs_below,
    summary_of,
)
from app.runs.tail import Tail
from bytelatent.formats.file_names import METRICS_FILE

logger = logging.getLogger(__name__)

DEPTH = 4
KEPT_TAILS = 16
KEPT_BODIES = 64
DIGITS = 6
READ_SECONDS = 5.0
"""Longest time that one request reads a run; the next request goes on from there."""
WAIT_SECONDS = 2.0
"""Longest time that a request waits for another one that reads the same run."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class CurveRequest:
    """Request for the curves of a run.

    Attributes:
        points: approximate largest number of points of each curve.
        window: part of the curves to show.
    """

    points: int = 400
    window: Window = field(default_factory=Window)


class StillReadingError(Exception):
    """Error: a large run has not been read to its end yet; the message says so."""


class Newest(Generic[Value]):
    """Cache of the values that were used most recently; each value is computed once.

    Args:
        most: number of values that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the cached value of ``key``, or compute it with ``make`` and cache it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            value = self._kept.setdefault(key, value)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value


class Runs:
    """Training runs below some folders, read again at most every ``max_age`` seconds.

    Args:
        shipped: folder of the shipped models, one folder each.
        local: folder of local runs, searched :data:`DEPTH` folders deep.
        max_age: seconds between two searches.
    """

    def __init__(self, shipped: Path, local: Path | None, *, max_age: float = 1.0) -> None:
        self.local = local
        self._shipped, self._max_age = shipped, max_age
        self._looked = -math.inf
        self._runs: dict[str, TrainingRun] = {}
        self._tails = Newest[Tail](KEPT_TAILS)
        self._bodies = Newest[KeptBody](KEPT_BODIES)
        self._summaries = Newest[Summary](2 * MOST)
        self._expected = Newest[tuple[ExpectedResults | None, str | None]](2 * MOST)
        self._lists = Newest[KeptBody](4)

    def items(self) -> list[TrainingRun]:
        """Return all runs: the shipped ones, then the local ones, each sorted by name."""
        return list(self._fresh().values())

    def find(self, name: str) -> TrainingRun | None:
        """Return the run of exactly this name, or None."""
        return self._fresh().get(name)

    def _fresh(self) -> dict[str, TrainingRun]:
        now = time.monotonic()
        if now - self._looked >= self._max_age:
            runs = list(runs_below(self._shipped, "shipped", 1))
            if self.local is not None:
                runs += runs_below(self.local, "local", DEPTH)
            self._runs = {run.name: run for run in runs}
            self._looked = now
        return self._runs

    def listed(self, run: TrainingRun) -> dict[str, Any]:
        """Return the entry of a run in the list of runs."""
        summary = self._summaries.get((run.name, run.version), lambda: summary_of(run))
        problems = [*summary.problems, self._results(run)[1]]
        return {
            "name": run.name,
            "title": run.title,
            "source": run.source,
            "url": at(run.url),
            "modified": run.modified.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "version": run.version,
            "size": run.mark[1],
            "step": summary.step,
            "planned_steps": summary.planned_steps,
            "values": summary.values,
            "problem": "; ".join(filter(None, problems)) or None,
            "not_finite": list(summary.not_finite),
        }

    def list_body(self) -> KeptBody:
        """Return the list of runs as a JSON body."""
        runs = self.items()

        def make() -> KeptBody:
            value = {"items": [self.listed(run) for run in runs], "local": self.local is not None}
            return KeptBody(json.dumps(value, allow_nan=False).encode())

        return self._lists.get((root(), *runs), make)

    def body(self, run: TrainingRun, request: CurveRequest) -> KeptBody:
        """Return the curves of a run as a JSON body.

        Raises:
            OSError: the run's file cannot be read, for example because it was deleted.
            ValueError: the run's file is too large, or no regular file.
            StillReadingError: the run's file has not been read to its end yet.
        """
        key = (run.name, run.version, request, root())
        return self._bodies.get(key, lambda: self._body(run, request))

    def _body(self, run: TrainingRun, request: CurveRequest) -> KeptBody:
        return KeptBody(json.dumps(self.curves(run, request), allow_nan=False).encode())

    def curves(self, run: TrainingRun, request: CurveRequest) -> dict[str, Any]:
        """Return the curves of a run for JSON; :meth:`body` raises the same errors."""
        path = run.folder / METRICS_FILE
        expected = self.expected(run)
        tail = self._tails.get(path, lambda: Tail(path))
        with _turn(tail, run):
            columns = tail.read(_limit(run))
            return {
                **self.listed(run),
                "lines": columns.lines,
                "skipped": columns.skipped,
                "restarts": columns.restarts,
                "expected": asdict(expected) if expected else None,
                "series": _curves(columns.series, columns, request),
                "sources": _curves(columns.sources, columns, request),
            }

    def expected(self, run: TrainingRun) -> ExpectedResults | None:
        """Return the results of the run's model, if the folder contains them."""
        return self._results(run)[0]

    def _results(self, run: TrainingRun) -> tuple[ExpectedResults | None, str | None]:
        """Return the results of the run's model, and what is wrong with them."""

        def read() -> tuple[ExpectedResults | None, str | None]:
            try:
                return read_expected(run.folder), None
            except ValueError as error:
                problem = problem_of(run.folder, error)
                logger.warning("%s: %s", run.name, problem)
                return None, problem

        return self._expected.get((run.name, run.version), read)


@contextmanager
def _turn(tail: Tail, run: TrainingRun) -> Iterator[None]:
    """Hold the lock of a reader, unless another request keeps it for long."""
    if not tail.lock.acquire(timeout=WAIT_SECONDS):
        raise StillReadingError(f"{run.name} is being read for another request.")
    try:
        yield
    finally:
        tail.lock.release()


def _limit(run: TrainingRun) -> Callable[[float], None]:
    """Return a function that ends the reading of a run after a while."""
    end = time.monotonic() + READ_SECONDS

    def check(share: float) -> None:
        if time.monotonic() >= end:
            raise StillReadingError(f"{run.name} is being read: {share:.0%} so far.")

    return check


def _curves(
    series: Mapping[str, Series], columns: Columns, request: CurveRequest
) -> dict[str, dict[str, Any]]:
    return {
        name: _as_json(curve_of(column, columns, request.points, request.window))
        for name, column in series.items()
        if column.steps
    }


def _as_json(curve: RunCurve) -> dict[str, Any]:
    reduced = curve.points > len(curve.step)
    return {
        "points": curve.points,
        "step": _rounded(curve.step),
        "bytes": None if np.isnan(curve.bytes).any() else _rounded(curve.bytes),
        "mean": _short(curve.mean),
        "low": _short(curve.low) if reduced else None,
        "high": _short(curve.high) if reduced else None,
        "count": curve.count.tolist() if reduced else None,
    }


def _rounded(values: Floats) -> list[int]:
    whole_numbers: list[int] = np.rint(np.clip(values, 0, LAST_STEP)).astype(np.int64).tolist()
    return whole_numbers


def _short(values: Floats) -> list[float | None]:
    """Return the numbers with few digits, and None for each that is not finite."""
    return [float(f"{v:.{DIGITS}g}") if math.isfinite(v) else None for v in values.tolist()]
