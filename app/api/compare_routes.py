"""The route ``POST /api/compare``: one text split by patching rules and by BPE."""

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import (
    NO_JSON,
    WRONG_FIELD,
    OpenApiFragment,
    body_of,
    json_of,
    problems,
)
from app.models.live_model import LiveModel
from app.models.splitting import compare as split
from app.models.threshold_curve import Calibration
from app.requests.bodies import parse_body, text_bytes
from app.schemas.compare import CompareRequest, CompareResponse
from app.schemas.schema import EXAMPLE_TEXT
from app.settings import TEXT_LIMIT, Settings

blueprint = Blueprint("api_compare", __name__)

STREAM_FROM = 20_000
"""Number of pieces above which a response is sent in parts."""

EXAMPLE_REQUEST = {"text": EXAMPLE_TEXT}

OPENAPI = OpenApiFragment(
    {
        "/api/compare": {
            "post": {
                "operationId": "postCompare",
                "summary": "Split one text by patching rules and by BPE",
                "requestBody": body_of(CompareRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": json_of(
                        "One row for each splitter, with its pieces; the row of a splitter that is "
                        "not installed says so.",
                        CompareResponse,
                    ),
                    **problems(
                        {
                            "400": NO_JSON,
                            "413": f"The text is longer than {TEXT_LIMIT:,} bytes.",
                            "422": WRONG_FIELD,
                            "503": "The entropy model is busy; Retry-After says when to try again.",
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
    """Answer with one text, split by patching rules and by BPE."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    calibration: Calibration = current_app.extensions["calibration"]
    compare_request = parse_body(request.get_data(cache=False), CompareRequest)
    data = text_bytes(compare_request.text, limit=settings.text_limit)
    comparison = split(model, calibration, compare_request, data)
    parts = comparison.json_parts()
    # Bytes are sent in one part; the parts of a generator are sent as they are computed.
    body = (
        (part.encode() for part in parts)
        if comparison.pieces > STREAM_FROM
        else "".join(parts).encode()
    )
    return Response(body, content_type="application/json", headers={"Cache-Control": "no-store"})
