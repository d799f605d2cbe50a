"""Bits per byte while a model trains: ``python -m bytelatent.plotting.training_curve``.

The command reads the ``metrics.jsonl`` that a training run writes. When no model is named, both
shipped models are drawn, each in its own figure.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from bytelatent.formats.file_names import METRICS_FILE
from bytelatent.formats.find import BLT_MINI, ENTROPY_MINI
from bytelatent.metrics import find_rounds, read_metrics
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.charts import axis, chart_html, new_figure
from bytelatent.plotting.command_line import Parser, PlotCommand, PlotJob
from bytelatent.plotting.html import Page
from bytelatent.plotting.style import LIGHT

HALF_WINDOW = 12
"""Maximum number of training points on either side in a running mean."""
START_SHARE = 4
"""Divisor of a point's index: the running mean has at most index // divisor points per side.

It keeps the mean narrow near the start, where the curve is steep.
"""
MEGABYTE = 1e6
SMOOTHING = (
    "mean of point i and r neighbours on either side, "
    f"r the least of i // {START_SHARE}, the points after it, and {HALF_WINDOW}"
)
X_TITLE, Y_TITLE = "bytes seen (million)", "bits per byte"

CARD = Card(
    "training_curve",
    "Training of the byte model",
    "Bits per byte against the bytes seen: each step's batch (faint), their running mean, and "
    "text held out from training.",
)
BLT_CARD = Card(
    "blt_training_curve",
    "Training of the BLT",
    "Bits per byte of the Byte Latent Transformer that comes along, against the bytes seen. A "
    "dashed line stands where a further round began, at a learning rate that had fallen before.",
)


@dataclass(frozen=True)
class Curve:
    """Curve of a training run.

    Attributes:
        model: name of the trained model.
        bytes: number of bytes seen at each training point.
        train: bits per byte of the batch at each training point.
        valid_bytes: number of bytes seen at each held-out measurement.
        valid: bits per byte of the held-out text at each measurement.
        rounds: number of bytes seen at the start of every round after the first.
        not_finite: number of bytes seen at the first point of the end of the run without a finite
            number; None for a run whose last number is finite.
        last: number of bytes seen at the last point, finite or not.
    """

    model: str
    bytes: list[int]
    train: list[float]
    valid_bytes: list[int]
    valid: list[float]
    rounds: list[int]
    not_finite: int | None
    last: int

    @property
    def smoothed(self) -> list[float]:
        """Running mean of the training points (:data:`SMOOTHING`)."""
        last = len(self.train) - 1
        means = []
        for place in range(last + 1):
            reach = min(place // START_SHARE, last - place, HALF_WINDOW)
            means.append(float(np.mean(self.train[place - reach : place + reach + 1])))
        return means


def render(job: PlotJob) -> None:
    """Write the page, the images and the data file of this command's figure."""
    metrics, folder = job.options.metrics, job.options.model
    _draw(job, CARD, metrics or folder / METRICS_FILE)
    if metrics is None and folder == ENTROPY_MINI and BLT_MINI.is_dir():
        _draw(job, BLT_CARD, BLT_MINI / METRICS_FILE)


def _draw(job: PlotJob, card: Card, path: Path) -> None:
    curve = read_curve(path)
    values: dict[str, Any] = {
        "model": curve.model,
        "unit": "bits per byte",
        "train": {"bytes": curve.bytes, "raw": curve.train, "smoothed": curve.smoothed},
        "smoothing": SMOOTHING,
        "valid": {"bytes": curve.valid_bytes, "bits_per_byte": curve.valid},
        "rounds": {"bytes": curve.rounds},
    }
    if curve.not_finite is not None:
        values["not_finite"] = {"bytes": curve.not_finite}
    job.writer.write_data(card, values)
    job.writer.write_page(card, _page(curve, card).render())
    job.writer.write_figure(card, partial(_image, curve, card))


def read_curve(path: Path) -> Curve:
    """Read the training points and held-out measurements of a ``metrics.jsonl``.

    If two lines have the same step, the later one counts: the run was killed and continued from an
    earlier step. A held-out measurement without its number of bytes gets the number of its step.

    Raises:
        ValueError: the file is missing or has no training points; the message names the file.
    """
    if not path.is_file():
        raise ValueError(f"--metrics: {path} does not exist")
    try:
        lines = [line for line in read_metrics(path) if isinstance(line, dict)]
    except UnicodeDecodeError as error:
        raise ValueError(f"--metrics: {path} is no UTF-8 text: {error.reason}") from None
    train = _by_step(lines, "bytes", "bits_per_byte")
    valid = _by_step(lines, "valid_bits_per_byte")
    if not train:
        raise ValueError(f"--metrics: {path} has no line with step, bytes and bits_per_byte")
    steps, seen = [line["step"] for line in train], [line["bytes"] for line in train]
    at_valid = np.interp([line["step"] for line in valid], [0, *steps], [0, *seen])
    return Curve(
        model=path.resolve().parent.name,
        bytes=[int(size) for size in seen],
        train=[float(line["bits_per_byte"]) for line in train],
        valid_bytes=[round(size) for size in at_valid.tolist()],
        valid=[float(line["valid_bits_per_byte"]) for line in valid],
        rounds=_rounds(lines, steps, seen),
        not_finite=_not_finite(lines, steps[-1]),
        last=max(int(seen[-1]), *_bytes_after(lines, steps[-1]), 0),
    )


def _bytes_after(lines: list[dict[str, Any]], step: int) -> list[int]:
    """Return the bytes seen at the points after a step, in order."""
    later = [line for line in lines if _has_numbers(line, "step", "bytes") and line["step"] > step]
    return [int(line["bytes"]) for line in later if "bits_per_byte" in line]


