"""The route ``POST /api/patches``: entropies and patches of a text."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import (
    NO_JSON,
    WRONG_FIELD,
    OpenApiFragment,
    body_of,
    problems,
    ref,
)
from app.models.live import answer, rule_wanted
from app.models.live_model import LiveModel
from app.models.streamed_patches import as_events
from app.requests.bodies import parse_body, text_bytes
from app.requests.clients import Client
from app.requests.prefix import at
from app.requests.server_events import EVENT_HEADERS, EVENTS
from app.schemas.patches import PatchDone, PatchPart, PatchRequest, PatchResponse
from app.schemas.schema import EXAMPLE_TEXT
from app.settings import TEXT_LIMIT, Settings

blueprint = Blueprint("api_patches", __name__)

STREAM_FROM = 40_000
"""Number of predictions above which a response is sent in parts."""

JSON = "application/json"
EXAMPLE_EVENTS = (
    'id: 0\nevent: part\ndata: {"tokens": [1, 88, ...], "entropies": [2.9, ...], ...}\n\n'
    'id: 1\nevent: done\ndata: {"patch_lengths": [1, 4, ...], ...}\n\n'
)
EXAMPLE_REQUEST = {"text": EXAMPLE_TEXT, "top_k": 3}

OPENAPI = OpenApiFragment(
    {
        "/api/patches": {
            "post": {
                "operationId": "postPatches",
                "summary": "Measure the entropies of a text and split it into patches",
                "description": "With `Accept: text/event-stream` the response is a stream whose "
                "events come while the text is measured: `part` (PatchPart) for each part of the "
                "text, and at the end `done` (PatchDone) or `problem` (ProblemDocument). Otherwise "
                "the response is one JSON document. Closing the connection stops the work.",
                "requestBody": body_of(PatchRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": {
                        "description": "Entropies, patches and counts; predictions if top_k is "
                        "above 0.",
                        "content": {
                            JSON: {"schema": ref(PatchResponse)},
                            EVENTS: {"schema": {"type": "string"}, "example": EXAMPLE_EVENTS},
                        },
                    },
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
    (PatchRequest, PatchResponse, PatchPart, PatchDone),
)


@blueprint.post("/api/patches")
def patches() -> Response:
    """Answer with the entropies and patches of a text."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    patch_request = parse_body(request.get_data(cache=False), PatchRequest)
    data = text_bytes(patch_request.text, limit=settings.text_limit)
    if request.accept_mimetypes.best_match([JSON, EVENTS], JSON) == EVENTS:
        return _events(model, patch_request, data)
    measured_text = answer(model, patch_request, data)
    parts = measured_text.json_parts()
    in_parts = patch_request.top_k * len(data) > STREAM_FROM
    # Bytes are sent in one part; the parts of a generator are sent as they are computed.
    body = (part.encode() for part in parts) if in_parts else "".join(parts).encode()
    return Response(
        body, content_type=JSON, headers={"Cache-Control": "no-store", "Vary": "Accept"}
    )


def _events(model: LiveModel, patch_request: PatchRequest, data: bytes) -> Response:
    settings: Settings = current_app.extensions["settings"]
    wanted = rule_wanted(model, patch_request)
    parts = model.analyse_parts(data, top_k=patch_request.top_k)
    Client(request.environ).must_take(settings.generation.send_timeout)
    body = as_events(model, wanted, data, parts, at(request.path))
    response = Response(body, content_type=f"{EVENTS}; charset=utf-8", headers=EVENT_HEADERS)
    response.call_on_close(parts.close)
    return response
