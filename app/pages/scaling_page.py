"""``/scaling``: what our scaling study found, with charts, beside the paper's numbers."""

import math
from dataclasses import dataclass

from flask import Blueprint, Response, current_app

from app.pages.render import json_for_html, page
from app.schemas.scaling import ScalingFigure, ScalingPanel, ScalingSection, ScalingSeries
from app.stored.study import Study

blueprint = Blueprint("scaling", __name__)

BLOCKS: tuple[tuple[tuple[str, ...], str | None], ...] = (
    (("runs", "measures"), None),
    (("training",), "scaling_curves"),
    (("inference",), "scaling_inference"),
    (("moves",), "scaling_gaps"),
    (("paper",), None),
    (("ablations",), "scaling_ablations"),
    (("noise",), "noise"),
    (("spelling",), "spelling"),
    (("languages",), "languages_by_family"),
    ((), "fixed_inference"),
    ((), "flops_by_part"),
    ((), "entropy_model_size"),
    ((), "patch_histograms"),
    (("models", "rates", "laws"), None),
)
"""Sections of the report and the figure that belongs to them, in the order of the page."""

TINTS = {
    **{"blue": 0, "vermillion": 1, "green": 2, "purple": 3, "rose": 4, "amber": 5},
    **{"muted": 6, "ink": 6, "sky": 7, "teal": 8},
}
"""Classes of colours by the names that series have."""


@dataclass(frozen=True)
class Bar:
    """A bar as it is drawn: its ends in percent of the width, its number, and what it is of."""

    x: float
    width: float
    value: str
    name: str
    tint: int


@dataclass(frozen=True)
class BarRow:
    """A category with a bar for each series."""

    name: str
    bars: list[Bar]


@dataclass(frozen=True)
class Chart:
    """A panel as the page draws it.

    Attributes:
        id: of the place that a script fills.
        panel: what is drawn.
        legend: names and tints of its series.
        bars: its categories, if it has bars.
        columns: heights in percent, if it is a histogram.
    """

    id: str
    panel: ScalingPanel
    legend: list[tuple[str, int]]
    bars: list[BarRow]
    columns: list[float]


@dataclass(frozen=True)
class Block:
    """A part of the page: sections of the report, then charts.

    Attributes:
        id, title: of the first of them.
        sections: of the report.
        figure: None where there is none.
        charts: of the figure.
        link: address of the figure in the gallery, if there is one.
    """

    id: str
    title: str
    sections: list[ScalingSection]
    figure: ScalingFigure | None
    charts: list[Chart]


@dataclass(frozen=True)
class ScalingPage:
    """Context of ``scaling.html``.

    Attributes:
        head: how much of the study there is.
        lacking: what has not been run.
        blocks: what there is to show.
        page_data: JSON for the scripts.
    """

    head: str
    lacking: list[str]
    blocks: list[Block]
    page_data: str


@blueprint.get("/scaling")
def scaling() -> Response:
    """The study."""
    study: Study = current_app.extensions["study"]
    found = study.read()
    sections = {section.id: section for section in found.sections}
    figures = {figure.name: figure for figure in found.figures}
    blocks = []
    for names, stem in BLOCKS:
        there = [sections[name] for name in names if name in sections]
        figure = figures.get(stem or "")
        if there or figure:
            blocks.append(_block(there, figure))
    curves = {
        chart.id: _for_script(chart.panel)
        for block in blocks
        for chart in block.charts
        if chart.panel.kind in ("lines", "areas")
    }
    return page(
        "scaling.html",
        ScalingPage(found.head, found.lacking, blocks, json_for_html({"charts": curves})),
    )


def _block(sections: list[ScalingSection], figure: ScalingFigure | None) -> Block:
    charts = []
    if figure is not None:
        charts = [
            _chart(f"{figure.name}-{place}", panel) for place, panel in enumerate(figure.panels)
        ]
    first = sections[0] if sections else None
    name = first.id if first else (figure.name if figure else "")
    title = first.title if first else (figure.title if figure else "")
    return Block(name, title, sections, figure, charts)


def _chart(name: str, panel: ScalingPanel) -> Chart:
    legend = {one.name: TINTS.get(one.colour, 6) for one in panel.series}
    bars = _bars(panel) if panel.kind == "bars" else []
    columns = []
    if panel.kind == "histogram":
        heights = [y or 0.0 for y in panel.series[0].y]
        columns = [round(100 * height / (panel.most or max(heights) or 1), 2) for height in heights]
    return Chart(name, panel, list(legend.items()), bars, columns)


def _bars(panel: ScalingPanel) -> list[BarRow]:
    every = [y for one in panel.series for y in one.y if y is not None]
    low, high = min([0.0, *every]), max([0.0, *every])
    span = (high - low) or 1.0
    rows = []
    for place, name in enumerate(panel.categories):
        bars = []
        for one in panel.series:
            length = one.y[place] or 0.0
            start = 100 * (min(0.0, length) - low) / span
            width = 100 * abs(length) / span
            tint = TINTS.get(one.colour, 6)
            bars.append(Bar(round(start, 2), round(width, 2), _value(one, place), one.name, tint))
        rows.append(BarRow(name, bars))
    return rows


def _value(one: ScalingSeries, place: int) -> str:
    """The number of a bar, and half the length of its error, to the second digit of that."""
    value = one.y[place]
    if value is None:
        return "–"
    low, high = (None if ends is None else ends[place] for ends in (one.low, one.high))
    if low is None or high is None or low == high:
        return f"{value:.3g}"
    half = (high - low) / 2
    places = max(0, 1 - math.floor(math.log10(half)))
    return f"{value:.{places}f} ± {half:.{places}f}"


def _for_script(panel: ScalingPanel) -> dict[str, object]:
    """What the script draws of a panel of curves, with short numbers."""
    lines = [
        {
            "name": one.name,
            "tint": TINTS.get(one.colour, 6),
            "style": one.style,
            "xs": [_short(x) for x in one.x],
            "ys": [_short(y) for y in one.y],
            "low": None if one.low is None else [_short(y) for y in one.low],
            "high": None if one.high is None else [_short(y) for y in one.high],
        }
        for one in panel.series
    ]
    return {
        "lines": lines,
        "stacked": panel.kind == "areas",
        "log": panel.log_x,
        "label": f"{panel.title}: {panel.y_title} by {panel.x_title}",
        "line": panel.line,
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
