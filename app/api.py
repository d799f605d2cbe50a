"""JSON routes: patches of a text, the gallery as a list, health, and the OpenAPI document."""

from flask import Blueprint, Response, current_app, jsonify, request

from app.catalogue import Artifact, Catalogue, Kind
from app.live import answer, parse_request
from app.model import LiveModel
from app.openapi import document
from app.settings import Settings

blueprint = Blueprint("api", __name__)

STREAM_FROM = 40_000
"""Predictions in an answer, above which it is sent in parts."""


@blueprint.post("/api/patches")
def patches() -> Response:
    """Entropies and patches of a text."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    wanted, data = parse_request(request.get_data(cache=False), text_limit=settings.text_limit)
    found = answer(model, wanted, data)
    parts = found.json_parts()
    in_parts = wanted.top_k * len(data) > STREAM_FROM
    # A str is one part; a generator goes out as it is made.
    body = (part.encode() for part in parts) if in_parts else "".join(parts).encode()
    return Response(body, content_type="application/json", headers={"Cache-Control": "no-store"})


@blueprint.get("/api/visualizations")
def visualizations() -> Response:
    """Everything in the gallery."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    items = catalogue.items()
    kinds: tuple[Kind, ...] = ("html", "images", "data")
    names = {kind: [item.name for item in items if item.kind == kind] for kind in kinds}
    response = jsonify({**names, "items": [_item(item) for item in items]})
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/healthz")
def healthz() -> Response:
    """Whether the server and its model are well; without a model the gallery still works."""
    model: LiveModel = current_app.extensions["model"]
    source = model.source
    response = jsonify(
        status="ok" if source else "degraded",
        model=source.name if source else None,
        threshold=source.threshold if source else None,
        reason=model.reason,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The OpenAPI document."""
    response = jsonify(document())
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _item(artifact: Artifact) -> dict[str, object]:
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "title": artifact.title,
        "description": artifact.description,
        "url": artifact.url,
        "bytes": artifact.size,
        "modified": artifact.modified.isoformat().replace("+00:00", "Z"),
        "producer": artifact.producer,
        "data": artifact.data,
    }
