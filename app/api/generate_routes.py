"""``POST /api/generate``: a text from a prompt, as server-sent events or as JSON."""

import json
from contextlib import closing
from http import HTTPStatus

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import OpenApiFragment, body_of, problems, ref
from app.models.generated_text import as_document, as_events, describe_text, generation_request
from app.models.generator import GenerationRequest, TextMaker
from app.requests.bodies import parse_body, text_bytes
from app.requests.clients import Client
from app.requests.problems import ProblemError
from app.schemas.generate import ByteEvent, GenerateDone, GenerateRequest, GenerateResponse

blueprint = Blueprint("api_generate", __name__)

JSON = "application/json"
EVENTS = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}

EXAMPLE_REQUEST = {"prompt": "A BLT has", "max_bytes": 64, "temperature": 0.8, "seed": 7}
EXAMPLE_EVENTS = (
    'id: 0\nevent: byte\ndata: {"index": 0, "byte": 32, ...}\n\n'
    'id: 64\nevent: done\ndata: {"text": ...}\n\n'
)

OPENAPI = OpenApiFragment(
    {
        "/api/generate": {
            "post": {
                "operationId": "postGenerate",
                "summary": "A text from a prompt, byte by byte",
                "description": "With `Accept: text/event-stream` the events come as the bytes are "
                "made: `byte` (ByteEvent), at the end `done` (GenerateDone) or `problem` "
                "(ProblemDocument); otherwise the whole as JSON. Closing the connection stops "
                "the work.",
                "requestBody": body_of(GenerateRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": {
                        "description": "The text, and what is known of each byte.",
                        "content": {
                            JSON: {"schema": ref(GenerateResponse)},
                            EVENTS: {"schema": {"type": "string"}, "example": EXAMPLE_EVENTS},
                        },
                    },
                    **problems(
                        {
                            "400": "The body is not JSON.",
                            "406": "Neither JSON nor server-sent events are accepted.",
                            "413": "The prompt is too long.",
                            "422": "A field is missing, unknown, of a wrong type or out of range.",
                            "503": "No model is loaded, or it is busy; then Retry-After says when "
                            "to try again.",
                        }
                    ),
                },
            }
        }
    },
    (GenerateRequest, GenerateResponse, ByteEvent, GenerateDone),
)


@blueprint.post("/api/generate")
def generate() -> Response:
    """A text from a prompt."""
    maker: TextMaker = current_app.extensions["text_maker"]
    accepted = request.accept_mimetypes
    media = accepted.best_match([JSON, EVENTS]) if accepted else JSON
    if media is None:
        detail = f"Accept: {JSON} and {EVENTS} can be had."
        raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, detail)
    asked = parse_body(request.get_data(cache=False), GenerateRequest)
    prompt = text_bytes(asked.prompt, limit=maker.limits.prompt, field="prompt")
    wanted, client = generation_request(asked, prompt), Client(request.environ)
    if media == EVENTS:
        return _events(maker, wanted, client)
    return _document(maker, wanted, client)


def _events(maker: TextMaker, wanted: GenerationRequest, client: Client) -> Response:
    text = maker.begin(wanted, client.gone)
    client.must_take(maker.limits.send_timeout)
    body = as_events(text, describe_text(maker, wanted), request.path)
    # Some proxies collect what they pass on unless they are told.
    headers = {**HEADERS, "X-Accel-Buffering": "no"}
    response = Response(body, content_type=f"{EVENTS}; charset=utf-8", headers=headers)
    response.call_on_close(text.close)
    return response


def _document(maker: TextMaker, wanted: GenerationRequest, client: Client) -> Response:
    with closing(maker.begin(wanted, client.gone)) as text:
        try:
            found = as_document(text, describe_text(maker, wanted))
        except ValueError as error:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    # None: the client has left, and nobody reads this.
    body = json.dumps(found, ensure_ascii=False, allow_nan=False)
    return Response(body, content_type=JSON, headers=HEADERS)
