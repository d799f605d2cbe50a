"""``POST /api/patches``: entropies and patches of a text."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import OpenApiFragment, body_of, json_of, problems
from app.models.live import answer
from app.models.live_model import LiveModel
from app.requests.bodies import parse_body, text_bytes
from app.schemas.patches import PatchRequest, PatchResponse
from app.settings import Settings

blueprint = Blueprint("api_patches", __name__)

STREAM_FROM = 40_000
"""Predictions in an answer, above which it is sent in parts."""

EXAMPLE_REQUEST = {"text": "Daenerys Targaryen is in Game of Thrones", "top_k": 3}

OPENAPI = OpenApiFragment(
    {
        "/api/patches": {
            "post": {
                "operationId": "postPatches",
                "summary": "Entropies and patches of a text",
                "requestBody": body_of(PatchRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": json_of(
                        "Entropies, patches, counts; predictions if asked for.", PatchResponse
                    ),
                    **problems(
                        {
                            "400": "The body is not JSON.",
                            "413": "The text is longer than 65,536 bytes.",
                            "422": "A field is missing, unknown, of a wrong type or out of range.",
                            "503": "The model is not loaded, or busy; then Retry-After says when "
                            "to try again.",
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
    """Entropies and patches of a text."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    wanted = parse_body(request.get_data(cache=False), PatchRequest)
    data = text_bytes(wanted.text, limit=settings.text_limit)
    found = answer(model, wanted, data)
    parts = found.json_parts()
    in_parts = wanted.top_k * len(data) > STREAM_FROM
    # A str is one part; a generator goes out as it is made.
    body = (part.encode() for part in parts) if in_parts else "".join(parts).encode()
    return Response(body, content_type="application/json", headers={"Cache-Control": "no-store"})
