"""``GET /api/runs``, ``GET /api/runs/<name>``: training runs and their curves."""

from http import HTTPStatus

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import OpenApiFragment, json_of, problem
from app.requests.problems import ProblemError
from app.requests.query import choice, described, number, whole
from app.runs.curve import Window
from app.runs.training_runs import CurveRequest, Runs
from app.schemas.runs import RunCurves, RunList

blueprint = Blueprint("api_runs", __name__)

FEWEST, MOST = 20, 4000
"""Points of a curve that can be asked for."""
AXES = ("step", "bytes")

_UNCHANGED = {"description": "The copy named by If-None-Match is still good."}

OPENAPI = OpenApiFragment(
    {
        "/api/runs": {
            "get": {
                "operationId": "listRuns",
                "summary": "Training runs: of the shipped models, and local ones",
                "responses": {"200": json_of("The runs.", RunList), "304": _UNCHANGED},
            }
        },
        "/api/runs/{name}": {
            "get": {
                "operationId": "getRun",
                "summary": "The curves of a training run",
                "parameters": [
                    {
                        "name": "name",
                        "in": "path",
                        "required": True,
                        "description": "A name that /api/runs lists.",
                        "schema": {"type": "string"},
                    },
                    described(
                        "points",
                        "So many points of each curve at most, about.",
                        type="integer",
                        minimum=FEWEST,
                        maximum=MOST,
                        default=CurveRequest.points,
                    ),
                    described("axis", "What from and to count.", type="string", enum=list(AXES)),
                    described("from", "Leave out what is before.", type="number", minimum=0),
                    described("to", "Leave out what is after.", type="number", minimum=0),
                ],
                "responses": {
                    "200": json_of("The curves.", RunCurves),
                    "304": _UNCHANGED,
                    "404": problem("There is no such run."),
                    "422": problem("A parameter is out of range or unknown."),
                },
            }
        },
    },
    (RunList, RunCurves),
)


@blueprint.get("/api/runs")
def runs() -> Response:
    """Training runs: of the shipped models, and local ones."""
    return _runs().list_body().response(request)


@blueprint.get("/api/runs/<path:name>")
def run(name: str) -> Response:
    """The curves of a training run."""
    args = request.args
    wanted = CurveRequest(
        whole(args, "points", low=FEWEST, high=MOST) or CurveRequest.points,
        Window(choice(args, "axis", AXES) or "step", number(args, "from"), number(args, "to")),
    )
    found = _runs().find(name)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is no run of this name here.")
    try:
        return _runs().body(found, wanted).response(request)
    except ValueError as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{found.name}: {error}") from None
    except OSError:  # gone since the folder was read
        raise ProblemError(HTTPStatus.NOT_FOUND, "This run has just gone.") from None


def _runs() -> Runs:
    found: Runs = current_app.extensions["runs"]
    return found
