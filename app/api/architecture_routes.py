"""``GET /api/architecture``: what a model is made of, and what a byte costs in it."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import OpenApiFragment, json_of, problem
from app.models.architectures import Architectures
from app.requests.query import choice, described
from app.schemas.architecture import Architecture

blueprint = Blueprint("api_architecture", __name__)

OPENAPI = OpenApiFragment(
    {
        "/api/architecture": {
            "get": {
                "operationId": "getArchitecture",
                "summary": "Layers, widths, parameters and FLOPs per byte of a model's parts",
                "parameters": [
                    described(
                        "model",
                        "The loaded model, blt-1b or blt-8b; without it, the first of these that "
                        "is there.",
                        type="string",
                    )
                ],
                "responses": {
                    "200": json_of("The parts, in the order of a forward pass.", Architecture),
                    "304": {"description": "The copy named by If-None-Match is still good."},
                    "422": problem("There is no such model."),
                },
            }
        }
    },
    (Architecture,),
)


@blueprint.get("/api/architecture")
def get_architecture() -> Response:
    """What a model is made of."""
    known: Architectures = current_app.extensions["architectures"]
    name = choice(request.args, "model", list(known.by_name)) or known.first
    return known.body(name).response(request)
