"""The route ``GET /api/architecture``: a model's architecture and its cost per byte."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import UP_TO_DATE, OpenApiFragment, json_of, problem
from app.models.architectures import Architectures
from app.requests.query import choice, described
from app.schemas.architecture import Architecture

blueprint = Blueprint("api_architecture", __name__)

OPENAPI = OpenApiFragment(
    {
        "/api/architecture": {
            "get": {
                "operationId": "getArchitecture",
                "summary": "Get the layers, widths, parameters and FLOPs per byte of a model",
                "parameters": [
                    described(
                        "model",
                        "Name of the loaded model, blt-1b or blt-8b. Default: the loaded model, "
                        "or else blt-1b.",
                        type="string",
                    )
                ],
                "responses": {
                    "200": json_of(
                        "Parts of the model, in the order of a forward pass.", Architecture
                    ),
                    "304": {"description": UP_TO_DATE},
                    "422": problem("No model has this name."),
                },
            }
        }
    },
    (Architecture,),
)


@blueprint.get("/api/architecture")
def get_architecture() -> Response:
    """Answer with the architecture of a model."""
    known: Architectures = current_app.extensions["architectures"]
    name = choice(request.args, "model", list(known.by_name)) or known.first
    return known.body(name).response(request)
