"""Next-byte entropies by byte class: ``python -m bytelatent.plotting.entropy_histogram``.

The command measures every file of the sample as one text. The class is that of the predicted byte:
the entropy before the "t" of "a tea" counts for letters at word start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bytelatent.metrics import bits_per_byte
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.charts import axis, chart_html, new_figure
from bytelatent.plotting.command_line import Parser, PlotCommand, PlotJob, add_threshold, read_file
from bytelatent.plotting.html import Page, table
from bytelatent.plotting.measured_text import Measured, measure
from bytelatent.plotting.style import LIGHT
from bytelatent.tokenizers.characters import ByteClass, byte_classes

SAMPLES = Path(__file__).parent / "samples"
DEFAULT_SAMPLE = tuple(SAMPLES / name for name in ("persuasion.txt", "sotu.txt", "udhr.txt"))
BIN_WIDTH = 0.1
BINS = 56
"""Number of bins: up to 5.6 nats, a little over ln 260 = 5.56, the maximum for 260 tokens."""
EDGES = [round(i * BIN_WIDTH, 1) for i in range(BINS + 1)]
EVERY = "all bytes"

CARD = Card(
    "entropy_histogram",
    "Next-byte entropy by class of byte",
    "Distribution of the byte model's entropy over sample texts, by the kind of byte "
    "that comes next; right of the threshold (dashed) a patch starts.",
)


@dataclass(frozen=True)
class ClassStatistics:
    """Statistics of the bytes of one class.

    Attributes:
        name: name of the class, or :data:`EVERY`.
        counts: bytes ``[BINS]`` by entropy; bin ``i`` is from ``EDGES[i]`` up to ``EDGES[i + 1]``.
        bytes: number of bytes.
        mean_entropy: mean entropy in nats; None for no bytes, as for the next two.
        share_above_threshold: share of the bytes with an entropy above the threshold, 0 to 1.
        bits_per_byte: cross-entropy of these bytes.
    """

    name: str
    counts: list[int]
    bytes: int
    mean_entropy: float | None
    share_above_threshold: float | None
    bits_per_byte: float | None


def render(job: PlotJob) -> None:
    """Write the page, the images and the data file of this command's figure."""
    files: list[Path] = job.options.sample
    texts = {path: read_file(path) for path in files}
    if not any(texts.values()):
        raise ValueError("--sample: there is not one byte in " + ", ".join(map(str, files)))
    model, threshold = job.model(), job.options.threshold
    measured = [measure(model, data, threshold=threshold) for data in texts.values()]
    statistics = class_statistics(measured)
    files_data = [
        {"file": path.name, "bytes": len(text.data), "bits_per_byte": text.analysis.bits_per_byte}
        for path, text in zip(files, measured, strict=True)
    ]
    job.writer.write_data(CARD, _data(measured[0], statistics, files_data))
    job.writer.write_page(CARD, _page(measured[0], statistics).render())
    job.writer.write_figure(CARD, partial(_image, measured[0], statistics))


def class_statistics(texts: Sequence[Measured]) -> list[ClassStatistics]:
    """Return statistics of all bytes of ``texts``, then of each class; the classes sum to all."""
    entropies = np.concatenate([text.byte_entropies for text in texts])
    nats = np.concatenate([text.analysis.nats for text in texts])
    kinds = np.array([kind.value for text in texts for kind in byte_classes(text.data)])
    threshold = texts[0].threshold
    everything = _statistics(EVERY, entropies, nats, threshold)
    return [everything] + [
        _statistics(kind.value, entropies[kinds == kind], nats[kinds == kind], threshold)
        for kind in ByteClass
    ]


def _statistics(
    name: str, entropies: NDArray[np.float32], nats: NDArray[np.float32], threshold: float
) -> ClassStatistics:
    size = len(entropies)
    inside = np.clip(entropies, EDGES[0], EDGES[-1])
    counts = [int(count) for count in np.histogram(inside, EDGES)[0]]
    if not size:
        return ClassStatistics(name, counts, 0, None, None, None)
    return ClassStatistics(
        name,
        counts,
        size,
        float(entropies.mean(dtype=np.float64)),
        float((entropies > threshold).mean()),
        bits_per_byte(float(nats.sum(dtype=np.float64)), size),
    )


def _data(
    text: Measured, statistics: list[ClassStatistics], files: list[dict[str, Any]]
) -> dict[str, Any]:
    every, *classes = statistics
    return {
        "model": text.model,
        "unit": "entropies in nats, at the byte that is predicted",
        "files": files,
        "bytes": every.bytes,
        "threshold": text.threshold,
        "mean_entropy": every.mean_entropy,
        "share_above_threshold": every.share_above_threshold,
        "bits_per_byte": every.bits_per_byte,
        "bin_edges": EDGES,
        "counts": every.counts,
        "classes": [vars(group) for group in classes],
    }


def _facts(text: Measured, every: ClassStatistics) -> list[tuple[str, str]]:
    return [
        ("model", text.model),
        ("bytes", f"{every.bytes:,}"),
        ("threshold", f"{text.threshold:.3f} nats"),
        ("mean entropy", _number(every.mean_entropy) + " nats"),
        ("above the threshold", _percent(every.share_above_threshold)),
        ("bits per byte", _number(every.bits_per_byte)),
    ]


