"""The page ``/api``: the OpenAPI document as HTML."""

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response

from app.api import document
from app.api.patches_routes import EXAMPLE_REQUEST
from app.pages.page_record import PageRecord
from app.pages.render import page

blueprint = Blueprint("api_page", __name__)


@dataclass(frozen=True)
class Operation:
    """Operation of the OpenAPI document.

    Attributes:
        id: name of the operation, the target of its link in the table of contents.
        method, path, summary: HTTP method, path and summary.
        description: longer description, with code between backticks.
        parameters: names and descriptions of the query parameters.
        request: name of the request schema, or None.
        responses: status, description and schema name of each response.
    """

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[tuple[str, str]]
    request: str | None
    responses: list[tuple[str, str, str | None]]


@dataclass(frozen=True)
class Property:
    """Field of a schema: its type with limits, and its description."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class ApiPage:
    """Context of the template ``api.html``.

    Attributes:
        title, description: title and description of the OpenAPI document.
        operations: all operations.
        schemas: fields by the name of the schema.
        example: example of a request body.
    """

    title: str
    description: str
    operations: list[Operation]
    schemas: dict[str, list[Property]]
    example: str


PAGE = PageRecord(
    name="api",
    url="/api",
    navigation="API",
    title="API",
    description="The JSON API of this server: routes, parameters and schemas.",
    context=ApiPage,
    css=("css/api.css",),
    without_js="main .operation",
)


@blueprint.get(PAGE.url)
def api() -> Response:
    """Answer with the page of the OpenAPI document."""
    described = document()
    return page(
        PAGE,
        ApiPage(
            title=described["info"]["title"],
            description=described["info"]["description"],
            operations=[
                _operation(path, method, operation)
                for path, methods in described["paths"].items()
                for method, operation in methods.items()
            ],
            schemas={
                name: _properties(schema)
                for name, schema in described["components"]["schemas"].items()
            },
            example=json.dumps(EXAMPLE_REQUEST),
        ),
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> Operation:
    body = operation.get("requestBody", {}).get("content", {})
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        parameters=[
            (parameter["name"], parameter["description"])
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        ],
        request=_schema_name(body),
        responses=[
            (status, response["description"], _schema_name(response.get("content", {})))
            for status, response in operation["responses"].items()
        ],
    )


def _schema_name(content: dict[str, Any]) -> str | None:
    for media in content.values():
        if "$ref" in media.get("schema", {}):
            return str(media["schema"]["$ref"]).rsplit("/", 1)[-1]
    return None


def _properties(schema: dict[str, Any]) -> list[Property]:
    required = set(schema.get("required", ()))
    return [
        Property(name, _type_in_words(value), name in required, value.get("description", ""))
        for name, value in schema.get("properties", {}).items()
    ]


def _type_in_words(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_type_in_words(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type_in_words(schema['items'])}"
    bounds = {"minimum": "≥", "maximum": "≤"}
    limits = ", ".join(f"{sign} {schema[key]}" for key, sign in bounds.items() if key in schema)
    return str(schema.get("type", "any")) + (f" {limits}" if limits else "")
