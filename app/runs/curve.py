"""A column made short enough to draw: means of neighbours, with the lowest and highest of them."""

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.runs.columns import Columns, Series

Floats = NDArray[np.float64]

EARLY_SHARE = 4
"""One in so many points is spent on the start, evenly on a logarithmic scale."""


@dataclass(frozen=True)
class Curve:
    """A measure, ready to draw.

    Attributes:
        points: how many there were.
        step, bytes: where each point stands; bytes are NaN where the run has counted none.
        mean: of the measures at a point; NaN where none of them is a number.
        low, high: the lowest and the highest of them.
        count: how many they are.
    """

    points: int
    step: Floats
    bytes: Floats
    mean: Floats
    low: Floats
    high: Floats
    count: NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """The part of the curves to show.

    Attributes:
        axis: ``step`` or ``bytes``.
        low, high: its ends; None leaves an end open.
    """

    axis: str = "step"
    low: float | None = None
    high: float | None = None


def curve_of(series: Series, columns: Columns, most: int, window: Window = Window()) -> Curve:
    """``series`` inside a window, in about ``most`` points at most."""
    steps = _as_floats(series.steps)
    values = np.array(series.values, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    seen = bytes_at(steps, columns)
    part = _inside(seen if window.axis == "bytes" else steps, window)
    steps, values, seen = steps[part], values[part], seen[part]
    starts = _starts(len(steps), most)
    if len(starts) == len(steps):
        ones = np.ones(len(steps), np.int64)
        return Curve(len(steps), steps, seen, values, values, values, ones)
    with np.errstate(over="ignore"):  # a sum of huge numbers is no number, and shown as none
        return _reduced(steps, seen, values, starts)


def _reduced(steps: Floats, seen: Floats, values: Floats, starts: NDArray[np.int64]) -> Curve:
    known = np.isfinite(values)
    sizes = np.diff(np.append(starts, len(steps)))
    count = np.add.reduceat(known.astype(np.int64), starts)
    none = count == 0
    total = np.add.reduceat(np.where(known, values, 0.0), starts)
    low = np.minimum.reduceat(np.where(known, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(known, values, -np.inf), starts)
    return Curve(
        points=len(steps),
        step=np.add.reduceat(steps, starts) / sizes,
        bytes=np.add.reduceat(seen, starts) / sizes,
        mean=np.where(none, np.nan, total / np.maximum(count, 1)),
        low=np.where(none, np.nan, low),
        high=np.where(none, np.nan, high),
        count=count,
    )


def bytes_at(steps: Floats, columns: Columns) -> Floats:
    """Bytes seen by each step: as counted, and between two counts in proportion."""
    counted = columns.series.get("bytes")
    if counted is None or not counted.steps:
        return np.full(len(steps), np.nan)
    at, seen = _as_floats(counted.steps), np.array(counted.values, dtype=np.float64)
    known = np.isfinite(seen)
    found: Floats = np.interp(steps, np.append(0.0, at[known]), np.append(0.0, seen[known]))
    return found


def _as_floats(steps: "array[int]") -> Floats:
    return np.array(steps, dtype=np.float64)


def _inside(x: Floats, window: Window) -> slice:
    """Places inside the window, and one more at each end, so that lines run to the edge."""
    first = 0 if window.low is None else int(np.searchsorted(x, window.low, "left")) - 1
    last = len(x) if window.high is None else int(np.searchsorted(x, window.high, "right")) + 1
    return slice(max(0, first), last)


def _starts(count: int, most: int) -> NDArray[np.int64]:
    """Where the points begin: evenly, finer at the start, and the last measure by itself."""
    if count <= most:
        return np.arange(count)
    early = most // EARLY_SHARE
    even = np.linspace(0, count - 1, most - early)
    logarithmic = np.geomspace(1, count, early, endpoint=False) - 1
    return np.unique(np.concatenate([even, logarithmic]).astype(np.int64))
