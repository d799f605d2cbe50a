"""``GET /api/visualizations``: the gallery as a list."""

from flask import Blueprint, Response, current_app, jsonify, request

from app.catalogue import Artifact, Catalogue, Kind
from app.described import Described, json_of
from app.schemas.visualizations import ArtifactList

blueprint = Blueprint("api_visualizations", __name__)

DESCRIBED = Described(
    {
        "/api/visualizations": {
            "get": {
                "operationId": "listVisualizations",
                "summary": "Everything in the gallery",
                "responses": {"200": json_of("Names by kind, and details.", ArtifactList)},
            }
        }
    },
    (ArtifactList,),
)


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
