"""Bytes per patch by threshold: ``python -m bytelatent.plotting.calibration_curve``.

The command reads ``calibration.json``, which ``python -m bytelatent.calibration --write`` writes
beside a model.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bytelatent.files import read_json
from bytelatent.formats.file_names import CALIBRATION_FILE
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.charts import axis, chart_html, new_figure, safe
from bytelatent.plotting.command_line import Parser, PlotCommand, PlotJob
from bytelatent.plotting.html import Page
from bytelatent.plotting.style import LIGHT

TICKS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24)
"""Ticks of the logarithmic axis, in bytes per patch."""

X_TITLE, Y_TITLE = "threshold (nats)", "bytes per patch"

CARD = Card(
    "calibration_curve",
    "Threshold and patch size",
    "Mean bytes per patch of held-out text for every threshold, of the training mix and of each "
    "language in it, and of each language at the threshold of the model.",
)


@dataclass(frozen=True)
class Calibration:
    """Calibration of a model's patching threshold.

    Attributes:
        model: name of the model.
        rule: patching rule.
        threshold: threshold in use, in nats.
        patch_size: bytes per patch on the mix at the threshold in use.
        thresholds: thresholds of the curves in nats, ascending.
        mix: bytes per patch on the mix at each of ``thresholds``.
        languages: bytes per patch on each language at each of ``thresholds``.
        at_threshold: bytes per patch of each language at the threshold in use, longest first.
        bytes: number of bytes of text that were measured.
    """

    model: str
    rule: str
    threshold: float
    patch_size: float
    thresholds: list[float]
    mix: list[float]
    languages: dict[str, list[float]]
    at_threshold: dict[str, float]
    bytes: int


def render(job: PlotJob) -> None:
    """Write the page, the images and the data file of this command's figure."""
    calibration = read_calibration(job.options.calibration or job.options.model / CALIBRATION_FILE)
    values = {
        "model": calibration.model,
        "rule": calibration.rule,
        "unit": "bytes per patch by threshold in nats",
        "bytes": calibration.bytes,
        "threshold": calibration.threshold,
        "patch_size": calibration.patch_size,
        "thresholds": calibration.thresholds,
        "mix": calibration.mix,
        "languages": calibration.languages,
        "at_threshold": calibration.at_threshold,
    }
    job.writer.write_data(CARD, values)
    job.writer.write_page(CARD, _page(calibration).render())
    job.writer.write_figure(CARD, partial(_image, calibration))


