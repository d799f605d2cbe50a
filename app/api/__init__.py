"""JSON routes, a module each: a ``blueprint``, and ``DESCRIBED`` for the OpenAPI document."""

from functools import cache
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.api import (
    architecture,
    artifact,
    compare,
    generate,
    graph,
    health,
    inspect,
    model,
    patches,
    runs,
    scaling,
    visualizations,
)
from app.api.openapi import document as put_together
from app.stored import file_routes as files

MODULES = (
    patches,
    compare,
    generate,
    inspect,
    graph,
    architecture,
    visualizations,
    artifact,
    model,
    runs,
    scaling,
    files,
    health,
)

blueprint = Blueprint("api", __name__)


DESCRIBED = tuple(module.DESCRIBED for module in MODULES)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    return put_together(DESCRIBED)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The OpenAPI document."""
    response = jsonify(document())
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
