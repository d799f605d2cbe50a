"""``POST /api/compare``: the same text split by our rules and by BPE."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import OpenApiFragment, body_of, json_of, problems
from app.models.live_model import LiveModel
from app.models.splitting import compare as split
from app.models.threshold_curve import Calibration
from app.requests.bodies import parse_body, text_bytes
from app.schemas.compare import CompareRequest, CompareResponse
from app.settings import Settings

blueprint = Blueprint("api_compare", __name__)

STREAM_FROM = 20_000
"""Pieces in an answer, above which it is sent in parts."""

EXAMPLE_REQUEST = {"text": "Daenerys Targaryen is in Game of Thrones"}

OPENAPI = OpenApiFragment(
    {
        "/api/compare": {
            "post": {
                "operationId": "postCompare",
                "summary": "One text, split by entropy, by other rules and by BPE",
                "requestBody": body_of(CompareRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": json_of(
                        "A row for every splitter, with its pieces; one that is not installed "
                        "says so.",
                        CompareResponse,
                    ),
                    **problems(
                        {
                            "400": "The body is not JSON.",
                            "413": "The text is longer than 65,536 bytes.",
                            "422": "A field is missing, unknown, of a wrong type or out of range.",
                            "503": "The model is busy; Retry-After says when to try again.",
                        }
                    ),
                },
            }
        }
    },
    (CompareRequest, CompareResponse),
)


@blueprint.post("/api/compare")
def compare() -> Response:
    """One text, split in several ways."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    calibration: Calibration = current_app.extensions["calibration"]
    wanted = parse_body(request.get_data(cache=False), CompareRequest)
    data = text_bytes(wanted.text, limit=settings.text_limit)
    found = split(model, calibration, wanted, data)
    parts = found.json_parts()
    # A str is one part; a generator goes out as it is made.
    body = (
        (part.encode() for part in parts) if found.pieces > STREAM_FROM else "".join(parts).encode()
    )
    return Response(body, content_type="application/json", headers={"Cache-Control": "no-store"})
