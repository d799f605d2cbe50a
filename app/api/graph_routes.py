"""``/api/graph``: the graph of a text, and the saved ones."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app.api.openapi_fragment import OpenApiFragment, body_of, json_of, problems
from app.models.graphs import KINDS, GraphMaker
from app.requests.bodies import parse_body, text_bytes
from app.schemas.graph import MOST_NODES, GraphRequest, GraphResponse, Graphs
from app.stored.catalogue import Catalogue
from app.stored.saved_graphs import saved_graphs

blueprint = Blueprint("api_graph", __name__)

EXAMPLE_REQUEST = {"text": "The cat sat on the mat. The cat saw the dog.", "kind": "patches"}

OPENAPI = OpenApiFragment(
    {
        "/api/graph": {
            "get": {
                "operationId": "getGraphs",
                "summary": "Kinds of graphs that this server makes, and the saved ones",
                "responses": {"200": json_of("Kinds, limits, saved graphs.", Graphs)},
            },
            "post": {
                "operationId": "postGraph",
                "summary": "A text as a graph: of its patches, or of what it is about",
                "requestBody": body_of(GraphRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": json_of("Node-link JSON, with places for drawing.", GraphResponse),
                    **problems(
                        {
                            "400": "The body is not JSON.",
                            "413": "The text is too long.",
                            "422": "A field is missing, unknown, of a wrong type or out of range.",
                            "503": "This kind of graph cannot be had here, or too many wait for "
                            "one; then Retry-After says when to try again.",
                        }
                    ),
                },
            },
        }
    },
    (GraphRequest, GraphResponse, Graphs),
)


@blueprint.get("/api/graph")
def graphs() -> Response:
    """What can be had."""
    response = jsonify(offered())
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.post("/api/graph")
def graph() -> Response:
    """The graph of a text."""
    maker: GraphMaker = current_app.extensions["graph_maker"]
    wanted = parse_body(request.get_data(cache=False), GraphRequest)
    text_bytes(wanted.text, limit=maker.limit)
    response = jsonify(maker.answer(wanted))
    response.headers["Cache-Control"] = "no-store"
    return response


def offered() -> dict[str, Any]:
    """Kinds, limits and saved graphs, as :class:`app.schemas.graph.Graphs`."""
    maker: GraphMaker = current_app.extensions["graph_maker"]
    catalogue: Catalogue = current_app.extensions["catalogue"]
    return {
        "kinds": [{"kind": kind, "unavailable": maker.unavailable(kind)} for kind in KINDS],
        "limit": maker.limit,
        "max_nodes": MOST_NODES,
        "saved": [asdict(saved) for saved in saved_graphs(catalogue.snapshot()).values()],
    }
