"""The route ``POST /api/inspect``: one forward pass of the BLT over a text, in detail."""

from flask import Blueprint, Response, current_app, jsonify, request

from app.api.openapi_fragment import (
    NO_BLT,
    NO_JSON,
    WRONG_FIELD,
    OpenApiFragment,
    body_of,
    json_of,
    problems,
)
from app.models.inspector import Inspector
from app.requests.bodies import parse_body, text_bytes
from app.schemas.inspect import EXAMPLE_TEXT, InspectRequest, InspectResponse

blueprint = Blueprint("api_inspect", __name__)

EXAMPLE_REQUEST = {"text": EXAMPLE_TEXT, "heads": "mean"}

OPENAPI = OpenApiFragment(
    {
        "/api/inspect": {
            "post": {
                "operationId": "postInspect",
                "summary": "Inspect a forward pass of the BLT over a text",
                "requestBody": body_of(InspectRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": json_of(
                        "Tokens, patches, hash buckets and cross-attention weights.",
                        InspectResponse,
                    ),
                    **problems(
                        {
                            "400": NO_JSON,
                            "413": "The text is too long.",
                            "422": WRONG_FIELD,
                            "503": NO_BLT,
                        }
                    ),
                },
            }
        }
    },
    (InspectRequest, InspectResponse),
)


@blueprint.post("/api/inspect")
def inspect() -> Response:
    """Answer with the details of a forward pass of the BLT over a text."""
    inspector: Inspector = current_app.extensions["inspector"]
    inspect_request = parse_body(request.get_data(cache=False), InspectRequest)
    data = text_bytes(inspect_request.text, limit=inspector.limit)
    response = jsonify(inspector.answer(inspect_request, data))
    response.headers["Cache-Control"] = "no-store"
    return response
