"""Scores of sentence boundaries: ``python -m bytelatent.plotting.sentence_boundaries``.

The command measures the methods of :mod:`bytelatent.graph.comparing` on the bundled text with known
sentences. It needs the extra ``[graph]``.
"""

from functools import partial
from pathlib import Path

import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bytelatent.graph.comparing import BLANKS, COLUMNS, SIGNS, Comparison, Method, compare, table
from bytelatent.graph.endings import SAMPLE, read_documents
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.charts import axis, chart_html, new_figure, safe
from bytelatent.plotting.command_line import Parser, PlotCommand, PlotJob
from bytelatent.plotting.html import Page
from bytelatent.plotting.html import table as html_table
from bytelatent.plotting.style import LIGHT

X_TITLE = "share"
COLOURS = {SIGNS: "blue", BLANKS: "vermillion"}
OTHERS = "green"

CARD = Card(
    "sentence_boundaries",
    "Where sentences end",
    "Precision, recall and F1 of sentence ends found by the byte model, by the entropy of word "
    "bigrams and by spaCy, on text divided by hand that no threshold was chosen on.",
)


def render(job: PlotJob) -> None:
    """Write the page, the images and the data file of this command's figure."""
    comparison = compare(read_documents(job.options.sample), job.model())
    values = {
        "model": comparison.model,
        "unit": "shares of sentence ends inside paragraphs; thresholds in nats",
        "sample": "bytelatent/graph/samples; README.md there names sources and licences",
        "counts": comparison.counts,
        "words": comparison.words,
        "certain_words": comparison.certain_words,
        "methods": [method.row() for method in comparison.methods],
    }
    job.writer.write_data(CARD, values)
    job.writer.write_page(CARD, _page(comparison).render())
    job.writer.write_figure(CARD, partial(_image, comparison))


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    report = comparison.counts["report"]
    return [
        ("model", comparison.model),
        ("measured on", f"{report['bytes']:,} bytes, {report['documents']} documents"),
        ("sentence ends", f"{report['ends']:,}"),
        ("signs before a blank", f"{report['signs']:,}"),
        ("blanks", f"{report['blanks']:,}"),
    ]


def _page(comparison: Comparison) -> Page:
    best = max(comparison.methods, key=lambda method: method.f1)
    label = f"F1 of {len(comparison.methods)} methods; the highest is {best.f1:.3f} ({best.label})"
    body = chart_html(_chart(comparison), label=label)
    numbers = html_table("The numbers", COLUMNS, table(comparison))
    body += numbers.replace("<details>", "<details open>", 1)
    return Page(CARD.title, CARD.description, body, _facts(comparison))


def _name(method: Method) -> str:
    return f"{method.label} ({method.places})" if method.places in COLOURS else method.label


def _colour(method: Method) -> str:
    return LIGHT[COLOURS.get(method.places, OTHERS)]


def _chart(comparison: Comparison) -> go.Figure:
    shown = comparison.methods[::-1]
    names = [safe(_name(method)) for method in shown]
    figure = new_figure(
        height=130 + 34 * len(names),
        hovermode="closest",
        xaxis=axis(X_TITLE, range=[0, 1.02]),
        yaxis=axis(showgrid=False, automargin=True),
    )
    figure.add_bar(
        x=[method.f1 for method in shown],
        y=names,
        orientation="h",
        name="F1",
        marker={"color": [_colour(method) for method in shown], "line": {"width": 0}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [method.high - method.f1 for method in shown],
            "arrayminus": [method.f1 - method.low for method in shown],
            "color": LIGHT["ink"],
            "thickness": 1.2,
        },
        hovertemplate="%{y}: F1 %{x:.3f}<extra></extra>",
    )
    for name, symbol in (("precision", "circle-open"), ("recall", "diamond-open")):
        figure.add_scatter(
            x=[getattr(method, name) for method in shown],
            y=names,
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 9, "color": LIGHT["ink"], "line": {"width": 1.5}},
            hovertemplate=f"%{{y}}: {name} %{{x:.3f}}<extra></extra>",
        )
    return figure


def _image(comparison: Comparison) -> Figure:
    figure = Figure(figsize=(11, 1.9 + 0.38 * len(comparison.methods)))
    figure.set_layout_engine("constrained")
    _draw(figure.subplots(), comparison.methods[::-1])
    facts = "   ".join(f"{name}: {value}" for name, value in _facts(comparison))
    figure.suptitle(CARD.title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    figure.supxlabel(facts, x=0.01, ha="left", fontsize=9, color=LIGHT["muted"])
    return figure


def _draw(area: Axes, methods: list[Method]) -> None:
    rows = range(len(methods))
    f1 = [method.f1 for method in methods]
    errors = [
        [method.f1 - method.low for method in methods],
        [method.high - method.f1 for method in methods],
    ]
    colours = [_colour(method) for method in methods]
    style = {"ecolor": LIGHT["ink"], "elinewidth": 1}
    area.barh(rows, f1, color=colours, xerr=errors, error_kw=style, height=0.62)
    for name, marker in (("precision", "o"), ("recall", "D")):
        values = [getattr(method, name) for method in methods]
        area.plot(values, rows, marker, color=LIGHT["ink"], fillstyle="none", label=name)
    handles = [Patch(color=LIGHT["rule"], label="F1"), *area.get_lines()[-2:]]
    area.set_yticks(rows, [_name(method) for method in methods])
    for row, method in zip(rows, methods, strict=True):
        area.annotate(f"{method.f1:.3f}", (1.03, row), va="center", annotation_clip=False)
    area.set(xlabel=X_TITLE, xlim=(0, 1.015), ylim=(-0.6, len(methods) - 0.4))
    area.grid(axis="x")
    area.grid(visible=False, axis="y")
    area.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1.09), ncols=3, frameon=False)


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "--sample",
        type=Path,
        default=SAMPLE,
        metavar="FILE",
        help="known sentences, one per line (default: the bundled sample)",
    )


COMMAND = PlotCommand("sentence_boundaries", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
