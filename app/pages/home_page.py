"""The page ``/``: the playground, and the first cards of the gallery."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app

from app.api.model_routes import described_models
from app.drawing.no_js_preview import NoJsPreview, draw_preview
from app.models.live_model import LiveModel
from app.models.splitting import BPE_TITLES, RISE
from app.models.threshold_curve import Calibration
from app.pages.page_record import PageRecord
from app.pages.render import json_for_html, page
from app.requests.prefix import at
from app.schemas.compare import Splitter
from app.settings import Settings
from app.stored.catalogue import Catalogue
from app.stored.example_file import ExampleFile
from app.stored.example_texts import TOP_K
from app.stored.gallery import Card, gallery_of
from app.stored.language_file import LanguageFile
from app.stored.language_table import LanguageTable
from bytelatent.patching.rules import COMPARED_RULES, RULES_OF_TEXT, Rule
from bytelatent.tokenizers.bpe import (
    BUNDLED,
    NAMES,
    BpeName,
    BpeUnavailableError,
    check_available,
)

blueprint = Blueprint("home", __name__)

CARDS, TITLES_SHOWN = 3, 60
"""Number of cards and of titles from the gallery that the page shows."""


@dataclass(frozen=True)
class Choice:
    """Entry in the playground's list of examples."""

    id: str
    title: str


@dataclass(frozen=True)
class SplitterRow:
    """Row of the playground's comparison of patching rules and BPE.

    Attributes:
        id: name of the splitter in ``POST /api/compare``.
        title: title of the splitter.
        note: short description of the splitter.
        bpe: whether the page requests the pieces from the server; it computes the other splitters
            itself.
        missing: package that the splitter needs, if it is not installed.
    """

    id: Splitter
    title: str
    note: str
    bpe: bool = False
    missing: str | None = None


BPE_NOTES: dict[BpeName, str] = {
    "cl100k_base": "the tokens of GPT-4",
    "o200k_base": "the tokens of GPT-4o",
    "llama3": "the tokens of Llama 3",
}


@dataclass(frozen=True)
class HomePage:
    """Context of the template ``home.html``.

    Attributes:
        model: name of the loaded entropy model, or None.
        reason: why no entropy model is loaded.
        choices: precomputed examples.
        no_js_preview: first example, for a page without JavaScript.
        rules: patching rules to choose from; the first one is chosen at the beginning.
        splitters: rows of the comparison.
        languages: table of the text in many languages.
        uncalibrated: whether the threshold was not chosen for the model.
        longest: largest patch length of the model in bytes; None means no limit.
        page_data: JSON for the scripts: limits, the patching rules, the model's threshold and
            calibration, the first example.
        figures: first cards of the gallery.
        titles: next cards of the gallery, of which the page shows the titles.
        stored: number of cards in the gallery.
    """

    model: str | None
    reason: str | None
    choices: list[Choice]
    no_js_preview: NoJsPreview | None
    rules: tuple[Rule, ...]
    splitters: list[SplitterRow]
    languages: LanguageTable | None
    uncalibrated: bool
    longest: int | None
    page_data: str
    figures: list[Card]
    titles: list[Card]
    stored: int


PAGE = PageRecord(
    name="home",
    url="/",
    navigation="Playground",
    title="Bytes, entropies, patches",
    description="See the next-byte entropy of any text and the patches it is cut into.",
    context=HomePage,
    css=("css/live.css", "css/compare.css", "css/gallery.css"),
    js=("js/app.js",),
    ready="#chart .curve",
    without_js="#chart .no-js path",
)


@blueprint.get(PAGE.url)
def home() -> Response:
    """Answer with the playground."""
    settings: Settings = current_app.extensions["settings"]
    model: LiveModel = current_app.extensions["model"]
    catalogue: Catalogue = current_app.extensions["catalogue"]
    examples = _example_file().read()
    first = examples.items[0] if examples.items else None
    gallery = gallery_of(catalogue.snapshot())
    longest = model.source.max_patch_length if model.source else examples.max_patch_length
    page_data = {
        "live": model.source is not None,
        "model": model.source.name if model.source else examples.model,
        "reason": model.reason,
        "threshold": model.source.threshold if model.source else examples.threshold,
        "textLimit": settings.text_limit,
        "rules": [_described(rule) for rule in RULES_OF_TEXT],
        "calibration": _calibration(current_app.extensions["calibration"]),
        "topK": TOP_K,
        "examples": at(f"/data/{settings.examples_file.name}"),
        "first": first,
    }
    return page(
        PAGE,
        HomePage(
            model=model.source.name if model.source else None,
            reason=model.reason,
            choices=[Choice(item["id"], item["title"]) for item in examples.items],
            no_js_preview=draw_preview(first) if first else None,
            rules=RULES_OF_TEXT,
            splitters=splitter_rows(),
            languages=LanguageTable.of(_language_file().read()),
            uncalibrated=described_models()["entropy"].description.calibrated is False,
            longest=longest,
            page_data=json_for_html(page_data),
            figures=gallery.figures[:CARDS],
            titles=[*gallery.figures[CARDS:], *gallery.data_files][:TITLES_SHOWN],
            stored=len(gallery.cards),
        ),
    )


def _example_file() -> ExampleFile:
    file: ExampleFile = current_app.extensions["examples"]
    return file


def _language_file() -> LanguageFile:
    file: LanguageFile = current_app.extensions["languages"]
    return file


def _described(rule: Rule) -> dict[str, Any]:
    """Return what the scripts need to know of a patching rule."""
    return {
        "name": rule.name,
        "words": rule.words,
        "needs": rule.needs,
        "compares": rule.compares,
        "calibrated": rule.calibrated,
        "wholeSize": rule.whole_size,
        "compared": rule in COMPARED_RULES,
    }


def _calibration(known: Calibration) -> dict[str, Any]:
    return {
        "rise": RISE if known.rise is None else known.rise,
        "thresholds": known.thresholds,
        "bytesPerPatch": known.bytes_per_patch,
    }


def splitter_rows() -> list[SplitterRow]:
    """Return the rows of all splitters; Llama 3 is left out if it is not installed."""
    rows = [SplitterRow(rule.name, rule.title, rule.note or "") for rule in COMPARED_RULES]
    for name in NAMES:
        try:
            check_available(name)
            missing = None
        except BpeUnavailableError as error:
            if name not in BUNDLED:
                continue
            missing = str(error)
        rows.append(SplitterRow(name, BPE_TITLES[name], BPE_NOTES[name], bpe=True, missing=missing))
    return rows
