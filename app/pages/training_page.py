"""The page ``/training``: training curves of the shipped models and of local runs."""

from dataclasses import dataclass

from flask import Blueprint, Response, current_app

from app.pages.page_record import PageRecord
from app.pages.render import json_for_html, page
from app.runs.expected import ExpectedResults
from app.runs.no_js_curves import NoJsCurves, no_js_curves
from app.runs.training_runs import CurveRequest, Runs, StillReadingError
from app.stored.gallery import readable

blueprint = Blueprint("training", __name__)


@dataclass(frozen=True)
class RunRow:
    """Row of a run in the list, for a page without JavaScript."""

    title: str
    url: str
    source: str
    meta: str


@dataclass(frozen=True)
class TrainingPage:
    """Context of the template ``training.html``.

    Attributes:
        local: whether the server has a folder of local runs.
        rows: all runs.
        no_js_preview: curves of the shipped models, for a page without JavaScript.
        expected: results of the shipped models.
        page_data: JSON for the scripts.
    """

    local: bool
    rows: list[RunRow]
    no_js_preview: NoJsCurves | None
    expected: list[ExpectedResults]
    page_data: str


PAGE = PageRecord(
    name="training",
    url="/training",
    navigation="Training",
    title="Training",
    description="Training curves of byte models: bits per byte, held-out text by source, learning "
    "rate, speed.",
    context=TrainingPage,
    css=("css/training.css",),
    js=("js/training.js",),
    ready="[data-measure=bits_per_byte] path.line",
    without_js=".no-js path",
)


@blueprint.get(PAGE.url)
def training() -> Response:
    """Answer with the page of training curves."""
    runs: Runs = current_app.extensions["runs"]
    every = runs.items()
    shipped = [run for run in every if run.source == "shipped"]
    curves = []
    for run in shipped:
        try:
            curves.append(runs.curves(run, CurveRequest()))
        except (OSError, ValueError, StillReadingError):  # the list still shows it
            continue
    local = runs.local is not None
    return page(
        PAGE,
        TrainingPage(
            local=local,
            rows=[_row(runs.listed(run)) for run in every],
            no_js_preview=no_js_curves(curves),
            expected=[results for run in shipped if (results := runs.expected(run))],
            page_data=json_for_html({"local": local}),
        ),
    )


def _row(listed: dict[str, object]) -> RunRow:
    step, planned, values = listed["step"], listed["planned_steps"], listed["values"]
    not_finite = listed["not_finite"]
    assert isinstance(values, dict) and isinstance(not_finite, list)
    words = ["nothing measured yet" if step is None else f"{step:,} steps"]
    if planned and step is not None:
        words = [f"{step:,} of {planned:,} steps"]
    if "bytes" in values:
        words.append(readable(int(values["bytes"])))
    if "valid_bits_per_byte" in values:
        words.append(f"held out {values['valid_bits_per_byte']:.3f} bits per byte")
    if listed["problem"]:
        words.append(str(listed["problem"]))
    words += [f"{name.replace('_', ' ')} is NaN or infinite" for name in not_finite]
    return RunRow(
        str(listed["title"]), str(listed["url"]), str(listed["source"]), " · ".join(words)
    )
