"""``/api/graph`` and ``/graph``: bounded, described, and honest about what cannot be had."""

import json
import re
from importlib.util import find_spec
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.models.graphs import GraphMaker, title_of
from app.models.live_model import LiveModel
from app.schemas.graph import GraphResponse, Graphs
from app.settings import Settings
from app.stored.saved_graphs import LARGEST, saved_graphs
from tests.app.fakes import FakeModel
from tests.app.graph_fakes import FakeBuilders, write_graph

TEXT = "the cat saw the dog"


@pytest.fixture
def builders(app: Flask, settings: Settings) -> FakeBuilders:
    found = FakeBuilders()
    app.extensions["graph_maker"] = GraphMaker(app.extensions["model"], settings, lambda: found)
    return found


def post(client: FlaskClient, **body: object) -> Any:
    return client.post("/api/graph", json=body)


@pytest.mark.parametrize("kind", ["patches", "entities"])
def test_a_graph(client: FlaskClient, builders: FakeBuilders, kind: str) -> None:
    response = post(client, text=TEXT, kind=kind, seed=7)
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    found = GraphResponse.model_validate_json(response.data)
    assert (found.graph.kind, found.graph.seed, found.graph.title) == (kind, 7, f"“{TEXT}”")
    assert [node.label for node in found.nodes] == ["the", "cat", "saw", "dog"]
    assert [(link.source, link.target) for link in found.links][:2] == [
        ("the", "cat"),
        ("cat", "saw"),
    ]


@pytest.mark.skipif(not find_spec("networkx"), reason="needs networkx")
def test_the_real_patch_graph(client: FlaskClient) -> None:
    response = post(client, text="the cat sat. the cat <b>sat</b>.", kind="patches", max_nodes=9)
    found = GraphResponse.model_validate_json(response.data)
    assert found.graph.finder == "entropy model fake"
    known = {node.id for node in found.nodes}
    assert {"cat␣", "the␣"} <= {node.label for node in found.nodes}
    assert all({link.source, link.target} <= known and link.evidence for link in found.links)
    assert max(node.count for node in found.nodes) == 2
    assert post(client, text="", kind="patches").get_json()["nodes"] == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"text": "a" * 16_385, "kind": "patches"}, 413, "text"),
        ({"text": "ä" * 8193, "kind": "entities"}, 413, "text"),
        ({"text": "\ud800", "kind": "patches"}, 422, "text"),
        ({"kind": "patches"}, 422, "text"),
        ({"text": "a"}, 422, "kind"),
        ({"text": "a", "kind": "words"}, 422, "kind"),
        ({"text": "a", "kind": "patches", "max_nodes": 0}, 422, "max_nodes"),
        ({"text": "a", "kind": "patches", "max_nodes": 1501}, 422, "max_nodes"),
        ({"text": "a", "kind": "patches", "seed": -1}, 422, "seed"),
        ({"text": "a", "kind": "patches", "path": "/etc"}, 422, "path"),
    ],
)
def test_wrong_requests_name_the_field(
    client: FlaskClient, builders: FakeBuilders, body: dict[str, Any], status: int, field: str
) -> None:
    response = client.post("/api/graph", data=json.dumps(body), content_type="application/json")
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["field"] == field
    assert builders.asked == []


def test_what_cannot_be_had_is_said(
    client: FlaskClient, app: Flask, builders: FakeBuilders, settings: Settings
) -> None:
    builders.reason = "spaCy is missing: pip install 'bytelatent[graph]'"
    response = post(client, text=TEXT, kind="entities")
    assert (response.status_code, response.get_json()["detail"]) == (503, builders.reason)
    assert "Retry-After" not in response.headers
    assert post(client, text=TEXT, kind="patches").status_code == 200
    kinds = Graphs.model_validate_json(client.get("/api/graph").data).kinds
    assert [(each.kind, each.unavailable) for each in kinds] == [
        ("patches", None),
        ("entities", builders.reason),
    ]
    assert "pip install &#39;bytelatent[graph]&#39;" in client.get("/graph").text
    app.extensions["graph_maker"] = GraphMaker(app.extensions["model"], settings, lambda: None)
    for kind in ("patches", "entities"):
        assert "networkx" in post(client, text=TEXT, kind=kind).get_json()["detail"]


