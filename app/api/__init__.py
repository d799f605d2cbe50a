"""Routes of the JSON API; each module has a ``blueprint`` and ``OPENAPI``, its part of the OpenAPI
document.
"""

from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.api import (
    architecture_routes,
    artifact_routes,
    compare_routes,
    file_routes,
    generate_routes,
    graph_routes,
    health_routes,
    inspect_routes,
    model_routes,
    patches_routes,
    runs_routes,
    scaling_routes,
    visualizations_routes,
)
from app.api.openapi import document as put_together
from app.requests.prefix import root

MODULES = (
    patches_routes,
    compare_routes,
    generate_routes,
    inspect_routes,
    graph_routes,
    architecture_routes,
    visualizations_routes,
    artifact_routes,
    model_routes,
    runs_routes,
    scaling_routes,
    file_routes,
    health_routes,
)

blueprint = Blueprint("api", __name__)


OPENAPI = tuple(module.OPENAPI for module in MODULES)


@lru_cache(8)
def document(prefix: str = "") -> dict[str, Any]:
    """Return the OpenAPI document of all routes, for an app below the path ``prefix``."""
    return put_together(OPENAPI, prefix)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Answer with the OpenAPI document."""
    response = jsonify(document(root()))
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
