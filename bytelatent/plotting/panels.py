"""Charts as data: panels of curves or bars for pages, images and the web app.

The data file of a figure holds its panels, so it contains all numbers that are drawn.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.style import PALETTE, Colour

PieceKind = Literal["lines", "areas", "bars", "histogram"]
Layer = Literal["ours", "paper"]
Style = Literal["measured", "fit", "band", "read", "plain"]
"""Style of a curve.

``measured`` draws our points, ``fit`` a law fitted to points, ``band`` a curve with its own legend
entry, ``read`` points of the paper, and ``plain`` any other curve.
"""

SERIES_COLOURS: dict[str, Colour] = {
    **{name: PALETTE[name] for name in ("blue", "vermillion", "green", "sky", "muted", "ink")},
    "purple": Colour("#8a4fa3", "#c99ae0"),
    "amber": Colour("#b57b00", "#e8b53d"),
    "rose": Colour("#c23b6b", "#f48bab"),
    "teal": Colour("#2a8f9d", "#6fd3df"),
}
"""Colours of series by name; all light values are different."""

CYCLE = ("blue", "vermillion", "green", "purple", "amber", "teal", "rose", "sky", "muted", "ink")
"""Colours that series without their own colour get in turn."""

FAMILIES = {
    "blt-entropy": "blue",
    "blt-space": "green",
    "blt-static": "purple",
    "bytes": "amber",
    "bpe": "vermillion",
}
"""Colours of our model families, the same in every figure."""


NARROW = 200.0
"""Ratio of the ends of a logarithmic axis below which it has ticks between powers of ten."""

LARGE = 12
"""Exponent of ten from which axes show powers; smaller numbers get the units k, M and G."""
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

LISTED, ROWS = 30, 11
"""Length of a curve above which a table has fewer points, and the number of these points."""


@dataclass(frozen=True)
class Series:
    """A series of numbers in a panel.

    Attributes:
        name: name in the legend; a fit has the name of its points.
        y: heights of a curve, or lengths of bars, one per category; None for a missing number.
        x: x values of a curve, ascending; empty for bars.
        low, high: ends of a curve's band or of a bar's error; None for none.
        colour: key of :data:`SERIES_COLOURS`.
        style: style of a curve.
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
        title: title of a few words.
        kind: curves, curves stacked as areas, horizontal bars, or a histogram.
        x_title, y_title: names and units of the axes; for bars, ``y_title`` names the length.
        series: series of the chart.
        source: source of the numbers.
        layer: whether the numbers are ours or the paper's.
        approximate: whether the numbers are read off a published figure.
        categories: names of the bars.
        log_x: whether the x axis of curves is logarithmic.
        line: length of bars, or height of curves, at which a reference line is drawn.
        most: upper end of the y axis of histograms that are compared; None for automatic.
    """

    title: str
    kind: PieceKind
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
        """Title of the panel, with the source of numbers that are not ours."""
        if self.layer == "ours":
            return self.title
        return f"{self.title} ({self.source}{', approximate' if self.approximate else ''})"

    @property
    def x_range(self) -> tuple[float, float]:
        """Smallest and largest x value of the curves."""
        x_values = [x for series in self.series for x in series.x]
        return min(x_values), max(x_values)


@dataclass(frozen=True)
class Drawing:
    """A figure of panels.

    Attributes:
        card: gallery card with the names of the figure.
        panels: panels of the figure, at least one.
        notes: sentences about what is drawn and what is missing.
    """

    card: Card
    panels: list[Panel]
    notes: list[str] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        """Return the content of the figure's data file."""
        return {
            "title": self.card.title,
            "description": self.card.description,
            "notes": self.notes,
            "panels": [_data(panel) for panel in self.panels],
        }


def _data(panel: Panel) -> dict[str, Any]:
    """Return a panel as JSON values with its table, so that no reader has to compute it."""
    columns, rows = rows_of(panel)
    return asdict(panel) | {"columns": columns, "rows": rows}


def bars(
    values: Mapping[str, Sequence[float | None]], colours: Sequence[str] = CYCLE
) -> list[Series]:
    """Return series of bars by name, coloured in turn."""
    return [
        Series(name, list(lengths), colour=colours[place % len(colours)])
        for place, (name, lengths) in enumerate(values.items())
    ]


def rows_of(panel: Panel) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of the numbers in a panel, without fitted curves."""
    if panel.kind == "bars":
        columns = ["", *(series.name for series in panel.series)]
        return columns, [
            [name, *(_with_error(series, place) for series in panel.series)]
            for place, name in enumerate(panel.categories)
        ]
    columns = ["", panel.x_title, panel.y_title]
    return columns, [
        [series.name, in_words(series.x[place]), _with_error(series, place)]
        for series in panel.series
        if series.style != "fit"
        for place in _listed(series)
    ]


def _listed(series: Series) -> list[int]:
    """Return the indices of the points in the table: all, or :data:`ROWS` of a long curve."""
    there = [place for place, y in enumerate(series.y) if y is not None]
    if len(there) <= LISTED:
        return there
    steps = [round(k * (len(there) - 1) / (ROWS - 1)) for k in range(ROWS)]
    return [there[step] for step in steps]


def in_words(value: float | None) -> str:
    """Format a number with four digits: 2.013, 3.1e+08."""
    if value is None:
        return "–"
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2e}"
    return f"{value:.4g}"


def short(value: float) -> str:
    """Format a number on an axis: 0, 250k, 1.5M, 2·10¹³."""
    power = math.floor(math.log10(abs(value))) if value else 0
    if power >= LARGE:
        front = f"{value / 10**power:.2g}"
        return ("" if front == "1" else f"{front}·") + f"10{str(power).translate(SUPERSCRIPT)}"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _with_error(series: Series, place: int) -> str:
    text = in_words(series.y[place])
    if series.low is None or series.high is None or series.low[place] == series.high[place]:
        return text
    return f"{text} ({in_words(series.low[place])} to {in_words(series.high[place])})"
