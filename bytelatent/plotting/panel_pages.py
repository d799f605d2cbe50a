"""Panels as an interactive page: Plotly's charts under each other, a table for each."""

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
"""Heights of panels, in pixels."""
BAR = 17
BETWEEN = 108
"""Above each panel for its heading, and under it for its axis, half each."""
LEGEND_ROW = 22
LABEL = 24
"""Characters of a line of a bar's label."""
BAND = 0.16
"""Opacity of bands."""


def panel_page(drawing: Drawing) -> Page:
    """The page of a figure."""
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
    """All panels in one Plotly figure."""
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
    return list(dict.fromkeys(one.name for panel in drawing.panels for one in panel.series))


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
    for one in panel.series:
        figure.add_traces([{**trace, **names} for trace in _traces(panel, one)])
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
    """Categories in lines that leave room for bars on a narrow page."""
    return [safe("\n".join(wrap(name, LABEL))).replace("\n", "<br>") for name in panel.categories]


def _add_heading(figure: go.Figure, panel: Panel, top: float) -> None:
    """The title, and where numbers that are not ours come from; it begins above the labels."""
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


def _traces(panel: Panel, one: Series) -> list[dict[str, Any]]:
    common: dict[str, Any] = {"name": safe(one.name), "legendgroup": one.name}
    colour = SERIES_COLOURS[one.colour].light
    if panel.kind == "bars":
        return [common | _bars(panel, one, colour)]
    if panel.kind == "histogram":
        return [common | _columns(one, colour)]
    if panel.kind == "areas":
        return [common | _area(one, colour)]
    banded = one.style in ("fit", "band") and one.low is not None
    found = [common | _band(one)] if banded else []
    return [*found, common | _curve(one, colour)]


def _bars(panel: Panel, one: Series, colour: str) -> dict[str, Any]:
    found = {
        "type": "bar",
        "orientation": "h",
        "x": one.y,
        "y": _labels(panel),
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": f"%{{y}}<br>{safe(one.name)}: %{{x:.4g}}<extra></extra>",
    }
    return found | ({} if one.low is None else {"error_x": _error(one)})


def _columns(one: Series, colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": one.x,
        "y": one.y,
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": "%{x}: %{y:.1f}<extra></extra>",
    }


def _error(one: Series) -> dict[str, Any]:
    assert one.low is not None and one.high is not None
    ends = [
        (None, None) if None in (y, low, high) else (high - y, y - low)  # type: ignore[operator]
        for y, low, high in zip(one.y, one.low, one.high, strict=True)
    ]
    bars = {"array": [over for over, _ in ends], "arrayminus": [under for _, under in ends]}
    return {"type": "data", **bars, "color": LIGHT["ink"], "thickness": 1.2, "width": 4}


def _area(one: Series, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "stackgroup": "parts",
        "x": one.x,
        "y": one.y,
        "line": {"color": colour, "width": 0.5},
        "fillcolor": colour,
        "hovertemplate": f"{safe(one.name)}: %{{y:.3s}}<br>at %{{x:.4g}}<extra></extra>",
    }


def _curve(one: Series, colour: str) -> dict[str, Any]:
    modes = {"measured": "markers", "fit": "lines", "band": "lines"}
    found: dict[str, Any] = {
        "type": "scatter",
        "mode": modes.get(one.style, "lines+markers"),
        "x": one.x,
        "y": one.y,
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 8},
        "hovertemplate": f"{safe(one.name)}<br>%{{x:.3g}}<br>%{{y:.4f}}<extra></extra>",
    }
    if one.style == "read":
        found["line"]["dash"] = "dash"
        found["marker"] |= {"symbol": "circle-open", "line": {"width": 1.6}}
    if one.style == "fit":
        found["hoverinfo"], found["hovertemplate"] = "skip", None
    if one.style == "measured" and one.low is not None:
        found["error_y"] = _error(one) | {"color": colour}
    return found


def _band(one: Series) -> dict[str, Any]:
    assert one.low is not None and one.high is not None
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*one.x, *one.x[::-1]],
        "y": [*one.low, *one.high[::-1]],
        "fill": "toself",
        "fillcolor": _rgba(SERIES_COLOURS[one.colour].light),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _rgba(colour: str) -> str:
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({', '.join(map(str, parts))}, {BAND})"


def _soft() -> dict[str, str]:
    """The colours of bands on paper, and what they become on dark."""
    return {_rgba(colour.light): _rgba(colour.dark) for colour in SERIES_COLOURS.values()}
