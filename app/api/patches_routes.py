"""The route ``POST /api/patches``: entropies and patches of a text."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import (
    NO_JSON,
    WRONG_FIELD,
    OpenApiFragment,
    body_of,
    json_of,
    problems,
)
from app.models.live import answer
from app.models.live_model import LiveModel
from app.requests.bodies import parse_body, text_bytes
from app.schemas.patches import PatchRequest, PatchResponse
from app.schemas.schema import EXAMPLE_TEXT
from app.settings import TEXT_LIMIT, Settings

blueprint = Blueprint("api_patches", __name__)

STREAM_FROM = 40_000
"""Number of predictions above which a response is sent in parts."""

EXAMPLE_REQUEST = {"text": EXAMPLE_TEXT, "top_k": 3}

OPENAPI = OpenApiFragment(
    {
        "/api/patches": {
            "post": {
                "operationId": "postPatches",
                "summary": "Measure the entropies of a text and split it into patches",
                "requestBody": body_of(PatchRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": json_of(
                        "Entropies, patches and counts; predictions if top_k is above 0.",
                        PatchResponse,
                    ),
                    **problems(
                        {
                            "400": NO_JSON,
                            "413": f"The text is longer than {TEXT_LIMIT:,} bytes.",
                            "422": WRONG_FIELD,
                            "503": "No entropy model is loaded, or it is busy; then Retry-After "
                            "says when to try again.",
                        }
                    ),
                },
            }
        }
    },
    (PatchRequest, PatchResponse),
)


@blueprint.post("/api/patches")
def patches() -> Response:
    """Answer with the entropies and patches of a text."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    patch_request = parse_body(request.get_data(cache=False), PatchRequest)
    data = text_bytes(patch_request.text, limit=settings.text_limit)
    measured_text = answer(model, patch_request, data)
    parts = measured_text.json_parts()
    in_parts = patch_request.top_k * len(data) > STREAM_FROM
    # Bytes are sent in one part; the parts of a generator are sent as they are computed.
    body = (part.encode() for part in parts) if in_parts else "".join(parts).encode()
    return Response(body, content_type="application/json", headers={"Cache-Control": "no-store"})
