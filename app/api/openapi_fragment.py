"""Fragments of the OpenAPI document; each module with routes of the API exports one as
``OPENAPI``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from app.requests.problems import MEDIA_TYPE
from app.schemas.schema import ProblemDocument

NO_JSON = "The body is not JSON."
WRONG_FIELD = "A field is missing, unknown, of wrong type or out of range."
WRONG_PARAMETER = "A parameter is out of range or unknown."
UP_TO_DATE = "The copy named by If-None-Match is up to date."
NO_BLT = "No BLT is loaded, or it is busy; then Retry-After says when to try again."


@dataclass(frozen=True)
class OpenApiFragment:
    """Fragment of the OpenAPI document.

    Attributes:
        paths: operations by path and method.
        schemas: schemas that the operations refer to.
    """

    paths: Mapping[str, Mapping[str, Any]]
    schemas: Sequence[type[BaseModel]] = ()


def json_of(description: str, model: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a response with a JSON body for the OpenAPI document."""
    return {"description": description, "content": {"application/json": {"schema": ref(model)}}}


def problem(description: str) -> dict[str, Any]:
    """Return the description of a response with a problem document for the OpenAPI document."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": ref(ProblemDocument)}},
    }


def problems(descriptions: Mapping[str, str]) -> dict[str, Any]:
    """Return the descriptions of several problem documents for the OpenAPI document, by status."""
    return {status: problem(text) for status, text in descriptions.items()}


def body_of(model: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a required JSON body for the OpenAPI document."""
    content = {"schema": ref(model), "example": dict(example)}
    return {"required": True, "content": {"application/json": content}}


def ref(model: type[BaseModel]) -> dict[str, str]:
    """Return a reference to the schema of ``model`` in the OpenAPI document."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}
