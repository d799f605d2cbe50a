"""``/generate``: a text made byte by byte, live or recorded."""

from dataclasses import dataclass

from flask import Blueprint, Response, current_app

from app.models.generator import TextMaker
from app.pages.render import json_for_html, page
from app.schemas.generate import DEFAULT_BYTES
from app.settings import Settings
from app.stored.trace_file import TraceFile

blueprint = Blueprint("generate", __name__)

DRAFTS = (4, 8, 16)
"""Lengths that the page offers."""


@dataclass(frozen=True)
class TraceChoice:
    """An entry of the picker of recorded texts."""

    id: str
    title: str


@dataclass(frozen=True)
class StillText:
    """A recorded text without JavaScript.

    Attributes:
        prompt, text: it goes on from the one with the other.
        lang: its language tag.
        bytes, patches, global_passes: counts.
    """

    prompt: str
    text: str
    lang: str
    bytes: int
    patches: int
    global_passes: int


@dataclass(frozen=True)
class GeneratePage:
    """Context of ``generate.html``.

    Attributes:
        model: name of the loaded model, or None.
        reason: why there is none.
        choices: recorded texts.
        still: the first one.
        byte_limit, default_bytes: of a text.
        drafts: lengths of drafts to choose from.
        page_data: JSON for the scripts: limits, whether there is a model, the first recorded text.
    """

    model: str | None
    reason: str | None
    choices: list[TraceChoice]
    still: StillText | None
    byte_limit: int
    default_bytes: int
    drafts: tuple[int, ...]
    page_data: str


@blueprint.get("/generate")
def generate() -> Response:
    """A text made byte by byte."""
    settings: Settings = current_app.extensions["settings"]
    maker: TextMaker = current_app.extensions["text_maker"]
    traces: TraceFile = current_app.extensions["traces"]
    items = traces.read().items
    first = items[0] if items else None
    page_data = {
        "live": maker.source is not None,
        "promptLimit": maker.limits.prompt,
        "traces": f"/data/{settings.traces_file.name}",
        "first": first,
    }
    return page(
        "generate.html",
        GeneratePage(
            model=maker.source.name if maker.source else None,
            reason=maker.reason,
            choices=[TraceChoice(item["id"], item["title"]) for item in items],
            still=_still(first) if first else None,
            byte_limit=maker.limits.bytes,
            default_bytes=DEFAULT_BYTES,
            drafts=DRAFTS,
            page_data=json_for_html(page_data),
        ),
    )


def _still(trace: dict[str, object]) -> StillText:
    request, response = trace["request"], trace["response"]
    assert isinstance(request, dict)
    assert isinstance(response, dict)
    return StillText(
        prompt=request["prompt"],
        text=response["text"],
        lang=str(trace["lang"]),
        bytes=response["bytes"],
        patches=response["patches"],
        global_passes=response["global_passes"],
    )
