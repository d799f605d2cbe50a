"""Panels of charts as an interactive page: Plotly charts below each other, a table for each."""

from html import escape
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from bytelatent.plotting.charts import axis, chart_html, new_figure, safe
from bytelatent.plotting.html import Page, table
from bytelatent.plotting.panels import (
    LARGE,
    NARROW,
    SERIES_COLOURS,
    Drawing,
    Panel,
    Series,
    rows_of,
)
from bytelatent.plotting.style import LIGHT

CURVES = 340
HISTOGRAM = 84
"""Heights in pixels of a panel of curves and of a histogram."""
BAR = 17
BETWEEN = 108
"""Space between panels in pixels: half for the heading of a panel, half for the axis above."""
LEGEND_ROW = 22
LABEL = 24
"""Maximum number of characters per line of a bar's label."""
BAND = 0.16
"""Opacity of bands."""


def panel_page(drawing: Drawing) -> Page:
    """Return the interactive page of a figure: Plotly charts, and a table for each panel."""
    card = drawing.card
    headings = "; ".join(panel.heading for panel in drawing.panels)
    dark = {colour.light: colour.dark for colour in SERIES_COLOURS.values()} | _soft()
    chart = chart_html(panel_chart(drawing), label=headings, dark=dark)
    notes = "".join(f'<p class="note">{escape(note)}</p>\n' for note in drawing.notes)
    tables = "\n".join(
        table(f"{panel.heading}: numbers", *rows_of(panel)) for panel in drawing.panels
    )
    return Page(card.title, card.description, f"{chart}\n{notes}{tables}")


def panel_chart(drawing: Drawing) -> go.Figure:
    """Return all panels of a figure in one Plotly figure."""
    heights = [_height(panel) for panel in drawing.panels]
    names = _legend(drawing)
    above = 34 + LEGEND_ROW * (1 + sum(len(name) + 6 for name in names) // 90)
    whole = sum(heights) + BETWEEN * len(heights)
    figure = new_figure(height=whole + above, hovermode="closest", barmode="group", bargap=0.25)
    figure.update_layout(margin={"l": 16, "r": 24, "t": above, "b": 8})
    figure.update_layout(legend={"y": 1.0, "yanchor": "bottom", "traceorder": "normal"})
    top = float(whole)
    for place, (panel, height) in enumerate(zip(drawing.panels, heights, strict=True), start=1):
        top -= BETWEEN / 2
        _add_panel(figure, panel, place=place, domain=((top - height) / whole, top / whole))
        top -= height + BETWEEN / 2
    shown: set[str] = set()
    for trace in figure.data:
        trace.showlegend = trace.legendgroup not in shown and trace.hoverinfo != "skip"
        if trace.showlegend:
            shown.add(trace.legendgroup)
    return figure


def _height(panel: Panel) -> int:
    if panel.kind == "histogram":
        return HISTOGRAM
    if panel.kind != "bars":
        return CURVES
    rows = (
        max(BAR * (len(panel.series) + 1), 8 + 15 * len(wrap(x, LABEL))) for x in panel.categories
    )
    return max(120, len(panel.categories) * max(rows))


def _legend(drawing: Drawing) -> list[str]:
    return list(dict.fromkeys(series.name for panel in drawing.panels for series in panel.series))


def _add_panel(figure: go.Figure, panel: Panel, *, place: int, domain: tuple[float, float]) -> None:
    number = "" if place == 1 else str(place)
    low, high = max(0.0, domain[0]), min(1.0, domain[1])
    names = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
    lying = panel.kind == "bars"
    across = axis(panel.y_title if lying else panel.x_title, anchor=f"y{number}")
    up = axis("" if lying else panel.y_title, anchor=f"x{number}", domain=[low, high])
    up["automargin"] = True
    if lying:
        up |= {"showgrid": False, "autorange": "reversed", "type": "category"}
        up |= {"tickmode": "array", "tickvals": _labels(panel)}
    elif panel.log_x:
        first, last = panel.x_range
        across |= {"type": "log", "exponentformat": "power" if last >= 10**LARGE else "SI"}
        across |= {"dtick": "D2" if last / first < NARROW else 1}
    if panel.kind in ("areas", "histogram"):
        up |= {"rangemode": "tozero"} if panel.most is None else {"range": [0, panel.most]}
    figure.update_layout({f"xaxis{number}": across, f"yaxis{number}": up})
    for series in panel.series:
        figure.add_traces([{**trace, **names} for trace in _traces(panel, series)])
    _add_heading(figure, panel, high)
    if panel.line is not None:
        upright, level = (f"x{number}", f"y{number} domain"), (f"x{number} domain", f"y{number}")
        ends = {"x0": panel.line, "x1": panel.line, "y0": 0, "y1": 1}
        if not lying:
            ends = {"x0": 0, "x1": 1, "y0": panel.line, "y1": panel.line}
        xref, yref = upright if lying else level
        line = {"color": LIGHT["ink"], "width": 1, "dash": "dot"}
        figure.add_shape(type="line", xref=xref, yref=yref, line=line, **ends)


def _labels(panel: Panel) -> list[str]:
    """Return the categories, wrapped to leave room for bars on a narrow page."""
    return [safe("\n".join(wrap(name, LABEL))).replace("\n", "<br>") for name in panel.categories]


def _add_heading(figure: go.Figure, panel: Panel, top: float) -> None:
    """Add the title, with the source of numbers that are not ours, above the labels."""
    text = f"<b>{safe(panel.title)}</b>"
    if panel.layer != "ours":
        words = f"{panel.source}{', approximate' if panel.approximate else ''}"
        text += f'<br><span style="color:{LIGHT["muted"]}">{safe(words)}</span>'
    widest = max((min(len(name), LABEL) for name in panel.categories), default=0)
    figure.add_annotation(
        text=text,
        **{"x": 0, "xref": "paper", "xanchor": "left", "y": top, "yref": "paper"},
        **{"yanchor": "bottom", "xshift": -6 * widest, "yshift": 6},
        **{"showarrow": False, "align": "left", "font": {"size": 13}},
    )


def _traces(panel: Panel, series: Series) -> list[dict[str, Any]]:
    common: dict[str, Any] = {"name": safe(series.name), "legendgroup": series.name}
    colour = SERIES_COLOURS[series.colour].light
    if panel.kind == "bars":
        return [common | _bars(panel, series, colour)]
    if panel.kind == "histogram":
        return [common | _columns(series, colour)]
    if panel.kind == "areas":
        return [common | _area(series, colour)]
    banded = series.style in ("fit", "band") and series.low is not None
    bands = [common | _band(series)] if banded else []
    return [*bands, common | _curve(series, colour)]


def _bars(panel: Panel, series: Series, colour: str) -> dict[str, Any]:
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": series.y,
        "y": _labels(panel),
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": f"%{{y}}<br>{safe(series.name)}: %{{x:.4g}}<extra></extra>",
    }
    return trace | ({} if series.low is None else {"error_x": _error(series)})


