"""Plotly figures in pages: common layout, and plain JSON for Plotly's basic bundle.

:mod:`bytelatent.plotting.libraries` makes the bundle reachable for a page.
"""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import plotly.graph_objects as go

from bytelatent.plotting.artifacts import rounded
from bytelatent.plotting.html import asset
from bytelatent.plotting.libraries import LIBRARY
from bytelatent.plotting.style import LIGHT, PALETTE

KINDS = frozenset({"scatter", "bar", "pie"})
"""Trace types that the basic bundle draws."""


def new_figure(*, height: int, **layout: Any) -> go.Figure:
    """Return an empty figure in the house style.

    Args:
        height: height in pixels; the page determines the width.
        layout: further settings of Plotly's layout.
    """
    font = {"family": "system-ui, 'Noto Sans', 'DejaVu Sans', sans-serif", "size": 13}
    figure = go.Figure(layout=go.Layout(template={}))
    figure.update_layout(
        height=height,
        autosize=True,
        margin={"l": 56, "r": 16, "t": 40, "b": 56},
        font={**font, "color": LIGHT["ink"]},
        paper_bgcolor=LIGHT["paper"],
        plot_bgcolor=LIGHT["paper"],
        hoverlabel={
            "bgcolor": LIGHT["panel"],
            "bordercolor": LIGHT["rule"],
            "font": {"color": LIGHT["ink"]},
            "align": "left",
        },
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        **layout,
    )
    return figure


def axis(title: str = "", **settings: Any) -> dict[str, Any]:
    """Return an axis in the house style; ``settings`` are further settings of Plotly's axis."""
    return {
        "title": {"text": title, "font": {"color": LIGHT["muted"]}},
        "gridcolor": LIGHT["grid"],
        "linecolor": LIGHT["rule"],
        "tickfont": {"color": LIGHT["muted"]},
        "zeroline": False,
        **settings,
    }


def chart_html(
    figure: go.Figure,
    *,
    label: str,
    marks: int = 0,
    pixels: int = 0,
    dark: Mapping[str, str] | None = None,
) -> str:
    """Return the HTML of a figure and of the script that draws it.

    Args:
        figure: figure whose traces are all of :data:`KINDS`.
        label: description of the chart for screen readers.
        marks: number of marks side by side on the x axis, from 0 on; 0 for a continuous axis.
        pixels: width of each mark in pixels.
        dark: further colours, mapped to their colours on dark paper.
    """
    content = plain_json(figure)
    kinds = {trace["type"] for trace in content["data"]}
    assert kinds <= KINDS, f"the basic bundle does not draw {kinds - KINDS}"
    source = {
        "figure": content,
        "dark": {colour.light: colour.dark for colour in PALETTE.values()} | dict(dark or {}),
        "library": LIBRARY,
        "marks": marks,
        "pixels": pixels,
    }
    text = json.dumps(source, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f"""<div id="chart" role="img" aria-label="{escape(label)}"></div>
<noscript><p class="note">The chart needs JavaScript.</p></noscript>
<script type="application/json" id="figure">{text}</script>
<script src="{LIBRARY}"></script>
<script>
{asset("chart.js")}</script>"""


def plain_json(figure: go.Figure) -> dict[str, Any]:
    """Return data and layout of a figure as JSON, with rounded numbers and without a template."""
    content = figure.to_plotly_json()
    layout = {key: value for key, value in content["layout"].items() if key != "template"}
    plain: dict[str, Any] = rounded({"data": content["data"], "layout": layout})
    return plain


def safe(text: str) -> str:
    """Escape ``text``, because Plotly interprets some HTML tags as markup."""
    return escape(text, quote=False)
