"""A measure reduced to points for drawing: mean, minimum and maximum of neighbouring values."""

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.runs.columns import Columns, Series

Floats = NDArray[np.float64]

EARLY_SHARE = 4
"""One in this many points lies on a logarithmic scale, which is dense at the start of the run."""


@dataclass(frozen=True)
class RunCurve:
    """A measure reduced to points.

    Attributes:
        points: number of values before the reduction.
        step, bytes: step and bytes seen at each point; bytes are NaN if the run does not count
            them.
        mean: mean of the values at each point; NaN if none of them is finite.
        low, high: minimum and maximum of the values at each point.
        count: number of finite values at each point.
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
    """Part of the curves to show.

    Attributes:
        axis: axis of the limits, ``step`` or ``bytes``.
        low, high: limits of the window; None means no limit.
    """

    axis: str = "step"
    low: float | None = None
    high: float | None = None


def curve_of(series: Series, columns: Columns, most: int, window: Window = Window()) -> RunCurve:
    """Return the values of ``series`` inside a window, reduced to about ``most`` points."""
    steps = _as_floats(series.steps)
    values = np.array(series.values, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    seen = bytes_at(steps, columns)
    part = _inside(seen if window.axis == "bytes" else steps, window)
    steps, values, seen = steps[part], values[part], seen[part]
    starts = _starts(len(steps), most)
    if len(starts) == len(steps):
        ones = np.ones(len(steps), np.int64)
        return RunCurve(len(steps), steps, seen, values, values, values, ones)
    with np.errstate(over="ignore"):  # an overflow gives an infinity, which becomes null
        return _reduced(steps, seen, values, starts)


def _reduced(steps: Floats, seen: Floats, values: Floats, starts: NDArray[np.int64]) -> RunCurve:
    known = np.isfinite(values)
    sizes = np.diff(np.append(starts, len(steps)))
    count = np.add.reduceat(known.astype(np.int64), starts)
    none = count == 0
    total = np.add.reduceat(np.where(known, values, 0.0), starts)
    low = np.minimum.reduceat(np.where(known, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(known, values, -np.inf), starts)
    return RunCurve(
        points=len(steps),
        step=np.add.reduceat(steps, starts) / sizes,
        bytes=np.add.reduceat(seen, starts) / sizes,
        mean=np.where(none, np.nan, total / np.maximum(count, 1)),
        low=np.where(none, np.nan, low),
        high=np.where(none, np.nan, high),
        count=count,
    )


def bytes_at(steps: Floats, columns: Columns) -> Floats:
    """Return the bytes seen at each step, linearly interpolated between the counts of the run."""
    counted = columns.series.get("bytes")
    if counted is None or not counted.steps:
        return np.full(len(steps), np.nan)
    at, seen = _as_floats(counted.steps), np.array(counted.values, dtype=np.float64)
    known = np.isfinite(seen)
    bytes_seen: Floats = np.interp(steps, np.append(0.0, at[known]), np.append(0.0, seen[known]))
    return bytes_seen


def _as_floats(steps: "array[int]") -> Floats:
    return np.array(steps, dtype=np.float64)


def _inside(x: Floats, window: Window) -> slice:
    """Return the slice inside the window, one value longer at each end to reach the edge."""
    first = 0 if window.low is None else int(np.searchsorted(x, window.low, "left")) - 1
    last = len(x) if window.high is None else int(np.searchsorted(x, window.high, "right")) + 1
    return slice(max(0, first), last)


def _starts(count: int, most: int) -> NDArray[np.int64]:
    """Return the first index of each point.

    The points are evenly spaced and denser at the start; the last value is a point by itself.
    """
    if count <= most:
        return np.arange(count)
    early = most // EARLY_SHARE
    even = np.linspace(0, count - 1, most - early)
    logarithmic = np.geomspace(1, count, early, endpoint=False) - 1
    return np.unique(np.concatenate([even, logarithmic]).astype(np.int64))
