"""Training curves of the shipped models as SVG paths, for a page without JavaScript."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 800, 280
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 28
EARLY = 0.03
"""Share of the width in which the steep start of a curve may leave the plot at the top."""
MEASURE, HELD_OUT = "bits_per_byte", "valid_bits_per_byte"


@dataclass(frozen=True)
class NoJsLine:
    """Curves of one run: an SVG path of the training batches and one of the held-out text."""

    title: str
    train: str
    held_out: str


@dataclass(frozen=True)
class Tick:
    """Label on an axis, and its position."""

    place: float
    label: str


@dataclass(frozen=True)
class NoJsCurves:
    """Plot of ``WIDTH`` by ``HEIGHT`` with the curves of all runs."""

    lines: list[NoJsLine]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def no_js_curves(runs: Sequence[dict[str, Any]]) -> NoJsCurves | None:
    """Draw bits per byte against bytes seen; ``runs`` are responses of ``/api/runs/<name>``."""
    pairs = {
        run["title"]: (_points(run["series"].get(MEASURE)), _points(run["series"].get(HELD_OUT)))
        for run in runs
    }
    every = [point for both in pairs.values() for points in both for point in points]
    end = max((x for x, _ in every), default=0)
    shown = [y for x, y in every if x >= EARLY * end]
    if not shown or end <= 0:
        return None
    low, high = min(shown), max(shown)
    space = (high - low) * 0.06 or 1.0
    low, high = max(0.0, low - space), high + space

    def path(points: Sequence[tuple[float, float]]) -> str:
        coordinates = (
            f"{LEFT + x / end * (WIDTH - LEFT - RIGHT):.1f} {_height(y, low, high):.1f}"
            for x, y in points
        )
        return " L".join(coordinates)

    return NoJsCurves(
        lines=[
            NoJsLine(title, *(f"M{path(points)}" if points else "" for points in both))
            for title, both in pairs.items()
        ],
        x_ticks=[
            Tick(LEFT + size / end * (WIDTH - LEFT - RIGHT), f"{size / 1e6:g} MB")
            for size in _round_places(0, end, 6)
        ],
        y_ticks=[
            Tick(_height(bits, low, high), f"{bits:g}") for bits in _round_places(low, high, 5)
        ],
    )


def _points(curve: dict[str, Any] | None) -> list[tuple[float, float]]:
    if not curve or curve["bytes"] is None:
        return []
    pairs = zip(curve["bytes"], curve["mean"], strict=True)
    return [(x, y) for x, y in pairs if y is not None]


def _height(bits: float, low: float, high: float) -> float:
    return TOP + (high - bits) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _round_places(low: float, high: float, count: int) -> list[float]:
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= rough)
    first = math.ceil(low / step)
    return [float(f"{k * step:.12g}") for k in range(first, math.floor(high / step) + 1)]
