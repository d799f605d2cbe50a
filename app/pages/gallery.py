"""``/gallery``: all stored figures and data, searched and sorted."""

from dataclasses import dataclass

from flask import Blueprint, Response, current_app, request

from app.catalogue import Catalogue
from app.gallery import KINDS, SORTS, Card, chosen, gallery_of
from app.pages.render import page
from app.query import LONGEST
from app.security import page_csp

blueprint = Blueprint("gallery", __name__)


@dataclass(frozen=True)
class GalleryPage:
    """Context of ``gallery.html``.

    Attributes:
        cards: those to show, then the others, so that a script can show them again.
        shown: how many of them to show.
        q, kind, sort: what was asked for.
        kinds: names of the kinds that there are cards of, by value.
        sorts: names of the orders, by value.
        longest: characters of a search.
    """

    cards: list[Card]
    shown: int
    q: str
    kind: str
    sort: str
    kinds: dict[str, str]
    sorts: dict[str, str]
    longest: int


@blueprint.get("/gallery")
def gallery() -> Response:
    """All stored figures and data; a filter that is not known counts as none."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    every = gallery_of(catalogue.snapshot()).cards
    q = " ".join(request.args.get("q", "")[:LONGEST].split())
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    sort = request.args.get("sort", "")
    sort = sort if sort in SORTS else "title"
    found = chosen(every, q.casefold().split(), kind or None, sort)
    matching = {id(card) for card in found}
    others = [card for card in chosen(every, sort=sort) if id(card) not in matching]
    there = {card.kind for card in every}
    response = page(
        "gallery.html",
        GalleryPage(
            cards=[*found, *others],
            shown=len(found),
            q=q,
            kind=kind,
            sort=sort,
            kinds={value: name for value, name in KINDS.items() if value in there},
            sorts=SORTS,
            longest=LONGEST,
        ),
    )
    response.headers["Content-Security-Policy"] = page_csp(form_action="'self'")
    return response
