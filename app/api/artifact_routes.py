"""The route ``GET /api/artifact/<name>``: a figure with its formats and its data."""

import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import UP_TO_DATE, OpenApiFragment, json_of, problem
from app.api.visualizations_routes import artifact_json
from app.requests.compressed import KeptBody
from app.requests.prefix import at, root
from app.requests.problems import not_found
from app.schemas.artifact import ArtifactPage
from app.stored.catalogue import Catalogue, Snapshot, StoredArtifact
from app.stored.gallery import Card, gallery_of
from app.stored.preview import DataPreview, preview_of

blueprint = Blueprint("api_artifact", __name__)

OPENAPI = OpenApiFragment(
    {
        "/api/artifact/{name}": {
            "get": {
                "operationId": "getArtifact",
                "summary": "Get a figure with its formats and a preview of its data",
                "parameters": [
                    {
                        "name": "name",
                        "in": "path",
                        "required": True,
                        "description": "Name of a file that /api/visualizations lists, "
                        "with or without its suffix.",
                        "schema": {"type": "string"},
                    }
                ],
                "responses": {
                    "200": json_of("Figure, or data file without a figure.", ArtifactPage),
                    "304": {"description": UP_TO_DATE},
                    "404": problem("No figure has this name."),
                },
            }
        }
    },
    (ArtifactPage,),
)


@blueprint.get("/api/artifact/<path:name>")
def artifact(name: str) -> Response:
    """Answer with a figure, its formats and the preview of its data."""
    snapshot, card = find_card(name)
    kept = snapshot.once(("artifact", card.name, root()), lambda: _body(snapshot, card))
    return kept.response(request)


def find_card(name: str) -> tuple[Snapshot, Card]:
    """Return the gallery card of that name, and the catalogue's snapshot that contains it.

    Raises:
        ProblemError: 404 if no card has this name.
    """
    catalogue: Catalogue = current_app.extensions["catalogue"]
    snapshot = catalogue.snapshot()
    card = gallery_of(snapshot).by_name.get(name)
    if card is None:
        raise not_found()
    return snapshot, card


def kept_preview(snapshot: Snapshot, data: StoredArtifact | None) -> DataPreview | None:
    """Return the preview of a data file, which is read once per snapshot, or None without a
    file.
    """
    if data is None:
        return None
    return snapshot.once(("preview", data.name), lambda: preview_of(data))


def _body(snapshot: Snapshot, card: Card) -> KeptBody:
    before, after = gallery_of(snapshot).neighbours(card)
    preview = kept_preview(snapshot, card.data)
    newest = max(card.files, key=lambda file: file.modified_ns)
    value: dict[str, Any] = {
        "name": card.name,
        "title": card.title,
        "description": card.description,
        "kind": card.kind,
        "producer": card.producer,
        "thumbnail": at(card.picture) if card.picture else None,
        "url": at(card.url),
        "modified": newest.modified.isoformat().replace("+00:00", "Z"),
        "files": [artifact_json(file, snapshot) for file in card.files],
        "data": asdict(preview) if preview else None,
        "previous": before.name if before else None,
        "next": after.name if after else None,
    }
    return KeptBody(json.dumps(value).encode())
