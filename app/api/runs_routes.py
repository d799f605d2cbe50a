"""The routes of ``/api/runs``: training runs and their curves."""

from http import HTTPStatus

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import UP_TO_DATE, OpenApiFragment, json_of, problem
from app.requests.problems import ProblemError
from app.requests.query import choice, described, number, whole
from app.runs.curve import Window
from app.runs.find_runs import problem_of
from app.runs.training_runs import CurveRequest, Runs, StillReadingError
from app.schemas.runs import RunCurves, RunList

blueprint = Blueprint("api_runs", __name__)

FEWEST, MOST = 20, 4000
"""Smallest and largest number of points of a curve that a client may request."""
AXES = ("step", "bytes")
RETRY_SECONDS = 1

_UNCHANGED = {"description": UP_TO_DATE}

OPENAPI = OpenApiFragment(
    {
        "/api/runs": {
            "get": {
                "operationId": "listRuns",
                "summary": "List the training runs of the shipped models and the local ones",
                "responses": {"200": json_of("Training runs.", RunList), "304": _UNCHANGED},
            }
        },
        "/api/runs/{name}": {
            "get": {
                "operationId": "getRun",
                "summary": "Get the curves of a training run",
                "parameters": [
                    {
                        "name": "name",
                        "in": "path",
                        "required": True,
                        "description": "Name of a run that /api/runs lists.",
                        "schema": {"type": "string"},
                    },
                    described(
                        "points",
                        "Approximate largest number of points of each curve.",
                        type="integer",
                        minimum=FEWEST,
                        maximum=MOST,
                        default=CurveRequest.points,
                    ),
                    described(
                        "axis",
                        "Axis that the parameters from and to refer to.",
                        type="string",
                        enum=list(AXES),
                    ),
                    described(
                        "from",
                        "Lower limit; earlier points are left out.",
                        type="number",
                        minimum=0,
                    ),
                    described(
                        "to", "Upper limit; later points are left out.", type="number", minimum=0
                    ),
                ],
                "responses": {
                    "200": json_of("Curves of the run.", RunCurves),
                    "304": _UNCHANGED,
                    "404": problem("No run has this name."),
                    "422": problem(
                        "A parameter is out of range or unknown, or the file of the run cannot be "
                        "read."
                    ),
                    "503": problem(
                        "The file of the run is large and still being read; Retry-After says when "
                        "to ask again."
                    ),
                },
            }
        },
    },
    (RunList, RunCurves),
)


@blueprint.get("/api/runs")
def runs() -> Response:
    """Answer with the training runs of the shipped models and the local ones."""
    return _runs().list_body().response(request)


@blueprint.get("/api/runs/<path:name>")
def run(name: str) -> Response:
    """Answer with the curves of a training run."""
    args = request.args
    curve_request = CurveRequest(
        whole(args, "points", low=FEWEST, high=MOST) or CurveRequest.points,
        Window(choice(args, "axis", AXES) or "step", number(args, "from"), number(args, "to")),
    )
    training_run = _runs().find(name)
    if training_run is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is no run of this name here.")
    try:
        return _runs().body(training_run, curve_request).response(request)
    except StillReadingError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{error} Ask again in {RETRY_SECONDS} second.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        ) from None
    except ValueError as error:
        message = problem_of(training_run.folder, error)
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{training_run.name}: {message}"
        ) from None
    except PermissionError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{training_run.name}: metrics.jsonl cannot be read: {error.strerror}",
        ) from None
    except OSError:  # deleted since the folder was read
        raise ProblemError(HTTPStatus.NOT_FOUND, "This run has just gone.") from None


def _runs() -> Runs:
    training_runs: Runs = current_app.extensions["runs"]
    return training_runs
