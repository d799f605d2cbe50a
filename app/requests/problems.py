"""Errors as ``application/problem+json`` (RFC 9457); each error names the field that is wrong."""

import json
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from app.requests.prefix import at
from app.requests.security import COMMON, DATA_CSP

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
"""Seconds until a client should try again what was refused because the server is busy."""

NOTHING_HERE = "There is nothing of this name here."


@dataclass(frozen=True)
class FieldError:
    """Error in one field of a request."""

    field: str
    message: str


@dataclass
class ProblemError(Exception):
    """Error that is sent to the client.

    Attributes:
        status: HTTP status.
        detail: one sentence that says what the client sent and what is accepted.
        errors: errors of single fields; the problem document repeats the first as ``field``.
        headers: additional headers such as ``Retry-After``.
    """

    status: HTTPStatus
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_field(cls, status: HTTPStatus, name: str, message: str) -> "ProblemError":
        """Return an error about a single field."""
        return cls(status, f"{name}: {message}", (FieldError(name, message),))

    def document(self, path: str) -> dict[str, object]:
        """Return the problem document for JSON; ``path`` is the path of the request."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "instance": path,
        }
        if self.errors:
            body["field"] = self.errors[0].field
            body["errors"] = [{"field": e.field, "message": e.message} for e in self.errors]
        return body

    def response(self) -> Response:
        """Return the problem document as a response."""
        body = json.dumps(self.document(at(request.path)))
        response = Response(body, status=int(self.status), content_type=MEDIA_TYPE)
        response.headers.extend(self.headers)
        response.headers["Cache-Control"] = "no-store"
        return response


def register(app: Flask) -> None:
    """Answer every error of ``app`` with a problem document."""
    app.register_error_handler(ProblemError, _known)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _known(problem: ProblemError) -> Response:
    return problem.response()


def _http(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or 500)
    kept = {"Allow", "Location", "Retry-After"}
    headers = {name: value for name, value in error.get_headers() if name in kept}
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return too_large().response()
    details = {
        HTTPStatus.NOT_FOUND: NOTHING_HERE,
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible here; "
        f"accepted: {headers.get('Allow', 'nothing')}.",
    }
    detail = details.get(status, error.description or status.description)
    return ProblemError(status, detail, headers=headers).response()


def not_found() -> ProblemError:
    """Return the 404 error for a name that nothing has."""
    return ProblemError(HTTPStatus.NOT_FOUND, NOTHING_HERE)


def too_large() -> ProblemError:
    """Return the 413 error for a body that is longer than every accepted text."""
    return ProblemError.of_field(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text", "the request is larger than any accepted text"
    )


def _unexpected(error: Exception) -> Response:
    # The path is not logged: it comes from the visitor and may contain line breaks.
    route = request.url_rule.rule if request.url_rule else "-"
    logger.error("%s %s failed", request.method, route, exc_info=error)
    return internal_error().response()


def outside_of_app(status: int) -> dict[str, Any]:
    """Return status, body and headers of a problem for a request that never reaches the app."""
    known = HTTPStatus(status)
    problem = {"type": "about:blank", "title": known.phrase, "status": status}
    headers = {**COMMON, "Content-Security-Policy": DATA_CSP, "Cache-Control": "no-store"}
    return {
        "status": status,
        "body": json.dumps(problem | {"detail": known.description or known.phrase}).encode(),
        "headers": {**headers, "Content-Type": MEDIA_TYPE},
    }


def internal_error() -> ProblemError:
    """Return the 500 error for an unexpected exception."""
    detail = "Something went wrong on this side; the server's log says what."
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
