"""The page ``/artifact/<name>``: one figure with its formats, its command and its data."""

from dataclasses import dataclass

from flask import Blueprint, Response

from app.api.artifact_routes import find_card, kept_preview
from app.pages.page_record import PageRecord
from app.pages.render import page
from app.requests.security import page_csp
from app.stored.gallery import Card, gallery_of, label, readable
from app.stored.preview import DataPreview

blueprint = Blueprint("artifact", __name__)


@dataclass(frozen=True)
class Format:
    """File of a figure, with its links for the page."""

    label: str
    name: str
    url: str
    size: str
    modified: str


@dataclass(frozen=True)
class ArtifactPageContext:
    """Context of the template ``artifact.html``.

    Attributes:
        item: card of the figure.
        frame: URL of the HTML figure, which the page shows in a sandbox.
        picture: URL of the largest picture.
        formats: files of the figure.
        data: data file of the figure.
        preview: preview of the data file.
        before, after: cards before and after this one in the gallery.
        api: URL of the same content as JSON.
    """

    item: Card
    frame: str | None
    picture: str | None
    formats: list[Format]
    data: Format | None
    preview: DataPreview | None
    before: Card | None
    after: Card | None
    api: str


PAGE = PageRecord(
    name="artifact",
    url="/artifact/<path:name>",
    example="/artifact/entropy_figure",
    title="Figure",
    description="One figure with its files, its command and its data.",
    context=ArtifactPageContext,
    css=("css/gallery.css", "css/artifact.css"),
    js=("js/copy.js",),
    ready="button[data-copy]:visible",
    without_js="main table",
)


@blueprint.get(PAGE.url)
def artifact(name: str) -> Response:
    """Answer with the page of a figure; the name of any of its files selects it."""
    snapshot, card = find_card(name)
    html = card.file(".html")
    picture = card.file(".png", ".webp", ".jpg", ".jpeg", ".svg")
    before, after = gallery_of(snapshot).neighbours(card)
    formats = {
        file.name: Format(
            label(file),
            file.name,
            file.url,
            readable(file.size),
            file.modified.strftime("%Y-%m-%d %H:%M"),
        )
        for file in card.files
    }
    response = page(
        PAGE,
        ArtifactPageContext(
            item=card,
            frame=html.url if html else None,
            picture=picture.url if picture else None,
            formats=list(formats.values()),
            data=formats[card.data.name] if card.data else None,
            preview=kept_preview(snapshot, card.data),
            before=before,
            after=after,
            api=f"/api{card.url}",
        ),
    )
    response.headers["Content-Security-Policy"] = page_csp(frame_src="'self'")
    return response
