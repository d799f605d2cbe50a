"""``/artifact/<name>``: one figure with its formats, its command and its data."""

from dataclasses import dataclass

from flask import Blueprint, Response

from app.api.artifact_routes import find_card, kept_preview
from app.pages.render import page
from app.requests.security import page_csp
from app.stored.gallery import Card, gallery_of, label, readable
from app.stored.preview import Preview

blueprint = Blueprint("artifact", __name__)


@dataclass(frozen=True)
class Format:
    """A file to open or to save."""

    label: str
    name: str
    url: str
    size: str
    modified: str


@dataclass(frozen=True)
class ArtifactPage:
    """Context of ``artifact.html``.

    Attributes:
        item: the figure.
        frame: URL of its HTML, to be shown in a sandbox.
        picture: URL of its picture, as large as there is one.
        formats: its files.
        data: the file behind it.
        preview: the beginning of that.
        before, after: its neighbours in the gallery.
        api: URL of the same as JSON.
    """

    item: Card
    frame: str | None
    picture: str | None
    formats: list[Format]
    data: Format | None
    preview: Preview | None
    before: Card | None
    after: Card | None
    api: str


@blueprint.get("/artifact/<path:name>")
def artifact(name: str) -> Response:
    """One figure; any of its files' names leads here."""
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
        "artifact.html",
        ArtifactPage(
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