def _page(text: Measured, statistics: list[ClassStatistics]) -> Page:
    rows = [
        (
            group.name,
            f"{group.bytes:,}",
            _number(group.mean_entropy),
            _percent(group.share_above_threshold),
            _number(group.bits_per_byte),
        )
        for group in statistics
    ]
    columns = ("class", "bytes", "mean entropy (nats)", "above the threshold", "bits per byte")
    numbers = table("The numbers as a table", columns, rows)
    label = f"Histograms of entropy in nats for {len(statistics) - 1} classes of bytes"
    chart = chart_html(_chart(text, statistics), label=label)
    facts = _facts(text, statistics[0])
    return Page(CARD.title, CARD.description, f"{chart}\n{numbers}", facts)


def _chart(text: Measured, statistics: list[ClassStatistics]) -> go.Figure:
    """Draw the bars of every class on its own strip, below each other."""
    rows = len(statistics)
    figure = new_figure(height=96 * rows + 60, bargap=0.08, showlegend=False, hovermode="closest")
    figure.update_layout(margin={"l": 16, "t": 8})
    figure.update_layout(
        xaxis=axis("entropy (nats)", range=[0, EDGES[-1]], anchor=f"y{rows}", dtick=0.5)
    )
    for row, group in enumerate(statistics):
        _add_strip(figure, text, group, place=(row, rows))
    return figure


def _add_strip(
    figure: go.Figure, text: Measured, group: ClassStatistics, *, place: tuple[int, int]
) -> None:
    """Draw one class: bars, threshold, heading; ``place`` is the row and the number of rows."""
    row, rows = place
    name = f"y{row + 1}" if row else "y"
    low, height = 1 - (row + 1) / rows, 0.74 / rows
    strip = axis(
        domain=[low, low + height],
        range=[0, _peak(group)],
        showticklabels=False,
        showgrid=False,
        showline=False,
        fixedrange=True,
    )
    figure.update_layout({name.replace("y", "yaxis"): strip})
    figure.add_bar(**_bars(text, group), yaxis=name)
    figure.add_shape(
        type="line",
        x0=text.threshold,
        x1=text.threshold,
        y0=0,
        y1=1,
        yref=f"{name} domain",
        line={"color": LIGHT["ink"], "width": 1.2, "dash": "dash"},
    )
    figure.add_annotation(
        text=f"<b>{group.name}</b>: {_strip_text(group)}",
        x=0,
        xref="paper",
        xanchor="left",
        y=low + height,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        font={"size": 11},
    )


def _bars(text: Measured, group: ClassStatistics) -> dict[str, Any]:
    shares = _shares(group)
    return {
        "x": _centres().tolist(),
        "y": shares.tolist(),
        "width": BIN_WIDTH,
        "marker": {"color": _bar_colours(text), "line": {"width": 0}},
        "text": [
            f"{low:.1f} to {high:.1f} nats<br>{count:,} bytes, {share:.2%} of this class"
            for low, high, count, share in zip(
                EDGES[:-1], EDGES[1:], group.counts, shares, strict=True
            )
        ],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "name": group.name,
    }


def _image(text: Measured, statistics: list[ClassStatistics]) -> Figure:
    rows = len(statistics)
    figure = Figure(figsize=(10, 1.2 + 1.05 * rows), layout="constrained")
    areas = figure.subplots(rows, 1, sharex=True)
    for area, group in zip(areas, statistics, strict=True):
        _draw_strip(area, text, group)
    areas[-1].set(xlim=(0, EDGES[-1]))
    areas[-1].set_xticks(np.arange(0, EDGES[-1], 0.5))
    areas[-1].set_xlabel("entropy (nats)")
    figure.legend(*areas[0].get_legend_handles_labels(), loc="outside upper right")
    facts = "   ".join(f"{name}: {value}" for name, value in _facts(text, statistics[0]))
    figure.suptitle(CARD.title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    figure.supxlabel(facts, x=0.01, ha="left", fontsize=9, color=LIGHT["muted"])
    return figure


def _draw_strip(area: Axes, text: Measured, group: ClassStatistics) -> None:
    area.bar(_centres(), _shares(group), width=0.92 * BIN_WIDTH, color=_bar_colours(text))
    area.axvline(
        text.threshold,
        color=LIGHT["ink"],
        linewidth=1,
        linestyle="--",
        label=f"threshold, {text.threshold:.3f} nats",
    )
    area.set_title(f"{group.name}: {_strip_text(group)}", fontsize=9.5, pad=3)
    area.grid(axis="x")
    area.set(ylim=(0, _peak(group)), yticks=[])
    area.spines["left"].set_visible(False)


def _strip_text(group: ClassStatistics) -> str:
    if not group.bytes:
        return "none"
    return (
        f"{group.bytes:,} bytes, mean {group.mean_entropy:.2f}, "
        f"{group.share_above_threshold:.0%} above"
    )


def _bar_colours(text: Measured) -> list[str]:
    """Return the colour of every bin; it says on which side of the threshold the middle lies."""
    return [LIGHT["vermillion" if x > text.threshold else "blue"] for x in _centres()]


def _centres() -> NDArray[np.float64]:
    return np.round(np.array(EDGES[:-1]) + BIN_WIDTH / 2, 2)


def _shares(group: ClassStatistics) -> NDArray[np.float64]:
    """Return the share of the bytes of the class in each bin."""
    return np.array(group.counts) / max(group.bytes, 1)


def _peak(group: ClassStatistics) -> float:
    return float(max(_shares(group).max(), 1e-3)) * 1.05


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"


def _add_options(parser: Parser) -> None:
    add_threshold(parser)
    parser.add_argument(
        "--sample",
        type=Path,
        nargs="+",
        default=list(DEFAULT_SAMPLE),
        metavar="FILE",
        help="files to measure, each one text (default: the sample texts that come along)",
    )


COMMAND = PlotCommand("entropy_histogram", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
