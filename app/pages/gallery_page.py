"""The page ``/gallery``: stored figures and data files with search, order and pagination."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request

from app.pages.page_record import PageRecord
from app.pages.render import page
from app.requests.query import LONGEST, whole
from app.requests.security import page_csp
from app.stored.catalogue import Catalogue
from app.stored.gallery import KINDS, SORTS, Card, chosen, gallery_of

blueprint = Blueprint("gallery", __name__)

CARDS_PER_PAGE = 60
"""Number of cards on a page."""


@dataclass(frozen=True)
class PageLink:
    """Link to a page of the gallery: its number and its URL."""

    number: int
    url: str


@dataclass(frozen=True)
class GalleryPage:
    """Context of the template ``gallery.html``.

    Attributes:
        cards: cards of this page.
        counted: text about the range and the number of cards; empty if nothing is stored.
        page: number of this page.
        links: links to pages, in order; empty if there is only one page.
        before, after: links to the previous page and the next page.
        q, kind, sort: search text, kind and order of the request.
        kinds: titles of the kinds that have cards, by value.
        sorts: titles of the orders, by value.
        longest: largest number of characters of a search.
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


PAGE = PageRecord(
    name="gallery",
    url="/gallery",
    navigation="Gallery",
    title="Gallery",
    description="Figures of byte entropies, patches and training, each with its command and "
    "its data.",
    context=GalleryPage,
    css=("css/gallery.css",),
    js=("js/gallery.js",),
    ready="#filter.live",
    without_js="#cards .card",
)


@blueprint.get(PAGE.url)
def gallery() -> Response:
    """Answer with a page of the gallery; an unknown kind or order is ignored.

    Raises:
        ProblemError: 422 for a page number that does not exist.
    """
    catalogue: Catalogue = current_app.extensions["catalogue"]
    every = gallery_of(catalogue.snapshot()).cards
    q = " ".join(request.args.get("q", "")[:LONGEST].split())
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    sort = request.args.get("sort", "")
    sort = sort if sort in SORTS else "title"
    matching = chosen(every, q.casefold().split(), kind or None, sort)
    last = max(1, -(-len(matching) // CARDS_PER_PAGE))
    number = whole(request.args, "page", low=1, high=last) or 1
    cards = matching[(number - 1) * CARDS_PER_PAGE : number * CARDS_PER_PAGE]
    filters = {"q": q, "kind": kind, "sort": "" if sort == "title" else sort}
    links = {near: _link(filters, near) for near in _near(number, last)}
    there = {card.kind for card in every}
    response = page(
        PAGE,
        GalleryPage(
            cards=cards,
            counted=_counted((number - 1) * CARDS_PER_PAGE, len(cards), len(matching), len(every)),
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
    """Return the numbers of the linked pages: the first, the last, and those around this page."""
    if last == 1:
        return []
    return sorted({1, last, *range(max(1, number - 1), min(last, number + 1) + 1)})


def _link(filters: dict[str, str], number: int) -> PageLink:
    query: dict[str, object] = {name: value for name, value in filters.items() if value}
    if number > 1:
        query["page"] = number
    return PageLink(number, f"/gallery?{urlencode(query)}" if query else "/gallery")


def _counted(start: int, shown: int, matching: int, total: int) -> str:
    """Return a text such as ``6 in all``, ``2 of 6``, or ``61 to 120 of 143 found, of 10,000``."""
    if not total:
        return ""
    if shown == matching:
        return f"{matching:,} in all" if matching == total else f"{matching:,} of {total:,}"
    part = f"{start + 1:,} to {start + shown:,} of {matching:,}"
    return f"{part} in all" if matching == total else f"{part} found, of {total:,}"
