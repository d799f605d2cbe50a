"""Charts as data: panels of curves or bars that pages, images and the web app draw alike.

A data file of a figure holds its panels, so that everything drawn can be read there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.style import PALETTE, Colour

Kind = Literal["lines", "areas", "bars", "histogram"]
Layer = Literal["ours", "paper"]
Style = Literal["measured", "fit", "band", "read", "plain"]
"""``measured``: points of ours; ``fit``: a law through them; ``band``: a curve that stands for
itself; ``read``: points of the paper."""

SERIES_COLOURS: dict[str, Colour] = {
    **{name: PALETTE[name] for name in ("blue", "vermillion", "green", "sky", "muted", "ink")},
    "purple": Colour("#8a4fa3", "#c99ae0"),
    "amber": Colour("#b57b00", "#e8b53d"),
    "rose": Colour("#c23b6b", "#f48bab"),
    "teal": Colour("#2a8f9d", "#6fd3df"),
}
"""Colours of series by name; light values are all different."""

CYCLE = ("blue", "vermillion", "green", "purple", "amber", "teal", "rose", "sky", "muted", "ink")
"""Colours of series that have none of their own, in turn."""

FAMILIES = {
    "blt-entropy": "blue",
    "blt-space": "green",
    "blt-static": "purple",
    "bytes": "amber",
    "bpe": "vermillion",
}
"""Our families keep their colours wherever they are drawn."""


NARROW = 200.0
"""Ends of a logarithmic axis whose ratio is less get ticks between the powers of ten."""

LARGE = 12
"""Power of ten from which axes write powers; below stand thousands, millions and billions."""
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

LISTED, ROWS = 30, 11
"""Points of a curve above which a table has fewer, and then how many."""


@dataclass(frozen=True)
class Series:
    """Numbers that belong together.

    Attributes:
        name: in the legend; a fit has the name of its points.
        y: heights of a curve, or lengths of bars, one for each category; None where there is none.
        x: places of a curve, ascending; empty for bars.
        low, high: ends of a band of a curve or of a bar's error; None for none.
        colour: key of :data:`SERIES_COLOURS`.
        style: how a curve is drawn.
    """

    name: str
    y: list[float | None]
    x: list[float] = field(default_factory=list)
    low: list[float | None] | None = None
    high: list[float | None] | None = None
    colour: str = "blue"
    style: Style = "plain"


@dataclass(frozen=True)
class Panel:
    """One chart of a figure.

    Attributes:
        title: a few words.
        kind: curves, curves stacked as areas, bars that lie, or a histogram.
        x_title, y_title: names and units of the axes; of bars, ``y_title`` names the length.
        series: what is drawn.
        source: where the numbers come from.
        layer: runs and models of ours, or numbers of the paper.
        approximate: read off a published figure.
        categories: of bars.
        log_x: whether the axis of curves is logarithmic.
        line: a length of bars, or a height of curves, to compare with; drawn across.
        most: how high the axis of a histogram goes, where several are compared.
    """

    title: str
    kind: Kind
    x_title: str
    y_title: str
    series: list[Series]
    source: str
    layer: Layer = "ours"
    approximate: bool = False
    categories: list[str] = field(default_factory=list)
    log_x: bool = False
    line: float | None = None
    most: float | None = None

    @property
    def heading(self) -> str:
        """The title, with the source of numbers that are not ours."""
        if self.layer == "ours":
            return self.title
        return f"{self.title} ({self.source}{', approximate' if self.approximate else ''})"

    @property
    def x_range(self) -> tuple[float, float]:
        """Where the first and the last point of a curve lie."""
        places = [x for one in self.series for x in one.x]
        return min(places), max(places)


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        card: its names.
        panels: one at least.
        notes: sentences that say what is drawn, and what is not there yet.
    """

    card: Card
    panels: list[Panel]
    notes: list[str] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        """What its data file holds."""
        return {
            "title": self.card.title,
            "description": self.card.description,
            "notes": self.notes,
            "panels": [_data(panel) for panel in self.panels],
        }


def _data(panel: Panel) -> dict[str, Any]:
    """A panel with its table, so that whoever shows it need not make one."""
    columns, rows = rows_of(panel)
    return asdict(panel) | {"columns": columns, "rows": rows}


def bars(
    values: Mapping[str, Sequence[float | None]], colours: Sequence[str] = CYCLE
) -> list[Series]:
    """Series of bars by name, coloured in turn."""
    return [
        Series(name, list(found), colour=colours[place % len(colours)])
        for place, (name, found) in enumerate(values.items())
    ]


def rows_of(panel: Panel) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the numbers in a panel; curves of laws are left out."""
    if panel.kind == "bars":
        columns = ["", *(one.name for one in panel.series)]
        return columns, [
            [name, *(_with_error(one, place) for one in panel.series)]
            for place, name in enumerate(panel.categories)
        ]
    columns = ["", panel.x_title, panel.y_title]
    return columns, [
        [one.name, in_words(one.x[place]), _with_error(one, place)]
        for one in panel.series
        if one.style != "fit"
        for place in _listed(one)
    ]


def _listed(one: Series) -> list[int]:
    """Places that a table has: all, or of a long curve eleven."""
    there = [place for place, y in enumerate(one.y) if y is not None]
    if len(there) <= LISTED:
        return there
    steps = [round(k * (len(there) - 1) / (ROWS - 1)) for k in range(ROWS)]
    return [there[step] for step in steps]


def in_words(value: float | None) -> str:
    """A number with four digits: 2.013, 3.1e+08."""
    if value is None:
        return "–"
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2e}"
    return f"{value:.4g}"


def short(value: float) -> str:
    """A number on an axis: 0, 250k, 1.5M, 2·10¹³."""
    power = math.floor(math.log10(abs(value))) if value else 0
    if power >= LARGE:
        front = f"{value / 10**power:.2g}"
        return ("" if front == "1" else f"{front}·") + f"10{str(power).translate(SUPERSCRIPT)}"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _with_error(one: Series, place: int) -> str:
    text = in_words(one.y[place])
    if one.low is None or one.high is None or one.low[place] == one.high[place]:
        return text
    return f"{text} ({in_words(one.low[place])} to {in_words(one.high[place])})"
