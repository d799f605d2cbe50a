"""Bits per byte by kind of text: ``python -m bytelatent.plotting.kinds``.

The command reads the ``evaluation.json`` of a model: scores on kinds of text of its mix, on texts
from outside the mix, and of file compressors on the same bytes, where the file has them. When no
model is named, the figure shows both shipped models side by side.
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
from bytelatent.formats.file_names import EVALUATION_FILE
from bytelatent.formats.find import BLT_MINI, ENTROPY_MINI
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.charts import axis, chart_html, new_figure, safe
from bytelatent.plotting.command_line import Parser, PlotCommand, PlotJob
from bytelatent.plotting.html import Page
from bytelatent.plotting.style import LIGHT

X_TITLE = "bits per byte (fewer are better)"
MODEL_COLOURS = ("blue", "vermillion")
COMPRESSOR_COLOURS = ("sky", "green", "rule")
BAR = 15
"""Height of a bar in the page, in pixels."""

CARD = Card(
    "kinds",
    "Bits per byte by kind of text",
    "How well the shipped models predict held-out text of each kind, and texts from outside their "
    "mix, beside compressors of files on the same bytes, as far as those were measured.",
)


@dataclass(frozen=True)
class Kinds:
    """Bits per byte of models and compressors by kind of text.

    Attributes:
        models: names of the models.
        groups: names of the kinds of text, then of texts from outside the mix.
        outside: number of groups from outside the mix.
        bits: bits per byte of each model and compressor in every group; None if not measured.
        bytes: number of bytes of text of each group.
    """

    models: list[str]
    groups: list[str]
    outside: int
    bits: dict[str, list[float | None]]
    bytes: list[int]


def render(job: PlotJob) -> None:
    """Write the page, the images and the data file of this command's figure."""
    evaluation, folder = job.options.evaluation, job.options.model
    paths = [evaluation or folder / EVALUATION_FILE]
    if evaluation is None and folder == ENTROPY_MINI and (BLT_MINI / EVALUATION_FILE).is_file():
        paths.append(BLT_MINI / EVALUATION_FILE)
    kinds = read_kinds(paths)
    values = {
        "unit": "bits per byte",
        "models": kinds.models,
        "groups": kinds.groups,
        "outside": kinds.groups[len(kinds.groups) - kinds.outside :],
        "bytes": kinds.bytes,
        "bits_per_byte": kinds.bits,
    }
    job.writer.write_data(CARD, values)
    job.writer.write_page(CARD, _page(kinds).render())
    job.writer.write_figure(CARD, partial(_image, kinds))


def read_kinds(paths: list[Path]) -> Kinds:
    """Read one or several ``evaluation.json``.

    The first file determines the groups and the compressors; the others add their models.

    Raises:
        ValueError: a file is missing or its content is invalid; the message names the file.
    """
    read = [_read(path) for path in paths]
    _, first, outside = read[0]
    bits: dict[str, list[float | None]] = {}
    for model, groups, _ in read:
        bits[model] = [_bits(groups.get(name)) for name in first]
    compressors = dict.fromkeys(
        name for group in first.values() for name in group.get("compressors", {})
    )
    for name in compressors:
        bits[name] = [
            _finite(group["compressors"][name]) if name in group.get("compressors", {}) else None
            for group in first.values()
        ]
    sizes = [int(group["bytes"]) for group in first.values()]
    return Kinds([model for model, _, _ in read], list(first), outside, bits, sizes)


def _read(path: Path) -> tuple[str, dict[str, Mapping[str, Any]], int]:
    """Read the name of the model, its numbers by group, and the number of outside groups."""
    if not path.is_file():
        raise ValueError(
            f"--evaluation: {path} does not exist; python -m bytelatent.release writes it"
        )
    content = read_json(path)
    try:
        outside = {str(name): group for name, group in content.get("outside", {}).items()}
        groups = {str(name): group for name, group in content["kinds"].items()} | outside
        for group in groups.values():
            _bits(group)
            int(group["bytes"])
        name = str(content["model"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"--evaluation: {path} is no evaluation ({error!r})") from None
    if not groups:
        raise ValueError(f"--evaluation: {path} has no kinds of text")
    return name, groups, len(outside)


def _bits(group: Mapping[str, Any] | None) -> float | None:
    return None if group is None else _finite(group["bits_per_byte"])


def _finite(value: Any) -> float:
    if not np.isfinite(number := float(value)):
        raise ValueError("numbers that are not finite")
    return number


def _colour(kinds: Kinds, name: str) -> str:
    if name in kinds.models:
        return LIGHT[MODEL_COLOURS[kinds.models.index(name) % len(MODEL_COLOURS)]]
    place = list(kinds.bits).index(name) - len(kinds.models)
    return LIGHT[COMPRESSOR_COLOURS[place % len(COMPRESSOR_COLOURS)]]


def _labels(kinds: Kinds) -> list[str]:
    """Return the labels of the groups on the axis."""
    inside = len(kinds.groups) - kinds.outside
    return [name if n < inside else f"{name} (outside)" for n, name in enumerate(kinds.groups)]


def _facts(kinds: Kinds) -> list[tuple[str, str]]:
    return [("models", ", ".join(kinds.models)), ("measured", f"{sum(kinds.bytes):,} bytes")]


def _page(kinds: Kinds) -> Page:
    label = f"Bits per byte of {len(kinds.groups)} kinds of text by {', '.join(kinds.bits)}"
    return Page(CARD.title, CARD.description, chart_html(_chart(kinds), label=label), _facts(kinds))


def _chart(kinds: Kinds) -> go.Figure:
    rows = len(kinds.groups) * (len(kinds.bits) + 1)
    figure = new_figure(
        height=max(360, 120 + BAR * rows),
        barmode="group",
        xaxis=axis(X_TITLE, rangemode="tozero"),
        yaxis=axis(autorange="reversed", showgrid=False, automargin=True),
    )
    labels = [safe(label) for label in _labels(kinds)]
    for name, bits in kinds.bits.items():
        figure.add_bar(
            x=bits,
            y=labels,
            name=safe(name),
            orientation="h",
            marker={"color": _colour(kinds, name), "line": {"width": 0}},
            hovertemplate=f"%{{y}}<br>{safe(name)}: %{{x:.3f}} bits per byte<extra></extra>",
        )
    return figure


def _image(kinds: Kinds) -> Figure:
    series, groups = len(kinds.bits), len(kinds.groups)
    height = 0.8 / series
    figure = Figure(figsize=(9, max(4.0, 1.4 + 0.17 * groups * (series + 1))))
    figure.set_layout_engine("constrained")
    area = figure.subplots()
    for number, (name, bits) in enumerate(kinds.bits.items()):
        positions = np.arange(groups) + (number - (series - 1) / 2) * height
        lengths = [0.0 if value is None else value for value in bits]
        area.barh(positions, lengths, height=height, color=_colour(kinds, name), label=name)
    area.set_yticks(np.arange(groups), _labels(kinds))
    area.set(xlabel=X_TITLE, ylim=(groups - 0.4, -0.6))
    area.grid(axis="x")
    area.grid(visible=False, axis="y")
    area.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    facts = "   ".join(f"{name}: {value}" for name, value in _facts(kinds))
    figure.suptitle(CARD.title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    figure.supxlabel(facts, x=0.01, ha="left", fontsize=9, color=LIGHT["muted"])
    return figure


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "--evaluation",
        type=Path,
        metavar="FILE",
        help=f"what a release measured (default: {EVALUATION_FILE} in the folder of the model)",
    )


COMMAND = PlotCommand("kinds", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
