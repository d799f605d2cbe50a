"""``GET /healthz``: whether the server is well."""

from flask import Blueprint, Response, current_app, jsonify

from app.described import Described, json_of
from app.model import LiveModel
from app.schemas.health import Health

blueprint = Blueprint("api_health", __name__)

DESCRIBED = Described(
    {
        "/healthz": {
            "get": {
                "operationId": "getHealth",
                "summary": "Whether the server and its model are well",
                "responses": {"200": json_of("Status and model.", Health)},
            }
        }
    },
    (Health,),
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
