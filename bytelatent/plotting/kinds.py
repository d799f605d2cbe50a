"""Bits per byte by kind of text: ``python -m bytelatent.plotting.kinds``.

Reads the ``evaluation.json`` that comes with a model: kinds of text of its mix, texts from outside
the mix, and compressors of files on the same bytes, as far as it has them. When no model is named,
both shipped ones stand side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from bytelatent.files import read_json
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.charts import axis, chart_html, new_figure, safe
from bytelatent.plotting.command_line import DEFAULT_MODEL, Command, Job, Parser
from bytelatent.plotting.html import Page
from bytelatent.plotting.style import LIGHT

EVALUATION_NAME = "evaluation.json"
BLT_MODEL = DEFAULT_MODEL.with_name("blt-mini")
X_TITLE = "bits per byte (fewer are better)"
MODEL_COLOURS = ("blue", "vermillion")
COMPRESSOR_COLOURS = ("sky", "green", "rule")
BAR = 15
"""Pixels of a bar in the page."""

CARD = Card(
    "kinds",
    "Bits per byte by kind of text",
    "How well the shipped models predict held-out text of each kind, and texts from outside their "
    "mix, beside compressors of files on the same bytes, as far as those were measured.",
)


@dataclass(frozen=True)
class Kinds:
    """What was measured.

    Attributes:
        models: their names.
        groups: names of the kinds of text, then of texts from outside the mix.
        outside: how many of them are those.
        bits: bits per byte of each model and compressor in every group; None if not measured.
        bytes: of the text of each group.
    """

    models: list[str]
    groups: list[str]
    outside: int
    bits: dict[str, list[float | None]]
    bytes: list[int]


def render(job: Job) -> None:
    """Write the page, the images and the data."""
    given, folder = job.options.evaluation, job.options.model
    paths = [given or folder / EVALUATION_NAME]
    if given is None and folder == DEFAULT_MODEL and (BLT_MODEL / EVALUATION_NAME).is_file():
        paths.append(BLT_MODEL / EVALUATION_NAME)
    found = read_kinds(paths)
    values = {
        "unit": "bits per byte",
        "models": found.models,
        "groups": found.groups,
        "outside": found.groups[len(found.groups) - found.outside :],
        "bytes": found.bytes,
        "bits_per_byte": found.bits,
    }
    job.writer.write_data(CARD, values)
    job.writer.write_page(CARD, _page(found).render())
    job.writer.write_figure(CARD, partial(_image, found))


def read_kinds(paths: list[Path]) -> Kinds:
    """What one or several ``evaluation.json`` hold.

    The groups and the compressors are those of the first file; the others add their models.

    Raises:
        ValueError: a file is missing or holds something else; the message names it.
    """
    read = [_read(path) for path in paths]
    _, first, outside = read[0]
    found: dict[str, list[float | None]] = {}
    for model, groups, _ in read:
        found[model] = [_bits(groups.get(name)) for name in first]
    compressors = dict.fromkeys(
        name for one in first.values() for name in one.get("compressors", {})
    )
    for name in compressors:
        found[name] = [
            _finite(one["compressors"][name]) if name in one.get("compressors", {}) else None
            for one in first.values()
        ]
    sizes = [int(one["bytes"]) for one in first.values()]
    return Kinds([model for model, _, _ in read], list(first), outside, found, sizes)


def _read(path: Path) -> tuple[str, dict[str, Mapping[str, Any]], int]:
    """Name of the model, its numbers by group, and how many groups are outside the mix."""
    if not path.is_file():
        raise ValueError(
            f"--evaluation: {path} does not exist; python -m bytelatent.release writes it"
        )
    content = read_json(path)
    try:
        outside = {str(name): one for name, one in content.get("outside", {}).items()}
        groups = {str(name): one for name, one in content["kinds"].items()} | outside
        for one in groups.values():
            _bits(one)
            int(one["bytes"])
        name = str(content["model"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"--evaluation: {path} is no evaluation ({error!r})") from None
    if not groups:
        raise ValueError(f"--evaluation: {path} has no kinds of text")
    return name, groups, len(outside)


def _bits(one: Mapping[str, Any] | None) -> float | None:
    return None if one is None else _finite(one["bits_per_byte"])


def _finite(value: Any) -> float:
    if not np.isfinite(number := float(value)):
        raise ValueError("numbers that are not finite")
    return number


def _colour(found: Kinds, name: str) -> str:
    if name in found.models:
        return LIGHT[MODEL_COLOURS[found.models.index(name) % len(MODEL_COLOURS)]]
    place = list(found.bits).index(name) - len(found.models)
    return LIGHT[COMPRESSOR_COLOURS[place % len(COMPRESSOR_COLOURS)]]


def _labels(found: Kinds) -> list[str]:
    """Groups as the axis names them."""
    inside = len(found.groups) - found.outside
    return [name if n < inside else f"{name} (outside)" for n, name in enumerate(found.groups)]


def _facts(found: Kinds) -> list[tuple[str, str]]:
    return [("models", ", ".join(found.models)), ("measured", f"{sum(found.bytes):,} bytes")]


def _page(found: Kinds) -> Page:
    label = f"Bits per byte of {len(found.groups)} kinds of text by {', '.join(found.bits)}"
    return Page(CARD.title, CARD.description, chart_html(_chart(found), label=label), _facts(found))


def _chart(found: Kinds) -> go.Figure:
    rows = len(found.groups) * (len(found.bits) + 1)
    figure = new_figure(
        height=max(360, 120 + BAR * rows),
        barmode="group",
        xaxis=axis(X_TITLE, rangemode="tozero"),
        yaxis=axis(autorange="reversed", showgrid=False, automargin=True),
    )
    labels = [safe(label) for label in _labels(found)]
    for name, bits in found.bits.items():
        figure.add_bar(
            x=bits,
            y=labels,
            name=safe(name),
            orientation="h",
            marker={"color": _colour(found, name), "line": {"width": 0}},
            hovertemplate=f"%{{y}}<br>{safe(name)}: %{{x:.3f}} bits per byte<extra></extra>",
        )
    return figure


def _image(found: Kinds) -> Figure:
    series, groups = len(found.bits), len(found.groups)
    height = 0.8 / series
    figure = Figure(figsize=(9, max(4.0, 1.4 + 0.17 * groups * (series + 1))))
    figure.set_layout_engine("constrained")
    area = figure.subplots()
    for number, (name, bits) in enumerate(found.bits.items()):
        places = np.arange(groups) + (number - (series - 1) / 2) * height
        lengths = [0.0 if value is None else value for value in bits]
        area.barh(places, lengths, height=height, color=_colour(found, name), label=name)
    area.set_yticks(np.arange(groups), _labels(found))
    area.set(xlabel=X_TITLE, ylim=(groups - 0.4, -0.6))
    area.grid(axis="x")
    area.grid(visible=False, axis="y")
    area.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    facts = "   ".join(f"{name}: {value}" for name, value in _facts(found))
    figure.suptitle(CARD.title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    figure.supxlabel(facts, x=0.01, ha="left", fontsize=9, color=LIGHT["muted"])
    return figure


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "--evaluation",
        type=Path,
        metavar="FILE",
        help=f"what a release measured (default: {EVALUATION_NAME} in the folder of the model)",
    )


COMMAND = Command("kinds", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
