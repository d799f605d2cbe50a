"""``GET /healthz``: whether the server lives. ``GET /readyz``: whether to send it more."""

from http import HTTPStatus

from flask import Blueprint, Response, current_app, jsonify

from app.api.openapi_fragment import OpenApiFragment, json_of, problem
from app.models.live_model import LiveModel
from app.requests import deadline as deadline
from app.requests.problems import ProblemError
from app.schemas.health import Health, Ready

blueprint = Blueprint("api_health", __name__)

OPENAPI = OpenApiFragment(
    {
        "/healthz": {
            "get": {
                "operationId": "getHealth",
                "summary": "Whether the server and its model are well",
                "responses": {"200": json_of("Status and model.", Health)},
            }
        },
        "/readyz": {
            "get": {
                "operationId": "getReadiness",
                "summary": "Whether the server can take more texts",
                "responses": {
                    "200": json_of("It can.", Ready),
                    "503": problem("Not now: no model, too many waiting, or about to stop."),
                },
            }
        },
    },
    (Health, Ready),
)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Whether the server and its model are well; without a model the gallery still works."""
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
    """Whether the server can take more texts."""
    model: LiveModel = current_app.extensions["model"]
    if deadline.stopping.is_set():
        raise _unready("The server is about to stop.")
    if model.source is None:
        raise _unready(f"The entropy model is not loaded: {model.reason}")
    if model.turns.is_full:
        raise _unready("As many texts wait for the model as may.")
    response = jsonify(status="ready", waiting=model.turns.waiting)
    response.headers["Cache-Control"] = "no-store"
    return response


def _unready(detail: str) -> ProblemError:
    headers = {"Retry-After": str(deadline.RETRY_SECONDS)}
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)