def read_calibration(path: Path) -> Calibration:
    """Read a ``calibration.json``.

    Raises:
        ValueError: the file is missing or its content is invalid; the message names the file.
    """
    if not path.is_file():
        raise ValueError(
            f"--calibration: {path} does not exist; python -m bytelatent.calibration writes it"
        )
    content = read_json(path)
    try:
        used, curve = content["rules"][content["rule"]], content["curve"]
        languages = {str(name): _floats(sizes) for name, sizes in curve["languages"].items()}
        sizes = {str(name): float(size) for name, size in content["bytes_per_patch"].items()}
        calibration = Calibration(
            model=str(content["model"]),
            rule=str(content["rule"]),
            threshold=float(used["threshold"]),
            patch_size=float(used["bytes_per_patch"]),
            thresholds=_floats(curve["thresholds"]),
            mix=_floats(curve["mix"]),
            languages=languages,
            at_threshold=dict(sorted(sizes.items(), key=lambda item: -item[1])),
            bytes=int(content["bytes"]["mix"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"--calibration: {path} is no calibration ({error!r})") from None
    lengths = {len(sizes) for sizes in (calibration.mix, *languages.values())}
    if lengths != {len(calibration.thresholds)} or not calibration.thresholds:
        raise ValueError(f"--calibration: {path} has curves of different lengths")
    return calibration


def _floats(values: Any) -> list[float]:
    numbers = [float(value) for value in values]
    if not np.isfinite(numbers).all():
        raise ValueError("numbers that are not finite")
    return numbers


def _facts(calibration: Calibration) -> list[tuple[str, str]]:
    return [
        ("model", calibration.model),
        ("rule", calibration.rule),
        ("threshold", f"{calibration.threshold:.3f} nats"),
        ("bytes per patch", f"{calibration.patch_size:.2f}"),
        ("measured", f"{calibration.bytes:,} bytes"),
    ]


def _page(calibration: Calibration) -> Page:
    label = (
        f"Bytes per patch by threshold; {calibration.threshold:.3f} nats give "
        f"{calibration.patch_size:.2f}"
    )
    return Page(
        CARD.title,
        CARD.description,
        chart_html(_chart(calibration), label=label),
        _facts(calibration),
    )


def _limits(calibration: Calibration) -> tuple[float, float]:
    """Return the y limits in bytes per patch; the longest languages may exceed them."""
    return 0.95, max(max(calibration.mix), calibration.patch_size) * 1.1


def _chart(calibration: Calibration) -> go.Figure:
    low, high = _limits(calibration)
    y_range = [float(np.log10(low)), float(np.log10(high))]
    ticks: dict[str, Any] = {"tickvals": list(TICKS), "ticktext": [f"{tick:g}" for tick in TICKS]}
    names = list(calibration.at_threshold)[::-1]
    figure = new_figure(
        height=max(480, 60 + 22 * len(names)),
        hovermode="closest",
        showlegend=False,
        xaxis=axis(X_TITLE, domain=[0, 0.6], showgrid=False),
        yaxis=axis(Y_TITLE, type="log", range=y_range, **ticks),
        xaxis2=axis(Y_TITLE, domain=[0.72, 1], anchor="y2", rangemode="tozero"),
        yaxis2=axis(anchor="x2", showgrid=False, automargin=True),
    )
    curves = [*calibration.languages.items(), ("mix", calibration.mix)]
    for name, sizes in curves:
        figure.add_scatter(
            x=calibration.thresholds,
            y=sizes,
            name=safe(name),
            mode="lines",
            line=_line(name),
            hovertemplate=f"{safe(name)}<br>%{{x:.2f}} nats<br>%{{y:.2f}} bytes per patch"
            "<extra></extra>",
        )
    figure.add_scatter(
        x=[calibration.threshold],
        y=[calibration.patch_size],
        name="in use",
        mode="markers",
        marker={"color": LIGHT["vermillion"], "size": 10},
        hovertemplate="in use<br>%{x:.3f} nats<br>%{y:.2f} bytes per patch<extra></extra>",
    )
    figure.add_bar(
        x=[calibration.at_threshold[name] for name in names],
        y=[safe(name) for name in names],
        orientation="h",
        marker={"color": LIGHT["sky"], "line": {"width": 0}},
        xaxis="x2",
        yaxis="y2",
        hovertemplate="%{y}: %{x:.2f} bytes per patch<extra></extra>",
    )
    return figure


def _line(name: str) -> dict[str, Any]:
    if name == "mix":
        return {"color": LIGHT["blue"], "width": 3}
    return {"color": LIGHT["sky"], "width": 1}


def _image(calibration: Calibration) -> Figure:
    figure = Figure(figsize=(10, max(5.2, 1.6 + 0.22 * len(calibration.at_threshold))))
    figure.set_layout_engine("constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2.2, 1))
    _draw_curves(left, calibration)
    names = list(calibration.at_threshold)[::-1]
    right.barh(names, [calibration.at_threshold[name] for name in names], color=LIGHT["sky"])
    right.axvline(calibration.patch_size, color=LIGHT["blue"], linewidth=1.6)
    right.set(
        xlabel=f"{Y_TITLE} at {calibration.threshold:.3f} nats", ylim=(-0.6, len(names) - 0.4)
    )
    right.grid(axis="x")
    right.grid(visible=False, axis="y")
    facts = "   ".join(f"{name}: {value}" for name, value in _facts(calibration))
    figure.suptitle(CARD.title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    figure.supxlabel(facts, x=0.01, ha="left", fontsize=9, color=LIGHT["muted"])
    return figure


def _draw_curves(area: Axes, calibration: Calibration) -> None:
    for number, sizes in enumerate(calibration.languages.values()):
        label = None if number else "a language"
        area.plot(calibration.thresholds, sizes, color=LIGHT["sky"], linewidth=0.8, label=label)
    area.plot(
        calibration.thresholds, calibration.mix, color=LIGHT["blue"], linewidth=2.4, label="the mix"
    )
    place = ([calibration.threshold], [calibration.patch_size])
    area.plot(*place, "o", color=LIGHT["vermillion"], markersize=7, label="in use")
    low, high = _limits(calibration)
    area.set_yscale("log")
    area.set(xlabel=X_TITLE, ylabel=Y_TITLE, ylim=(low, high))
    area.set_xlim(left=0)
    area.set_yticks(TICKS, [f"{tick:g}" for tick in TICKS])
    area.minorticks_off()
    area.set_ylim(low, high)
    area.legend(loc="upper left")


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help=f"what calibration wrote (default: {CALIBRATION_FILE} in the folder of the model)",
    )


COMMAND = PlotCommand("calibration_curve", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