def test_without_a_model(settings: Settings) -> None:
    bare = create_app(settings, LiveModel(None, reason="none was found"))
    response = bare.test_client().post("/api/graph", json={"text": "a", "kind": "patches"})
    assert response.status_code == 503
    assert "none was found" in response.get_json()["detail"] or not find_spec("networkx")


def test_a_queue_that_is_full(client: FlaskClient, app: Flask, builders: FakeBuilders) -> None:
    maker: GraphMaker = app.extensions["graph_maker"]
    with maker.queue.take():
        response = post(client, text="a", kind="patches")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert post(client, text="a", kind="patches").status_code == 200


def test_the_time_is_limited(settings: Settings, fake: FakeModel) -> None:
    fake.pause = 5
    quick = Settings(**{**vars(settings), "request_seconds": 0.2})
    app = create_app(quick, LiveModel(fake))
    app.extensions["graph_maker"] = GraphMaker(app.extensions["model"], quick, FakeBuilders)
    response = app.test_client().post("/api/graph", json={"text": "a b", "kind": "patches"})
    assert response.status_code == 503
    assert "longer than 0.2 seconds" in response.get_json()["detail"]


def test_saved_graphs_are_found_by_what_they_hold(
    client: FlaskClient, app: Flask, settings: Settings
) -> None:
    write_graph(settings.demo_output, settings.plot_data)
    others = {
        "cut.json": '{"directed": true, "nodes": [',
        "other.json": '{"directed": true, "graph": {"kind": "cities"}, "nodes": [], "links": []}',
        "list.json": '["directed"]',
        "odd.json": '{"directed": true, "graph": {"kind": "patches"}, "nodes": 3, "edges": []}',
    }
    for name, text in others.items():
        (settings.plot_data / name).write_text(text)
    edges = '{"directed": true, "graph": {"kind": "patches"}, "nodes": [], "edges": []}'
    (settings.plot_data / "by_edges.json").write_text(edges)
    found = Graphs.model_validate_json(client.get("/api/graph").data).saved
    assert [(each.name, each.kind, each.nodes) for each in found] == [
        ("novel", "entities", 6),
        ("by_edges", "patches", 0),
    ]
    assert client.get(found[0].url).get_json()["graph"]["title"] == "A novel"
    assert client.get(found[0].artifact).status_code == 200
    with (settings.plot_data / "novel.json").open("ab") as file:
        file.truncate(LARGEST + 1)
    assert "novel" not in saved_graphs(app.extensions["catalogue"].snapshot())


def test_the_page(client: FlaskClient, builders: FakeBuilders, settings: Settings) -> None:
    bare = client.get("/graph").text
    assert "Nothing is drawn yet" in bare
    write_graph(settings.demo_output, settings.plot_data)
    html = client.get("/graph?saved=novel").text
    found = re.search(r'id="page-data">(.*?)</script>', html, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert (data["first"], data["limit"], data["max_nodes"]) == ("novel", 16_384, 1500)
    assert client.get(data["library"]).status_code == 200
    other = client.get("/graph?saved=../../secret")
    assert other.status_code == 200
    assert "The link asks for “../../secret”" in other.text
    assert "The link asks" not in html
    assert 'href="/graph"' in client.get("/").text


def test_the_library_is_loaded_on_this_page_only(client: FlaskClient) -> None:
    for url in ("/", "/model", "/gallery", "/api"):
        assert "cytoscape" not in client.get(url).text


def test_titles() -> None:
    assert title_of("  \n") == "An empty text"
    assert title_of("a\n\nb ") == "“a b”"
    assert title_of("word " * 30) == f"“{('word ' * 30)[:48]}…”"
