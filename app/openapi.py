"""The OpenAPI document: what the modules with routes say of them, put together."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from app.described import Described
from app.schemas.base import ProblemDocument, schema_of

VERSION = "1"


def document(parts: Iterable[Described]) -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
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
            "description": "Next-byte entropies of a text, the patches that a rule cuts it into, "
            "and the stored figures. Errors are problem documents (RFC 9457).",
        },
        "servers": [{"url": "/"}],
        "paths": {path: dict(methods) for part in parts for path, methods in part.paths.items()},
        "components": {"schemas": dict(sorted(components.items()))},
    }
