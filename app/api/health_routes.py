"""The routes ``GET /healthz``, whether the server works, and ``GET /readyz``, whether it has
capacity.
"""

from http import HTTPStatus

from flask import Blueprint, Response, current_app, jsonify

from app.api.openapi_fragment import OpenApiFragment, json_of, problem
from app.models.live_model import LiveModel
from app.requests import deadline
from app.requests.problems import RETRY_SECONDS, ProblemError
from app.schemas.health import Health, Ready

blueprint = Blueprint("api_health", __name__)

OPENAPI = OpenApiFragment(
    {
        "/healthz": {
            "get": {
                "operationId": "getHealth",
                "summary": "Get the state of the server and its entropy model",
                "responses": {
                    "200": json_of("Status of the server and its entropy model.", Health)
                },
            }
        },
        "/readyz": {
            "get": {
                "operationId": "getReadiness",
                "summary": "Get whether the server can accept more texts",
                "responses": {
                    "200": json_of("The server can accept more texts.", Ready),
                    "503": problem(
                        "No entropy model is loaded, the queue is full, or the server stops."
                    ),
                },
            }
        },
    },
    (Health, Ready),
)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer whether the server and its entropy model work; the gallery works without a model."""
    model: LiveModel = current_app.extensions["model"]
    source = model.source
    response = jsonify(
        status="ok" if source else "degraded",
        model=source.name if source else None,
        threshold=source.threshold if source else None,
        reason=model.reason,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer whether the server can accept more texts."""
    model: LiveModel = current_app.extensions["model"]
    if deadline.stopping.is_set():
        raise _unready("The server is about to stop.")
    if model.unavailable is not None:
        raise _unready(model.unavailable)
    if model.queue.is_full:
        raise _unready("As many texts wait for the model as may.")
    response = jsonify(status="ready", waiting=model.queue.waiting)
    response.headers["Cache-Control"] = "no-store"
    return response


def _unready(detail: str) -> ProblemError:
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)
