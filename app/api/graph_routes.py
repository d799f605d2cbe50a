"""The routes of ``/api/graph``: the graph of a text, and the saved graphs."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app.api.openapi_fragment import (
    NO_JSON,
    WRONG_FIELD,
    OpenApiFragment,
    body_of,
    json_of,
    problems,
)
from app.models.graphs import KINDS, GraphMaker
from app.requests.bodies import parse_body, text_bytes
from app.requests.prefix import at
from app.schemas.graph import EXAMPLE_TEXT, MOST_NODES, GraphRequest, GraphResponse, Graphs
from app.stored.catalogue import Catalogue
from app.stored.saved_graphs import SavedGraph, saved_graphs

blueprint = Blueprint("api_graph", __name__)

EXAMPLE_REQUEST = {"text": EXAMPLE_TEXT, "kind": "patches"}

OPENAPI = OpenApiFragment(
    {
        "/api/graph": {
            "get": {
                "operationId": "getGraphs",
                "summary": "List the kinds of graphs that this server builds, and the saved graphs",
                "responses": {"200": json_of("Kinds of graphs, limits and saved graphs.", Graphs)},
            },
            "post": {
                "operationId": "postGraph",
                "summary": "Build a graph of a text's patches or entities",
                "requestBody": body_of(GraphRequest, EXAMPLE_REQUEST),
                "responses": {
                    "200": json_of("Node-link JSON with positions for drawing.", GraphResponse),
                    **problems(
                        {
                            "400": NO_JSON,
                            "413": "The text is too long.",
                            "422": WRONG_FIELD,
                            "503": "Graphs of this kind are unavailable, or the queue is full; "
                            "then Retry-After says when to try again.",
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
    """Answer with the kinds of graphs, the limits and the saved graphs."""
    response = jsonify(offered())
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.post("/api/graph")
def graph() -> Response:
    """Answer with the graph of a text."""
    maker: GraphMaker = current_app.extensions["graph_maker"]
    graph_request = parse_body(request.get_data(cache=False), GraphRequest)
    text_bytes(graph_request.text, limit=maker.limit)
    response = jsonify(maker.answer(graph_request))
    response.headers["Cache-Control"] = "no-store"
    return response


def offered() -> dict[str, Any]:
    """Return the kinds of graphs, the limits and the saved graphs, as
    :class:`app.schemas.graph.Graphs`.
    """
    maker: GraphMaker = current_app.extensions["graph_maker"]
    catalogue: Catalogue = current_app.extensions["catalogue"]
    return {
        "kinds": [{"kind": kind, "unavailable": maker.unavailable(kind)} for kind in KINDS],
        "limit": maker.limit,
        "max_nodes": MOST_NODES,
        "saved": [_as_json(saved) for saved in saved_graphs(catalogue.snapshot()).values()],
    }


def _as_json(saved: SavedGraph) -> dict[str, Any]:
    return asdict(saved) | {"url": at(saved.url), "artifact": at(saved.artifact)}
