"""Next-byte entropy along a text: ``python -m bytelatent.plotting.entropy_figure``.

Legend: ``N`` bytes of a text. The mark at byte ``i`` is the entropy of the prediction of byte
``i``, ``entropies[i]``; with threshold 1 and entropies ``2.0, 0.4, 1.7`` of "the", patches start at
"t" (the first byte always starts one) and at "e".
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bytelatent.patching.rules import PatchingMode
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.charts import axis, chart_html, new_figure, safe
from bytelatent.plotting.command_line import (
    Parser,
    PlotCommand,
    PlotJob,
    add_text_options,
    add_threshold,
    text_bytes,
)
from bytelatent.plotting.fonts import BYTE_ORDER, MONO, has_right_to_left
from bytelatent.plotting.html import TABLE_ROWS, Page, table
from bytelatent.plotting.measured_text import Measured, byte_patches, bytes_per_patch, measure
from bytelatent.plotting.style import LIGHT
from bytelatent.tokenizers.characters import byte_labels, byte_roles
from bytelatent.tokenizers.constants import OFFSET, SPECIAL_NAMES

DEFAULT_TEXT = "Daenerys Targaryen is in Game of Thrones, a fantasy epic by George R.R. Martin."
TOP_K = 5
PIXELS_PER_BYTE = 11
ROW_BYTES = 84
MAX_ROWS = 6
"""Maximum number of rows in an image; each has :data:`ROW_BYTES` bytes.

The page shows all bytes.
"""

CARD = Card(
    "entropy_figure",
    "Next-byte entropy along a text",
    "How unsure the byte model is before each byte; where its entropy exceeds the threshold, "
    "a new patch starts.",
)


class Mark(NamedTuple):
    """Style of the marks for one kind of bytes."""

    name: str
    opens_patch: bool
    colour: str
    symbol: str


MARKS = (
    Mark("first byte of a patch", True, "vermillion", "circle"),
    Mark("further byte of a patch", False, "blue", "circle-open"),
)


def render(job: PlotJob) -> None:
    """Write the page, the images and the data file of this command's figure."""
    data = text_bytes(job.options, DEFAULT_TEXT)
    text = measure(job.model(), data, threshold=job.options.threshold, top_k=TOP_K)
    lengths = text.patch_lengths(PatchingMode.ENTROPY)
    job.writer.write_data(CARD, {**text.summary(), "patch_lengths": lengths})
    job.writer.write_page(CARD, _page(text, lengths).render())
    job.writer.write_figure(CARD, partial(_image, text, lengths))


def hover_texts(text: Measured) -> list[str]:
    """Return the text that a page shows when the pointer is over a byte, for every byte ``[N]``.

    It holds value, role, entropy, probability and the likeliest predictions.
    """
    rows = zip(byte_labels(text.data), byte_roles(text.data), text.data, strict=True)
    return [
        f"<b>{safe(label)}</b>  byte {index}: 0x{byte:02X}, {role}<br>"
        f"entropy {text.byte_entropies[index]:.3f} nats<br>"
        f"its probability {_percent(np.exp(-text.analysis.nats[index]))}<br>"
        f"likeliest: {_likeliest(text, index)}"
        for index, (label, role, byte) in enumerate(rows)
    ]


def token_name(token: int) -> str:
    """Return a short name for a token: a printable ASCII character, byte value or special name."""
    if token < OFFSET:
        return SPECIAL_NAMES[token]
    byte = token - OFFSET
    return byte_labels(bytes([byte]))[0] if 0x20 <= byte < 0x7F or byte == 0x0A else f"0x{byte:02X}"


def _likeliest(text: Measured, index: int) -> str:
    tokens, chances = text.analysis.top_ids[index], text.analysis.top_probabilities[index]
    return safe(
        ",  ".join(
            f"{token_name(int(token))} {_percent(chance)}"
            for token, chance in zip(tokens, chances, strict=True)
        )
    )


