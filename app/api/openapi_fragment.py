"""Routes as OpenAPI describes them: each module with routes of the API exports a ``OPENAPI``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from app.requests.problems import MEDIA_TYPE
from app.schemas.schema import ProblemDocument


@dataclass(frozen=True)
class OpenApiFragment:
    """Part of the OpenAPI document.

    Attributes:
        paths: operations by path and method.
        schemas: the models that they refer to.
    """

    paths: Mapping[str, Mapping[str, Any]]
    schemas: Sequence[type[BaseModel]] = ()


def json_of(description: str, model: type[BaseModel]) -> dict[str, Any]:
    """A response with a JSON body."""
    return {"description": description, "content": {"application/json": {"schema": ref(model)}}}


def problem(description: str) -> dict[str, Any]:
    """A response with a problem document."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": ref(ProblemDocument)}},
    }


def problems(descriptions: Mapping[str, str]) -> dict[str, Any]:
    """Problem documents by status."""
    return {status: problem(text) for status, text in descriptions.items()}


def body_of(model: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON body that a request must have."""
    content = {"schema": ref(model), "example": dict(example)}
    return {"required": True, "content": {"application/json": content}}


def ref(model: type[BaseModel]) -> dict[str, str]:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}
