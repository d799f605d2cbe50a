"""``/gallery``: all stored figures and data, searched, sorted and in pages."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request

from app.pages.render import page
from app.requests.query import LONGEST, whole
from app.requests.security import page_csp
from app.stored.catalogue import Catalogue
from app.stored.gallery import KINDS, SORTS, Card, chosen, gallery_of

blueprint = Blueprint("gallery", __name__)

PAGE = 60
"""Cards of a page."""


@dataclass(frozen=True)
class PageLink:
    """A page to go to: its number and its address."""

    number: int
    url: str


@dataclass(frozen=True)
class GalleryPage:
    """Context of ``gallery.html``.

    Attributes:
        cards: those of this page.
        counted: which of how many they are, in words; empty where nothing is stored.
        page: number of this page.
        links: pages to go to, in order; none if there is but one.
        before, after: the pages beside this one.
        q, kind, sort: what was asked for.
        kinds: names of the kinds that there are cards of, by value.
        sorts: names of the orders, by value.
        longest: characters of a search.
    """

    cards: list[Card]
    counted: str
    page: int
    links: list[PageLink]
    before: PageLink | None
    after: PageLink | None
    q: str
    kind: str
    sort: str
    kinds: dict[str, str]
    sorts: dict[str, str]
    longest: int


@blueprint.get("/gallery")
def gallery() -> Response:
    """A page of the stored figures and data; a filter that is not known counts as none.

    Raises:
        ProblemError: 422 for a page that there is not.
    """
    catalogue: Catalogue = current_app.extensions["catalogue"]
    every = gallery_of(catalogue.snapshot()).cards
    q = " ".join(request.args.get("q", "")[:LONGEST].split())
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    sort = request.args.get("sort", "")
    sort = sort if sort in SORTS else "title"
    found = chosen(every, q.casefold().split(), kind or None, sort)
    last = max(1, -(-len(found) // PAGE))
    number = whole(request.args, "page", low=1, high=last) or 1
    cards = found[(number - 1) * PAGE : number * PAGE]
    asked = {"q": q, "kind": kind, "sort": "" if sort == "title" else sort}
    links = {near: _link(asked, near) for near in _near(number, last)}
    there = {card.kind for card in every}
    response = page(
        "gallery.html",
        GalleryPage(
            cards=cards,
            counted=_counted((number - 1) * PAGE, len(cards), len(found), len(every)),
            page=number,
            links=list(links.values()),
            before=links.get(number - 1),
            after=links.get(number + 1),
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


def _near(number: int, last: int) -> list[int]:
    """The pages to link: the first, the last, and those around this one."""
    if last == 1:
        return []
    return sorted({1, last, *range(max(1, number - 1), min(last, number + 1) + 1)})


def _link(asked: dict[str, str], number: int) -> PageLink:
    query: dict[str, object] = {name: value for name, value in asked.items() if value}
    if number > 1:
        query["page"] = number
    return PageLink(number, f"/gallery?{urlencode(query)}" if query else "/gallery")


def _counted(start: int, shown: int, found: int, total: int) -> str:
    """Such as ``6 in all``, ``2 of 6``, or ``61 to 120 of 143 found, of 10,000``."""
    if not total:
        return ""
    if shown == found:
        return f"{found:,} in all" if found == total else f"{found:,} of {total:,}"
    part = f"{start + 1:,} to {start + shown:,} of {found:,}"
    return f"{part} in all" if found == total else f"{part} found, of {total:,}"
