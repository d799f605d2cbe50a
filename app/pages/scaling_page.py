"""The page ``/scaling``: results of the scaling study with charts, beside the paper's numbers."""

import math
from dataclasses import dataclass

from flask import Blueprint, Response, current_app

from app.pages.page_record import PageRecord
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
"""Colour classes by the colour names of series."""


@dataclass(frozen=True)
class Bar:
    """Bar of a chart: start and width in percent, its number, its series and its colour class."""

    x: float
    width: float
    value: str
    name: str
    tint: int


@dataclass(frozen=True)
class BarRow:
    """Category with one bar for each series."""

    name: str
    bars: list[Bar]


@dataclass(frozen=True)
class Chart:
    """Panel as the page draws it.

    Attributes:
        id: id of the element that a script fills.
        panel: panel of the figure.
        legend: names and colour classes of the series.
        bars: categories of a bar chart.
        columns: heights of a histogram in percent.
    """

    id: str
    panel: ScalingPanel
    legend: list[tuple[str, int]]
    bars: list[BarRow]
    columns: list[float]


@dataclass(frozen=True)
class Block:
    """Block of the page: sections of the report, then charts.

    Attributes:
        id, title: id and title of the first section or of the figure.
        sections: sections of the report.
        figure: figure, or None.
        charts: charts of the figure.
    """

    id: str
    title: str
    sections: list[ScalingSection]
    figure: ScalingFigure | None
    charts: list[Chart]


@dataclass(frozen=True)
class ScalingPage:
    """Context of the template ``scaling.html``.

    Attributes:
        head: sentence about the extent of the study.
        lacking: parts of the study that have not been run.
        blocks: blocks of the page.
        page_data: JSON for the scripts.
    """

    head: str
    lacking: list[str]
    blocks: list[Block]
    page_data: str


PAGE = PageRecord(
    name="scaling",
    url="/scaling",
    navigation="Scaling",
    title="Scaling",
    description="A scaling study of our own: bits per byte by training FLOPs for patches by "
    "entropy, spaces and size, for bytes and BPE tokens, beside the paper's numbers.",
    context=ScalingPage,
    css=("css/training.css", "css/scaling.css"),
    js=("js/scaling.js",),
    ready="body[data-drawn=yes]",
    without_js="main table",
)


@blueprint.get(PAGE.url)
def scaling() -> Response:
    """Answer with the page of the scaling study."""
    study: Study = current_app.extensions["study"]
    results = study.read()
    sections = {section.id: section for section in results.sections}
    figures = {figure.name: figure for figure in results.figures}
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
        PAGE,
        ScalingPage(results.head, results.lacking, blocks, json_for_html({"charts": curves})),
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
    legend = {series.name: TINTS.get(series.colour, 6) for series in panel.series}
    bars = _bars(panel) if panel.kind == "bars" else []
    columns = []
    if panel.kind == "histogram":
        heights = [y or 0.0 for y in panel.series[0].y]
        columns = [round(100 * height / (panel.most or max(heights) or 1), 2) for height in heights]
    return Chart(name, panel, list(legend.items()), bars, columns)


def _bars(panel: ScalingPanel) -> list[BarRow]:
    every = [y for series in panel.series for y in series.y if y is not None]
    low, high = min([0.0, *every]), max([0.0, *every])
    span = (high - low) or 1.0
    rows = []
    for index, name in enumerate(panel.categories):
        bars = []
        for series in panel.series:
            length = series.y[index] or 0.0
            start = 100 * (min(0.0, length) - low) / span
            width = 100 * abs(length) / span
            tint = TINTS.get(series.colour, 6)
            bars.append(
                Bar(round(start, 2), round(width, 2), _value(series, index), series.name, tint)
            )
        rows.append(BarRow(name, bars))
    return rows


def _value(series: ScalingSeries, index: int) -> str:
    """Return the number of a bar ± half the length of its error, to two digits of the error."""
    value = series.y[index]
    if value is None:
        return "–"
    low, high = (None if ends is None else ends[index] for ends in (series.low, series.high))
    if low is None or high is None or low == high:
        return f"{value:.3g}"
    half = (high - low) / 2
    decimals = max(0, 1 - math.floor(math.log10(half)))
    return f"{value:.{decimals}f} ± {half:.{decimals}f}"


def _for_script(panel: ScalingPanel) -> dict[str, object]:
    """Return the data that a script needs to draw a panel of curves."""
    lines = [
        {
            "name": series.name,
            "tint": TINTS.get(series.colour, 6),
            "style": series.style,
            "xs": [_short(x) for x in series.x],
            "ys": [_short(y) for y in series.y],
            "low": None if series.low is None else [_short(y) for y in series.low],
            "high": None if series.high is None else [_short(y) for y in series.high],
        }
        for series in panel.series
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
