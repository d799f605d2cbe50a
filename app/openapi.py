"""The OpenAPI document, built from the models that check requests and responses."""

from typing import Any

from pydantic import BaseModel

from app.problems import MEDIA_TYPE
from app.schemas import (
    ArtifactList,
    Health,
    PatchRequest,
    PatchResponse,
    ProblemDocument,
    schema_of,
)

VERSION = "1"

EXAMPLE_REQUEST = {"text": "Daenerys Targaryen is in Game of Thrones", "top_k": 3}


def document() -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    models = (PatchRequest, PatchResponse, ArtifactList, Health, ProblemDocument)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Byte Latent Transformer: entropies and patches",
            "version": VERSION,
            "description": "Next-byte entropies of a text, the patches that a rule cuts it into, "
            "and the stored figures. Errors are problem documents (RFC 9457).",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/api/patches": {"post": _patches()},
            "/api/visualizations": {
                "get": {
                    "operationId": "listVisualizations",
                    "summary": "Everything in the gallery",
                    "responses": {"200": _json("Names by kind, and details.", ArtifactList)},
                }
            },
            "/visualizations/{name}": {"get": _file("getVisualization", "An HTML figure")},
            "/images/{name}": {"get": _file("getImage", "An image or a PDF")},
            "/data/{name}": {"get": _file("getData", "A data file, as on disk")},
            "/healthz": {
                "get": {
                    "operationId": "getHealth",
                    "summary": "Whether the server and its model are well",
                    "responses": {"200": _json("Status and model.", Health)},
                }
            },
        },
        "components": {"schemas": _components(models)},
    }


def _patches() -> dict[str, Any]:
    problems = {
        "400": "The body is not JSON.",
        "413": "The text is longer than 65,536 bytes.",
        "422": "A field is missing, unknown, of a wrong type or out of range.",
        "503": "The model is not loaded, or busy; then Retry-After says when to try again.",
    }
    return {
        "operationId": "postPatches",
        "summary": "Entropies and patches of a text",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _ref(PatchRequest), "example": EXAMPLE_REQUEST}
            },
        },
        "responses": {
            "200": _json("Entropies, patches, counts; predictions if asked for.", PatchResponse),
            **{status: _problem(text) for status, text in problems.items()},
        },
    }


def _file(operation: str, summary: str) -> dict[str, Any]:
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "A name that /api/visualizations lists.",
        "schema": {"type": "string"},
    }
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [name],
        "responses": {
            "200": {"description": "The file, with an ETag.", "content": {"*/*": {}}},
            "304": {"description": "The copy named by If-None-Match is still good."},
            "404": _problem("There is no such file."),
        },
    }


def _json(description: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(model)}}}


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": _ref(ProblemDocument)}},
    }


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _components(models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    components: dict[str, Any] = {}
    for model in models:
        schema = schema_of(model)
        components.update(schema.pop("$defs", {}))
        components[model.__name__] = schema
    return dict(sorted(components.items()))
