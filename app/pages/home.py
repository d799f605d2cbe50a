"""``/``: the live patcher and the gallery."""

from dataclasses import dataclass

from flask import Blueprint, Response, current_app

from app.catalogue import Catalogue
from app.example_file import ExampleFile
from app.example_texts import TOP_K
from app.gallery import Card, gallery_of
from app.model import LiveModel
from app.pages.render import json_for_html, page
from app.settings import Settings
from app.still import Still, still_of

blueprint = Blueprint("home", __name__)


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


@blueprint.get("/")
def home() -> Response:
    """The live patcher and the gallery."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    catalogue: Catalogue = current_app.extensions["catalogue"]
    examples = _example_file().read()
    first = examples.items[0] if examples.items else None
    gallery = gallery_of(catalogue.snapshot())
    page_data = {
        "live": model.source is not None,
        "reason": model.reason,
        "threshold": model.source.threshold if model.source else examples.threshold,
        "textLimit": settings.text_limit,
        "topK": TOP_K,
        "examples": f"/data/{settings.examples_file.name}",
        "first": first,
    }
    return page(
        "home.html",
        HomePage(
            model=model.source.name if model.source else None,
            reason=model.reason,
            choices=[Choice(item["id"], item["title"]) for item in examples.items],
            still=still_of(first) if first else None,
            page_data=json_for_html(page_data),
            figures=gallery.figures,
            data_files=gallery.data_files,
        ),
    )


def _example_file() -> ExampleFile:
    file: ExampleFile = current_app.extensions["examples"]
    return file