def _not_finite(lines: list[dict[str, Any]], step: int) -> int | None:
    """Return the bytes seen at the first point after the last finite one; None for no such point.

    A point without a finite number is there as NaN, as infinity, or as null.
    """
    return min(_bytes_after(lines, step), default=None)


def _by_step(lines: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Return the lines that have these numbers, in the order of their steps."""
    lines_by_step = {line["step"]: line for line in lines if _has_numbers(line, "step", *names)}
    return [lines_by_step[step] for step in sorted(lines_by_step)]


def _rounds(lines: list[dict[str, Any]], steps: list[int], seen: list[float]) -> list[int]:
    """Return the bytes seen at the last step before each round but the first."""
    rounds = find_rounds([line for line in lines if _has_numbers(line, "step", "lr")])
    ends = [training_round.last for training_round in rounds[:-1]]
    return [round(size) for size in np.interp(ends, [0, *steps], [0, *seen]).tolist()]


def _has_numbers(line: dict[str, Any], *names: str) -> bool:
    values = [line.get(name) for name in names]
    return all(isinstance(value, int | float) and np.isfinite(value) for value in values)


def _facts(curve: Curve) -> list[tuple[str, str]]:
    facts = [
        ("model", curve.model),
        ("bytes seen", f"{curve.bytes[-1]:,}"),
        *([("rounds", f"{len(curve.rounds) + 1}")] if curve.rounds else []),
        ("train, last points", f"{np.mean(curve.train[-2 * HALF_WINDOW - 1 :]):.3f} bits"),
    ]
    if curve.valid:
        facts.append(("held out", f"{curve.valid[-1]:.3f} bits"))
    if curve.not_finite is not None:
        facts.append(("not finite", f"from {curve.not_finite:,} to {curve.last:,} bytes"))
    return facts


def _limits(curve: Curve) -> tuple[float, float]:
    """Return the y limits in bits per byte; the steep first points may exceed them."""
    low = min([*curve.train, *curve.valid])
    usual = float(np.quantile(curve.train, 0.97))
    return max(0.0, low - 0.15), max(usual, *curve.valid, low + 0.5) + 0.15


def _page(curve: Curve, card: Card) -> Page:
    label = f"Bits per byte over {curve.bytes[-1]:,} bytes of training, train and held out"
    body = chart_html(_chart(curve), label=label)
    return Page(card.title, card.description, body, _facts(curve))


def _chart(curve: Curve) -> go.Figure:
    seen = [size / MEGABYTE for size in curve.bytes]
    figure = new_figure(
        height=480,
        hovermode="closest",
        xaxis=axis(X_TITLE, rangemode="tozero", showgrid=False),
        yaxis=axis(Y_TITLE, range=list(_limits(curve))),
    )
    traces: list[tuple[str, list[float], list[float], dict[str, Any]]] = [
        ("train, each batch", seen, curve.train, {"color": LIGHT["sky"], "width": 1}),
        ("train, mean", seen, curve.smoothed, {"color": LIGHT["blue"], "width": 2.5}),
        (
            "held out",
            [size / MEGABYTE for size in curve.valid_bytes],
            curve.valid,
            {"color": LIGHT["vermillion"], "width": 2},
        ),
    ]
    for name, x, y, line in traces:
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            line=line,
            mode="lines+markers" if y is curve.valid else "lines",
            opacity=0.7 if y is curve.train else 1,
            hovertemplate=f"{name}<br>%{{x:.2f}} million bytes<br>%{{y:.3f}} bits per byte"
            "<extra></extra>",
        )
    for size in curve.rounds:
        figure.add_vline(x=size / MEGABYTE, line={"color": LIGHT["muted"], "dash": "dash"})
    if curve.not_finite is not None:
        ends = {"x0": curve.not_finite / MEGABYTE, "x1": curve.last / MEGABYTE}
        figure.add_vrect(**ends, fillcolor=LIGHT["vermillion"], opacity=0.25, line_width=1)
        figure.update_layout(xaxis={"range": [0, curve.last / MEGABYTE]})
    return figure


def _image(curve: Curve, card: Card) -> Figure:
    seen = np.array(curve.bytes) / MEGABYTE
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    area = figure.subplots()
    area.plot(seen, curve.train, color=LIGHT["sky"], linewidth=0.8, label="train, each batch")
    area.plot(seen, curve.smoothed, color=LIGHT["blue"], linewidth=2.2, label="train, mean")
    if curve.valid:
        area.plot(
            np.array(curve.valid_bytes) / MEGABYTE,
            curve.valid,
            "o-",
            color=LIGHT["vermillion"],
            linewidth=1.8,
            markersize=4.5,
            label="held out",
        )
    for number, size in enumerate(curve.rounds):
        label = None if number else "a further round"
        area.axvline(
            size / MEGABYTE, color=LIGHT["muted"], linewidth=1.2, linestyle="--", label=label
        )
    if curve.not_finite is not None:
        ends = curve.not_finite / MEGABYTE, curve.last / MEGABYTE
        area.axvspan(*ends, color=LIGHT["vermillion"], alpha=0.25, label="not finite (NaN)")
    area.set(xlabel=X_TITLE, ylabel=Y_TITLE, ylim=_limits(curve))
    area.set_xlim(left=0)
    area.legend(loc="upper right")
    facts = "   ".join(f"{name}: {value}" for name, value in _facts(curve))
    figure.suptitle(card.title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    figure.supxlabel(facts, x=0.01, ha="left", fontsize=9, color=LIGHT["muted"])
    return figure


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "--metrics",
        type=Path,
        metavar="FILE",
        help=f"what the training run wrote (default: {METRICS_FILE} in the folder of the model)",
    )


COMMAND = PlotCommand("training_curve", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
