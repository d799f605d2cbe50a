"""Errors of pages, for people: the problem in words, below the bar that leads elsewhere."""

import json
from dataclasses import dataclass

from flask import Blueprint, Response, request

from app.pages.render import page
from app.requests.problems import MEDIA_TYPE

blueprint = Blueprint("errors", __name__)

FOR_PROGRAMS = (
    *("/api/", "/data/", "/static/", "/images/", "/thumbnails/", "/visualizations/"),
    *("/openapi.json", "/healthz", "/readyz", "/metrics"),
)
"""What is fetched rather than visited: its errors stay problem documents."""


@dataclass(frozen=True)
class ErrorPage:
    """Context of ``error.html``.

    Attributes:
        status: of HTTP.
        heading: what it is called.
        detail: one sentence on this very request.
    """

    status: int
    heading: str
    detail: str


@blueprint.after_app_request
def show(response: Response) -> Response:
    """Turn a problem into a page, for who would rather see one."""
    if response.mimetype != MEDIA_TYPE or request.path.startswith(FOR_PROGRAMS):
        return response
    response.vary.add("Accept")
    if not _wants_page():
        return response
    problem = json.loads(response.get_data())
    shown = page(
        "error.html",
        ErrorPage(problem["status"], problem["title"].capitalize(), problem["detail"]),
    )
    response.set_data(shown.get_data())
    response.content_type = shown.content_type
    return response


def _wants_page() -> bool:
    """Whether HTML is asked for by name, as browsers do; ``*/*`` is content with anything."""
    accepted = request.accept_mimetypes
    return request.method in ("GET", "HEAD") and (
        accepted.best_match([MEDIA_TYPE, "application/json", "text/html"]) == "text/html"
    )