def _percent(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else "under 0.1%"


def _facts(text: Measured, lengths: list[int]) -> list[tuple[str, str]]:
    size, bits = bytes_per_patch(lengths), text.analysis.bits_per_byte
    return [
        ("model", text.model),
        ("threshold", f"{text.threshold:.3f} nats"),
        ("bytes", f"{len(text.data):,}"),
        ("patches", f"{len(lengths) - 1:,}"),
        ("bytes per patch", "none" if size is None else f"{size:.2f}"),
        ("bits per byte", "none" if bits is None else f"{bits:.3f}"),
    ]


def _page(text: Measured, lengths: list[int]) -> Page:
    labels, count = byte_labels(text.data), len(text.data)
    rows = [
        (f"{index}", label, f"{byte:02X}", f"{entropy:.3f}", f"{np.exp(-nats):.4f}")
        for index, (label, byte, entropy, nats) in enumerate(
            zip(labels, text.data, text.byte_entropies, text.analysis.nats, strict=True)
        )
    ]
    shown = "" if count <= TABLE_ROWS else f" (the first {TABLE_ROWS} of {count:,} bytes)"
    numbers = table(
        f"The numbers as a table{shown}",
        ("byte", "character", "value", "entropy (nats)", "probability"),
        rows[:TABLE_ROWS],
    )
    chart = chart_html(
        _chart(text, lengths),
        label=f"Entropy before each of {count} bytes, with {len(lengths) - 1} patches",
        marks=count,
        pixels=PIXELS_PER_BYTE,
    )
    body = f"{chart}\n{numbers}" if count else '<p class="note">The text is empty.</p>'
    return Page(CARD.title, CARD.description, body, _facts(text, lengths))


def _chart(text: Measured, lengths: list[int]) -> go.Figure:
    count, top = len(text.data), _top(text)
    starts = [start for start, _ in byte_patches(lengths)]
    figure = new_figure(
        height=460,
        hovermode="closest",
        xaxis=axis(
            "byte that is predicted",
            tickmode="array",
            tickvals=list(range(count)),
            ticktext=[_tick(label) for label in byte_labels(text.data)],
            tickangle=0,
            showgrid=False,
            range=[-0.7, count - 0.3],
        ),
        yaxis=axis("entropy (nats)", range=[0, top], fixedrange=True),
    )
    _add_line(
        figure,
        [x for start in starts for x in (start - 0.5, start - 0.5, None)],
        [y for _ in starts for y in (0.0, top, None)],
        line={"color": LIGHT["rule"], "width": 1},
        name="patch start",
    )
    _add_line(
        figure,
        [-0.7, count - 0.3],
        [text.threshold] * 2,
        line={"color": LIGHT["vermillion"], "width": 1.5, "dash": "dash"},
        name=f"threshold, {text.threshold:.3f} nats",
    )
    _add_line(
        figure,
        list(range(count)),
        text.byte_entropies.tolist(),
        line={"color": LIGHT["sky"], "width": 1.5},
        showlegend=False,
    )
    _add_marks(figure, text, starts)
    return figure


def _add_line(
    figure: go.Figure, x: Sequence[float | None], y: Sequence[float | None], **settings: Any
) -> None:
    figure.add_scatter(x=x, y=y, mode="lines", hoverinfo="skip", **settings)


def _add_marks(figure: go.Figure, text: Measured, starts: list[int]) -> None:
    """Draw one mark per byte; bytes that start a patch have another style."""
    hover, first = hover_texts(text), set(starts)
    for mark in MARKS:
        positions = [i for i in range(len(text.data)) if (i in first) == mark.opens_patch]
        figure.add_scatter(
            x=positions,
            y=text.byte_entropies[positions].tolist(),
            mode="markers",
            marker={"color": LIGHT[mark.colour], "size": 7, "symbol": mark.symbol},
            text=[hover[i] for i in positions],
            hovertemplate="%{text}<extra></extra>",
            name=mark.name,
        )


def _tick(label: str) -> str:
    """Return a label in Plotly's markup that is about as wide as one character."""
    return safe(label) if len(label) == 1 else f'<span style="font-size:7px">{safe(label)}</span>'


def _top(text: Measured) -> float:
    """Return the upper end of the entropy axis, in nats."""
    highest = max(float(text.byte_entropies.max(initial=0.0)), text.threshold, 1.0)
    return highest * 1.08


def _image(text: Measured, lengths: list[int]) -> Figure:
    """Draw rows of :data:`ROW_BYTES` bytes below each other."""
    count = len(text.data)
    rows = min(MAX_ROWS, max(1, -(-count // ROW_BYTES)))
    figure = Figure(figsize=(13, 1.3 + 2.9 * rows), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    starts = np.array([start for start, _ in byte_patches(lengths)], dtype=np.int64)
    labels = byte_labels(text.data)
    for row, area in enumerate(axes):
        _draw_row(area, text, starts, row * ROW_BYTES)
        _label_bytes(area, labels[row * ROW_BYTES :][:ROW_BYTES], row * ROW_BYTES)
    part = "" if count <= rows * ROW_BYTES else f", first {rows * ROW_BYTES:,} of {count:,} bytes"
    figure.suptitle(f"{CARD.title}{part}", x=0.01, ha="left", fontsize=14, fontweight="bold")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=4)
    facts = "   ".join(f"{name}: {value}" for name, value in _facts(text, lengths))
    if any(map(has_right_to_left, labels[: rows * ROW_BYTES])):
        facts += f"\n{BYTE_ORDER}"
    figure.supxlabel(facts, x=0.01, ha="left", fontsize=9.5, color=LIGHT["muted"])
    return figure


def _draw_row(area: Axes, text: Measured, all_starts: NDArray[np.int64], first: int) -> None:
    """Draw the bytes ``first`` to ``first + ROW_BYTES`` on one pair of axes.

    Args:
        area: the axes.
        text: the measured text.
        all_starts: index of the first byte of every patch of the text, ascending.
        first: index of the first byte to draw.
    """
    positions = np.arange(first, min(first + ROW_BYTES, len(text.data)))
    starts = all_starts[slice(*np.searchsorted(all_starts, [first, first + ROW_BYTES]))]
    values = text.byte_entropies[positions]
    area.vlines(
        starts - 0.5,
        0,
        _top(text),
        color=LIGHT["rule"],
        linewidth=0.9,
        label="patch start",
    )
    area.axhline(
        text.threshold,
        color=LIGHT["vermillion"],
        linewidth=1.2,
        linestyle="--",
        label=f"threshold, {text.threshold:.3f} nats",
    )
    area.plot(positions, values, color=LIGHT["sky"], linewidth=1.3, zorder=2)
    opens = np.isin(positions, starts)
    for mark in MARKS:
        chosen = opens == mark.opens_patch
        area.plot(
            positions[chosen],
            values[chosen],
            "o",
            color=LIGHT[mark.colour],
            markerfacecolor=LIGHT[mark.colour if mark.opens_patch else "paper"],
            markersize=4.5,
            label=mark.name,
        )
    area.set(xlim=(first - 0.7, first + max(ROW_BYTES if first else 1, len(positions)) - 0.3))
    area.set(ylim=(0, _top(text)), ylabel="entropy (nats)")
    area.set_xticks([])


def _label_bytes(area: Axes, labels: list[str], first: int) -> None:
    """Draw the labels of the bytes from ``first`` on below the axis."""
    for position, text in enumerate(labels, start=first):
        label = area.annotate(
            text,
            (position, 0),
            xytext=(0, -6),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=10 if len(text) == 1 else 6,
            fontfamily=MONO,
            rotation=0 if len(text) < 3 else 90,
            annotation_clip=False,
        )
        # One label of each size is enough for the layout, which takes long over many.
        label.set_in_layout(position == first or len(text) > 1)


def _add_options(parser: Parser) -> None:
    add_text_options(parser)
    add_threshold(parser)


COMMAND = PlotCommand("entropy_figure", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
