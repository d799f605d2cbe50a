"""Panels of charts as an image, drawn by matplotlib."""

import math
from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bytelatent.plotting.panels import NARROW, SERIES_COLOURS, Drawing, Panel, Series, short
from bytelatent.plotting.style import LIGHT

WIDTH = 9.6
"""Width of the image in inches."""
CURVES, HISTOGRAM = 3.3, 1.15
BAR = 0.15
TITLE, LINE = 0.42, 0.19
"""Heights in inches of the title and of a line of the legend and the notes."""
FEWEST = 3
"""Minimum number of ticks of a logarithmic axis."""
COLUMNS = 4
"""Number of columns of the legend."""
BAND = 0.16
SMALL: dict[str, Any] = {"va": "center_baseline", "fontsize": 6.5, "color": LIGHT["muted"]}
"""Text style of the marks at bars without length."""


def panel_image(drawing: Drawing) -> Figure:
    """Draw all panels of a figure below each other, with one legend above and the notes below."""
    heights = [_height(panel) for panel in drawing.panels]
    notes = "\n".join(_wrapped(note) for note in drawing.notes)
    names = list(dict.fromkeys(series.name for panel in drawing.panels for series in panel.series))
    rows = -(-len(names) // COLUMNS) if len(names) > 1 else 0
    above, below = TITLE + LINE * rows + 0.12, LINE * (notes.count("\n") + 1) if notes else 0.0
    tall = sum(heights) + above + below
    figure = Figure(figsize=(WIDTH, tall))
    inside = (0, below / tall, 1, 1 - (above + below) / tall)
    figure.set_layout_engine("constrained", rect=inside)
    areas = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    handles: dict[str, Artist] = {}
    for area, panel in zip(areas, drawing.panels, strict=True):
        (_draw_bars if panel.kind == "bars" else _draw_curves)(area, panel)
        for handle, name in zip(*area.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    if len(handles) > 1:
        figure.legend(
            list(handles.values()),
            list(handles),
            ncols=COLUMNS,
            loc="upper left",
            bbox_to_anchor=(0.0, 1 - TITLE / tall),
        )
    name = drawing.card.title
    figure.text(0.01, 1 - 0.1 / tall, name, fontsize=14, fontweight="bold", va="top")
    figure.text(0.01, 0.05 / tall, notes, fontsize=8.5, color=LIGHT["muted"], va="bottom")
    return figure


def _wrapped(text: str, width: int = 130) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def _height(panel: Panel) -> float:
    if panel.kind == "histogram":
        return HISTOGRAM
    if panel.kind != "bars":
        return CURVES
    return max(1.3, 0.6 + BAR * len(panel.categories) * (len(panel.series) + 0.8))


def _draw_bars(area: Axes, panel: Panel) -> None:
    count = len(panel.series)
    positions = np.arange(len(panel.categories))
    for number, series in enumerate(panel.series):
        shift = (number - (count - 1) / 2) * 0.8 / count
        lengths = [0.0 if y is None else y for y in series.y]
        area.barh(
            positions + shift,
            lengths,
            height=0.8 / count,
            color=SERIES_COLOURS[series.colour].light,
            label=series.name,
            xerr=_error(series),
            error_kw={"ecolor": LIGHT["ink"], "elinewidth": 0.9, "capsize": 2},
        )
        for place, y in zip(positions, series.y, strict=True):
            if not y:  # no number is not a number that is zero
                mark = "–" if y is None else "0"
                area.annotate(mark, (0, place + shift), (3, 0), textcoords="offset points", **SMALL)
    area.set_yticks(positions, panel.categories)
    area.set_ylim(len(positions) - 0.4, -0.6)
    area.set(xlabel=panel.y_title)
    area.grid(axis="x")
    area.grid(visible=False, axis="y")
    if panel.line is not None:
        area.axvline(panel.line, color=LIGHT["ink"], linewidth=0.9, linestyle=":")
    _head(area, panel)


def _draw_curves(area: Axes, panel: Panel) -> None:
    if panel.kind == "areas":
        heights = [[y or 0.0 for y in series.y] for series in panel.series]
        colours = [SERIES_COLOURS[series.colour].light for series in panel.series]
        names = [series.name for series in panel.series]
        area.stackplot(panel.series[0].x, heights, colors=colours, labels=names)
        area.margins(x=0)
        area.set_ylim(bottom=0)
    elif panel.kind == "histogram":
        for series in panel.series:
            lengths = [0.0 if y is None else y for y in series.y]
            area.bar(series.x, lengths, width=0.85, color=SERIES_COLOURS[series.colour].light)
        area.set_ylim(0, panel.most)
    else:
        for series in panel.series:
            _draw_curve(area, series)
    if panel.log_x:
        _logarithmic(area, panel)
    elif panel.kind == "areas":
        area.yaxis.set_major_formatter(lambda y, _: short(y))
    if panel.line is not None:
        area.axhline(panel.line, color=LIGHT["ink"], linewidth=0.9, linestyle=":")
    area.set(xlabel=panel.x_title, ylabel=panel.y_title)
    _head(area, panel)


def _logarithmic(area: Axes, panel: Panel) -> None:
    """Set ticks at powers of ten, and at twice and five times them on a short axis."""
    low, high = panel.x_range
    area.set_xscale("log")
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    parts = (1,) if high / low >= NARROW else (1, 2, 5)
    ticks = [part * 10.0**power for power in range(first, last + 1) for part in parts]
    edge = (high / low) ** 0.03
    area.set_xlim(low / edge, high * edge)
    shown = [x for x in ticks if low / edge <= x <= high * edge]
    if len(shown) < FEWEST:
        shown = np.geomspace(low, high, FEWEST).tolist()
    area.set_xticks(shown, [short(x) for x in shown])
    area.minorticks_off()


def _draw_curve(area: Axes, series: Series) -> None:
    colour = SERIES_COLOURS[series.colour].light
    heights = [np.nan if y is None else y for y in series.y]
    draw = partial(area.plot, series.x, heights, color=colour)
    if series.style in ("fit", "band"):
        draw(linewidth=1.6, label=series.name if series.style == "band" else None)
        if series.low is not None and series.high is not None:
            low, high = (
                [np.nan if y is None else y for y in end] for end in (series.low, series.high)
            )
            area.fill_between(series.x, low, high, color=colour, alpha=BAND, linewidth=0)
    elif series.style == "read":
        draw(linestyle="--", linewidth=1.3, marker="o", markersize=5, mfc="none", label=series.name)
    elif series.style == "measured":
        area.errorbar(
            series.x,
            heights,
            yerr=_error(series),
            fmt="o",
            color=colour,
            capsize=3,
            label=series.name,
        )
    else:
        draw(marker="o", markersize=4, linewidth=1.6, label=series.name)


def _error(series: Series) -> list[list[float]] | None:
    """Return the lengths of the error bars below and above the numbers; 0 where there are none."""
    if series.low is None or series.high is None:
        return None
    ends = [
        (0.0, 0.0) if y is None or low is None or high is None else (y - low, high - y)
        for y, low, high in zip(series.y, series.low, series.high, strict=True)
    ]
    return [[max(0.0, end[side]) for end in ends] for side in (0, 1)]


def _head(area: Axes, panel: Panel) -> None:
    area.set_title(panel.heading, fontsize=10.5, fontweight="bold", pad=6)
