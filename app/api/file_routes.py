"""The routes of stored files: ``/visualizations``, ``/images``, ``/data`` and ``/thumbnails``."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import ETags

from app.api.openapi_fragment import UP_TO_DATE, OpenApiFragment, problem
from app.requests.problems import not_found
from app.requests.security import STORED_HTML_CSP, STORED_IMAGE_CSP, STORED_PDF_CSP
from app.stored.catalogue import Catalogue, Kind, StoredArtifact

blueprint = Blueprint("files", __name__)


def _described(operation: str, summary: str) -> dict[str, Any]:
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "Name of a file that /api/visualizations lists.",
        "schema": {"type": "string"},
    }
    responses = {
        "200": {"description": "Content of the file, with an ETag.", "content": {"*/*": {}}},
        "304": {"description": UP_TO_DATE},
        "404": problem("No file has this name."),
    }
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": [name],
            "responses": responses,
        }
    }


OPENAPI = OpenApiFragment(
    {
        "/visualizations/{name}": _described("getVisualization", "Get an HTML figure"),
        "/images/{name}": _described("getImage", "Get an image or a PDF"),
        "/data/{name}": _described("getData", "Get a data file, byte for byte"),
        "/thumbnails/{name}": _described("getThumbnail", "Get the thumbnail of a figure"),
    }
)


@blueprint.get("/visualizations/<path:name>")
def visualization(name: str) -> Response:
    """Answer with an HTML figure, in a sandbox."""
    return _file("html", name)


@blueprint.get("/images/<path:name>")
def image(name: str) -> Response:
    """Answer with an image or a PDF."""
    return _file("images", name)


@blueprint.get("/data/<path:name>")
def data(name: str) -> Response:
    """Answer with a data file, byte for byte."""
    return _file("data", name)


@blueprint.get("/thumbnails/<path:name>")
def thumbnail(name: str) -> Response:
    """Answer with the thumbnail of a figure."""
    return _file("thumbnails", name)


def _file(kind: Kind, name: str) -> Response:
    catalogue: Catalogue = current_app.extensions["catalogue"]
    artifact = catalogue.find(kind, name)
    if artifact is None:
        raise not_found()
    response = Response(content_type=artifact.content_type)
    response.set_etag(artifact.etag)
    response.last_modified = artifact.modified
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = _csp(artifact)
    if artifact.kind == "html":  # the page about a figure frames it in a sandbox
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
    if _client_has(artifact, request.if_none_match):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    try:
        response.set_data(artifact.path.read_bytes())
    except OSError:  # deleted since the folder was read
        raise not_found() from None
    response.make_conditional(request)
    return response


def _client_has(artifact: StoredArtifact, etags: ETags) -> bool:
    """Return whether the client's copy is up to date; ``:br`` or ``:gzip`` may follow the tag."""
    return any(etags.contains(f"{artifact.etag}{suffix}") for suffix in ("", ":br", ":gzip"))


def _csp(artifact: StoredArtifact) -> str:
    if artifact.kind == "html":
        return STORED_HTML_CSP
    if artifact.content_type == "application/pdf":
        return STORED_PDF_CSP
    return STORED_IMAGE_CSP
