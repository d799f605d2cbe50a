"""HTML pages; the context of each template is a dataclass, documented here."""

import json
from dataclasses import dataclass, fields
from typing import Any

from flask import Blueprint, Response, current_app, render_template

from app.assets import Assets
from app.catalogue import Catalogue
from app.example_file import ExampleFile
from app.example_texts import TOP_K
from app.gallery import Card, cards
from app.model import LiveModel
from app.openapi import EXAMPLE_REQUEST, document
from app.settings import Settings
from app.still import Still, still_of

blueprint = Blueprint("pages", __name__)


@dataclass(frozen=True)
class Choice:
    """An entry of the example picker."""

    id: str
    title: str


@dataclass(frozen=True)
class HomePage:
    """Context of ``home.html``.

    Attributes:
        model: name of the loaded model, or None.
        reason: why there is none.
        choices: precomputed examples.
        still: the first one, drawn without JavaScript.
        page_data: JSON for the scripts: limits, the model's threshold, the first example.
        figures, data_files: the gallery.
    """

    model: str | None
    reason: str | None
    choices: list[Choice]
    still: Still | None
    page_data: str
    figures: list[Card]
    data_files: list[Card]


@dataclass(frozen=True)
class Operation:
    """One route of the OpenAPI document.

    Attributes:
        method, path, summary: what it is.
        request: name of its request schema.
        responses: status, description and name of the schema.
    """

    method: str
    path: str
    summary: str
    request: str | None
    responses: list[tuple[str, str, str | None]]


@dataclass(frozen=True)
class Property:
    """One field of a schema: its type, limits and meaning in words."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class ApiPage:
    """Context of ``api.html``.

    Attributes:
        title, description: of the document.
        operations: its routes.
        schemas: fields by name of the schema.
        example: a request body to try.
    """

    title: str
    description: str
    operations: list[Operation]
    schemas: dict[str, list[Property]]
    example: str


@blueprint.get("/")
def home() -> Response:
    """The live patcher and the gallery."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    catalogue: Catalogue = current_app.extensions["catalogue"]
    examples = _example_file().read()
    first = examples.items[0] if examples.items else None
    figures, data_files = cards([a for a in catalogue.items() if a.path != settings.examples_file])
    page_data = {
        "live": model.source is not None,
        "reason": model.reason,
        "threshold": model.source.threshold if model.source else examples.threshold,
        "textLimit": settings.text_limit,
        "topK": TOP_K,
        "examples": f"/data/{settings.examples_file.name}",
        "first": first,
    }
    return _page(
        "home.html",
        HomePage(
            model=model.source.name if model.source else None,
            reason=model.reason,
            choices=[Choice(item["id"], item["title"]) for item in examples.items],
            still=still_of(first) if first else None,
            page_data=json_for_html(page_data),
            figures=figures,
            data_files=data_files,
        ),
    )


@blueprint.get("/api")
def api() -> Response:
    """The OpenAPI document, to read."""
    described = document()
    return _page(
        "api.html",
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


def json_for_html(value: Any) -> str:
    """JSON that may stand inside a ``script`` element: it can neither end it nor open a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _page(template: str, context: HomePage | ApiPage) -> Response:
    assets: Assets = current_app.extensions["assets"]
    values = {f.name: getattr(context, f.name) for f in fields(context)}
    body = render_template(template, asset=assets.url, **values)
    return Response(
        body, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


def _example_file() -> ExampleFile:
    file: ExampleFile = current_app.extensions["examples"]
    return file


def _operation(path: str, method: str, operation: dict[str, Any]) -> Operation:
    body = operation.get("requestBody", {}).get("content", {})
    return Operation(
        method=method.upper(),
        path=path,
        summary=operation["summary"],
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
