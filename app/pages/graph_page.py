"""The page ``/graph``: the graph of a text, and the saved graphs."""

from dataclasses import dataclass

from flask import Blueprint, Response, current_app

from app.api.graph_routes import offered
from app.pages.page_record import PageRecord
from app.pages.render import json_for_html, page, query_choice
from app.schemas.graph import DEFAULT_NODES, MOST_NODES
from app.stored.assets import Assets
from app.stored.catalogue import Catalogue
from app.stored.saved_graphs import SavedGraph, saved_graphs

blueprint = Blueprint("graph", __name__)

EXAMPLE = (
    "Ada Lovelace was born in London in 1815. Lord Byron, her father, left England when she was a "
    "few weeks old. Mary Somerville taught Ada Lovelace mathematics and introduced her to Charles "
    "Babbage. Charles Babbage had studied at Cambridge and was building the Difference Engine in "
    "London. In 1840 Charles Babbage travelled to Turin, where Luigi Menabrea heard him speak. "
    "Luigi Menabrea wrote a paper on the Analytical Engine, and Ada Lovelace translated it. Her "
    "notes were longer than the paper. Charles Babbage thanked Ada Lovelace for "
    "them. Augustus De Morgan wrote to Lady Byron about her daughter. Ada Lovelace married "
    "William King in 1835, and moved to Somerset. She died in London in 1852 and was buried "
    "beside Lord Byron in Nottinghamshire."
)
"""Example text with names and repeated phrases."""

SIZES = (100, DEFAULT_NODES, 600, MOST_NODES)


@dataclass(frozen=True)
class GraphPage:
    """Context of the template ``graph.html``.

    Attributes:
        saved: saved graphs.
        shown: saved graph that is shown first, or None.
        note: why this is not the requested graph; empty otherwise.
        example: text in the form.
        reasons: for each kind of graph, why it is not available; None if it is.
        limit: largest number of bytes of a visitor's text.
        sizes, size: numbers of nodes that the page offers, and the default.
        page_data: JSON for the scripts.
    """

    saved: list[SavedGraph]
    shown: SavedGraph | None
    note: str
    example: str
    reasons: dict[str, str | None]
    limit: int
    sizes: tuple[int, ...]
    size: int
    page_data: str


PAGE = PageRecord(
    name="graph",
    url="/graph",
    navigation="Graph",
    title="A text as a graph",
    description="What a text is about, and how the Byte Latent Transformer cuts it, as graphs to "
    "search, filter and walk.",
    context=GraphPage,
    css=("graph/viewer.css", "css/graph.css"),
    js=("js/graph.js",),
    ready="body[data-drawn=yes] .gv-canvas canvas",
)


@blueprint.get(PAGE.url)
def graph() -> Response:
    """Answer with the page of graphs."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    assets: Assets = current_app.extensions["assets"]
    saved = saved_graphs(catalogue.snapshot())
    name, note = query_choice("saved", saved)
    shown = saved[name] if name else _first(list(saved.values()))
    options = offered()
    page_data = {
        **options,
        "first": shown.name if shown else None,
        "library": assets.url("vendor/cytoscape.min.js"),
    }
    return page(
        PAGE,
        GraphPage(
            saved=list(saved.values()),
            shown=shown,
            note=note,
            example=EXAMPLE,
            reasons={item["kind"]: item["unavailable"] for item in options["kinds"]},
            limit=options["limit"],
            sizes=SIZES,
            size=DEFAULT_NODES,
            page_data=json_for_html(page_data),
        ),
    )


def _first(saved: list[SavedGraph]) -> SavedGraph | None:
    """Return the graph with the fewest nodes, which is the easiest to read, or None."""
    return min(saved, key=lambda each: (each.nodes, each.size), default=None)
