"""Training runs, kept as far as they have been read, and as they are sent to a page."""

import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from app.requests.compressed import KeptBody
from app.runs.columns import LAST_STEP, Columns, Series
from app.runs.curve import Curve, Floats, Window, curve_of
from app.runs.expected import Expected, expected_of
from app.runs.find_runs import METRICS, MOST, Run, Summary, runs_below, summary_of
from app.runs.tail import Tail

DEPTH = 4
KEPT_TAILS = 16
KEPT_BODIES = 64
DIGITS = 6

Value = TypeVar("Value")


@dataclass(frozen=True)
class CurveRequest:
    """What of a run is asked for.

    Attributes:
        points: of each curve, at most about so many.
        window: the part to show.
    """

    points: int = 400
    window: Window = field(default_factory=Window)


class Newest(Generic[Value]):
    """The values that were asked for last, made once each.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What is kept for ``key``, or else what ``make`` returns."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            made = self._kept.setdefault(key, made)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made


class Runs:
    """The runs below some folders; looks again when asked, but not more often than ``max_age``.

    Args:
        shipped: folder of the shipped models, one folder each.
        local: folder of runs, :data:`DEPTH` folders deep.
        patience: seconds between two looks.
    """

    def __init__(self, shipped: Path, local: Path | None, *, max_age: float = 1.0) -> None:
        self.local = local
        self._shipped, self._max_age = shipped, max_age
        self._looked = -math.inf
        self._runs: dict[str, Run] = {}
        self._tails = Newest[Tail](KEPT_TAILS)
        self._bodies = Newest[KeptBody](KEPT_BODIES)
        self._summaries = Newest[Summary](2 * MOST)
        self._expected = Newest[Expected | None](KEPT_BODIES)
        self._lists = Newest[KeptBody](4)

    def items(self) -> list[Run]:
        """All runs: the shipped ones, then the local ones, by name."""
        return list(self._fresh().values())

    def find(self, name: str) -> Run | None:
        """The run of this exact name."""
        return self._fresh().get(name)

    def _fresh(self) -> dict[str, Run]:
        now = time.monotonic()
        if now - self._looked >= self._max_age:
            found = list(runs_below(self._shipped, "shipped", 1))
            if self.local is not None:
                found += runs_below(self.local, "local", DEPTH)
            self._runs = {run.name: run for run in found}
            self._looked = now
        return self._runs

    def listed(self, run: Run) -> dict[str, Any]:
        """What the list of runs says of one."""
        summary = self._summaries.get((run.name, run.mark), lambda: summary_of(run))
        return {
            "name": run.name,
            "title": run.title,
            "source": run.source,
            "url": run.url,
            "modified": run.modified.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "version": run.version,
            "size": run.mark[1],
            "step": summary.step,
            "planned_steps": summary.planned_steps,
            "values": summary.values,
        }

    def list_body(self) -> KeptBody:
        """The list of runs as JSON."""
        runs = self.items()

        def make() -> KeptBody:
            value = {"items": [self.listed(run) for run in runs], "local": self.local is not None}
            return KeptBody(json.dumps(value, allow_nan=False).encode())

        return self._lists.get(tuple(runs), make)

    def body(self, run: Run, wanted: CurveRequest) -> KeptBody:
        """Its curves as JSON.

        Raises:
            OSError: its file cannot be read, as when it has just gone.
            ValueError: it is too large.
        """
        key = (run.name, run.mark, wanted)
        return self._bodies.get(key, lambda: self._body(run, wanted))

    def _body(self, run: Run, wanted: CurveRequest) -> KeptBody:
        return KeptBody(json.dumps(self.curves(run, wanted), allow_nan=False).encode())

    def curves(self, run: Run, wanted: CurveRequest) -> dict[str, Any]:
        """Its curves, as :meth:`body` has them."""
        path = run.folder / METRICS
        expected = self.expected(run)
        tail = self._tails.get(path, lambda: Tail(path))
        with tail.lock:
            columns = tail.read()
            return {
                **self.listed(run),
                "lines": columns.lines,
                "skipped": columns.skipped,
                "restarts": columns.restarts,
                "expected": asdict(expected) if expected else None,
                "series": _curves(columns.series, columns, wanted),
                "sources": _curves(columns.sources, columns, wanted),
            }

    def expected(self, run: Run) -> Expected | None:
        """What the model of a run reaches, as far as its folder says so."""
        return self._expected.get((run.name, run.mark), lambda: expected_of(run.folder))


def _curves(
    series: Mapping[str, Series], columns: Columns, wanted: CurveRequest
) -> dict[str, dict[str, Any]]:
    return {
        name: _as_json(curve_of(column, columns, wanted.points, wanted.window))
        for name, column in series.items()
        if column.steps
    }


def _as_json(curve: Curve) -> dict[str, Any]:
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
    found: list[int] = np.rint(np.clip(values, 0, LAST_STEP)).astype(np.int64).tolist()
    return found


def _short(values: Floats) -> list[float | None]:
    """Numbers with few digits; None for what is none."""
    return [float(f"{v:.{DIGITS}g}") if math.isfinite(v) else None for v in values.tolist()]