def _columns(series: Series, colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": series.x,
        "y": series.y,
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": "%{x}: %{y:.1f}<extra></extra>",
    }


def _error(series: Series) -> dict[str, Any]:
    assert series.low is not None and series.high is not None
    ends = [
        (None, None) if None in (y, low, high) else (high - y, y - low)  # type: ignore[operator]
        for y, low, high in zip(series.y, series.low, series.high, strict=True)
    ]
    bars = {"array": [over for over, _ in ends], "arrayminus": [under for _, under in ends]}
    return {"type": "data", **bars, "color": LIGHT["ink"], "thickness": 1.2, "width": 4}


def _area(series: Series, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "stackgroup": "parts",
        "x": series.x,
        "y": series.y,
        "line": {"color": colour, "width": 0.5},
        "fillcolor": colour,
        "hovertemplate": f"{safe(series.name)}: %{{y:.3s}}<br>at %{{x:.4g}}<extra></extra>",
    }


def _curve(series: Series, colour: str) -> dict[str, Any]:
    modes = {"measured": "markers", "fit": "lines", "band": "lines"}
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": modes.get(series.style, "lines+markers"),
        "x": series.x,
        "y": series.y,
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 8},
        "hovertemplate": f"{safe(series.name)}<br>%{{x:.3g}}<br>%{{y:.4f}}<extra></extra>",
    }
    if series.style == "read":
        trace["line"]["dash"] = "dash"
        trace["marker"] |= {"symbol": "circle-open", "line": {"width": 1.6}}
    if series.style == "fit":
        trace["hoverinfo"], trace["hovertemplate"] = "skip", None
    if series.style == "measured" and series.low is not None:
        trace["error_y"] = _error(series) | {"color": colour}
    return trace


def _band(series: Series) -> dict[str, Any]:
    assert series.low is not None and series.high is not None
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*series.x, *series.x[::-1]],
        "y": [*series.low, *series.high[::-1]],
        "fill": "toself",
        "fillcolor": _rgba(SERIES_COLOURS[series.colour].light),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _rgba(colour: str) -> str:
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({', '.join(map(str, parts))}, {BAND})"


def _soft() -> dict[str, str]:
    """Return the colours of bands on light paper, mapped to those on dark paper."""
    return {_rgba(colour.light): _rgba(colour.dark) for colour in SERIES_COLOURS.values()}
