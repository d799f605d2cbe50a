"""Error pages: a problem document as HTML, with the navigation bar."""

import json
from dataclasses import dataclass

from flask import Blueprint, Response, request

from app.pages.page_record import PageRecord
from app.pages.render import page
from app.requests.problems import MEDIA_TYPE

blueprint = Blueprint("errors", __name__)

FOR_PROGRAMS = (
    *("/api/", "/data/", "/static/", "/images/", "/thumbnails/", "/visualizations/"),
    *("/openapi.json", "/healthz", "/readyz", "/metrics"),
)
"""Prefixes of paths that programs request; their errors stay problem documents."""


@dataclass(frozen=True)
class ErrorPage:
    """Context of the template ``error.html``.

    Attributes:
        status: HTTP status code.
        heading: title of the error.
        detail: one sentence about this request.
    """

    status: int
    heading: str
    detail: str


PAGE = PageRecord(
    name="error",
    url="",
    title="Error",
    description="What went wrong with a request.",
    context=ErrorPage,
)
"""Record of the template; it has no URL of its own, so it is not among the pages."""


@blueprint.after_app_request
def show(response: Response) -> Response:
    """Replace a problem document by an error page if the client prefers HTML."""
    if response.mimetype != MEDIA_TYPE or request.path.startswith(FOR_PROGRAMS):
        return response
    response.vary.add("Accept")
    if not _wants_page():
        return response
    problem = json.loads(response.get_data())
    shown = page(
        PAGE,
        ErrorPage(problem["status"], problem["title"].capitalize(), problem["detail"]),
    )
    response.set_data(shown.get_data())
    response.content_type = shown.content_type
    return response


def _wants_page() -> bool:
    """Return whether the client asks for HTML explicitly, as browsers do; ``*/*`` is not enough."""
    accepted = request.accept_mimetypes
    return request.method in ("GET", "HEAD") and (
        accepted.best_match([MEDIA_TYPE, "application/json", "text/html"]) == "text/html"
    )
