"""The OpenAPI document, assembled from the fragments of the modules with routes."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from app.api.openapi_fragment import OpenApiFragment, problem
from app.schemas.schema import ProblemDocument, schema_of

VERSION = "1"


def document(parts: Iterable[OpenApiFragment], prefix: str = "") -> dict[str, Any]:
    """Return the whole OpenAPI 3.1 document of an app below the path ``prefix``."""
    parts = list(parts)
    models: list[type[BaseModel]] = [
        ProblemDocument,
        *(model for part in parts for model in part.schemas),
    ]
    components: dict[str, Any] = {}
    for model in models:
        schema = schema_of(model)
        components.update(schema.pop("$defs", {}))
        components[model.__name__] = schema
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Byte Latent Transformer: entropies and patches",
            "version": VERSION,
            "description": "Next-byte entropies of a text, its patches by a patching rule, and the "
            "stored figures. Errors are problem documents (RFC 9457).",
        },
        "servers": [{"url": f"{prefix}/"}],
        "paths": {
            path: {method: _limited(operation) for method, operation in methods.items()}
            for part in parts
            for path, methods in part.paths.items()
        },
        "components": {"schemas": dict(sorted(components.items()))},
    }


def _limited(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``operation`` with the 429 response to a client that sends too many requests."""
    too_many = problem("The client sends too many requests; Retry-After says when to try again.")
    responses: dict[str, Any] = {"429": too_many, **operation["responses"]}
    return {**operation, "responses": dict(sorted(responses.items()))}
