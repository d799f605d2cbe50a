"""The page ``/model``: the architecture as a diagram, and a text inspected with the BLT."""

from dataclasses import dataclass

from flask import Blueprint, Response, current_app
from markupsafe import Markup

from app.api.model_routes import described_models
from app.drawing.architecture_svg import blt_flops, draw, drawn_text, meta, nearest, short
from app.drawing.cost_chart import draw_costs
from app.models.architectures import Architectures
from app.models.inspector import Inspector
from app.pages.home_page import Choice
from app.pages.page_record import PageRecord
from app.pages.render import json_for_html, page, query_choice
from app.requests.prefix import at
from app.schemas.architecture import Architecture, ArchitecturePart
from app.schemas.model import ModelDescription
from app.settings import Settings
from app.stored.example_file import ExampleFile

blueprint = Blueprint("inside", __name__)

HEADS_AT_ONCE = 8
"""Number of heads up to which the page requests each head of cross-attention."""


@dataclass(frozen=True)
class PartText:
    """Description of a part beside the diagram.

    Attributes:
        number, part: number of the part in the diagram, and the part.
        meta: shape of the part in a few words.
        parameters, flops: numbers for people.
        share: share of the BLT's FLOPs in percent.
    """

    number: int
    part: ArchitecturePart
    meta: str
    parameters: str
    flops: str
    share: str


TASKS = {"entropy": "Entropy model: measures and cuts", "blt": "BLT: makes text"}
"""Titles of the kinds of models."""

NOT_CALIBRATED = "not calibrated: bytelatent calibrate MODEL --data TEXT --write"


@dataclass(frozen=True)
class ModelRow:
    """Row of a model of this server, with the values of ``GET /api/model`` as text.

    Attributes:
        name: name of the model's folder.
        task: title of the model's kind.
        loaded: whether the model is loaded; ``reason`` says why not.
        parameters, threshold, licence: None if the value is not known.
        card: URL of the model card.
    """

    name: str
    task: str
    loaded: bool
    reason: str | None
    parameters: str | None
    threshold: str | None
    licence: str | None
    card: str | None


@dataclass(frozen=True)
class InsidePage:
    """Context of the template ``inside.html``.

    Attributes:
        shape: architecture that is drawn.
        note: why this is not the requested model; empty otherwise.
        diagram, costs: SVG of the diagram and SVG of the cost chart.
        parts: descriptions of the parts.
        size: index of the patch size that is shown first.
        flops: FLOPs per byte of the BLT at that patch size, for people.
        choices: texts that were inspected in advance.
        limit: largest number of bytes of a visitor's text.
        reason: why no BLT is loaded, or None.
        models: models of this server, loaded or not.
        page_data: JSON for the scripts.
    """

    shape: Architecture
    note: str
    diagram: Markup
    costs: Markup
    parts: list[PartText]
    size: int
    flops: str
    choices: list[Choice]
    limit: int
    reason: str | None
    models: list[ModelRow]
    page_data: str


PAGE = PageRecord(
    name="inside",
    url="/model",
    navigation="Inside",
    title="Inside",
    description="The architecture of the Byte Latent Transformer, drawn from a model's config, and "
    "a text followed through it byte by byte.",
    context=InsidePage,
    css=("css/diagram.css", "css/inside.css"),
    js=("js/inside.js",),
    ready="#scroller .heat",
    without_js="#machine svg",
)


@blueprint.get(PAGE.url)
def inside() -> Response:
    """Answer with the page of the architecture."""
    settings: Settings = current_app.extensions["settings"]
    known: Architectures = current_app.extensions["architectures"]
    inspector: Inspector = current_app.extensions["inspector"]
    measured: ExampleFile = current_app.extensions["examples"]
    followed: ExampleFile = current_app.extensions["inspected"]
    name, note = query_choice("model", known.by_name)
    shape = known.by_name[name or known.first]
    size = nearest(shape.patch_sizes, shape.bytes_per_patch)
    text, items = drawn_text(measured), followed.read().items
    page_data = {
        "architecture": shape.model_dump(),
        "text": {"letters": text.letters, "order": text.order},
        "size": size,
        "live": inspector.source is not None,
        "limit": inspector.limit,
        "examples": at(f"/data/{settings.inspected_file.name}"),
        "first": items[0] if items else None,
        "heads": "each" if inspector.heads <= HEADS_AT_ONCE else "mean",
    }
    return page(
        PAGE,
        InsidePage(
            shape=shape,
            note=note,
            diagram=Markup(draw(shape, text)),  # noqa: S704  # made of numbers, names escaped
            costs=Markup(draw_costs(shape)),  # noqa: S704
            parts=_parts(shape, size),
            size=size,
            flops=short(blt_flops(shape, size)),
            choices=[Choice(item["id"], item["title"]) for item in items],
            limit=inspector.limit,
            reason=None if inspector.source else inspector.reason or "none was found",
            models=[_row(each.description) for each in described_models().values()],
            page_data=json_for_html(page_data),
        ),
    )


def _parts(shape: Architecture, size: int) -> list[PartText]:
    total = blt_flops(shape, size)
    return [
        PartText(
            number=number,
            part=part,
            meta=meta(part, shape),
            parameters=short(part.parameters),
            flops=short(part.flops[size]),
            share=f"{100 * part.flops[size] / total:.0f} %",
        )
        for number, part in enumerate(shape.parts, 1)
    ]


def _threshold(model: ModelDescription) -> str | None:
    if model.threshold is None:
        return None
    nats = f"{model.threshold:.2f} nats"
    return nats if model.calibrated else f"{nats}, {NOT_CALIBRATED}"


def _row(model: ModelDescription) -> ModelRow:
    return ModelRow(
        name=model.name,
        task=TASKS[model.kind],
        loaded=model.loaded,
        reason=model.reason,
        parameters=short(model.parameters) if model.parameters is not None else None,
        threshold=_threshold(model),
        licence=model.licence,
        card=model.card,
    )
