"""Graphs as files: what was written is read, by us and by networkx as it is."""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from bytelatent.graph.graph_files import from_node_link, load_graph, node_link, save_all
from bytelatent.graph.patch_graph import patch_graph
from bytelatent.graph.traversal import communities, find_node, find_path, path_entropy, surprising

TEXT = b'the cat sat, \x00\x1b[0m <the> & the \xff cat "sat" on the cat ' * 20


@pytest.fixture
def graph(model: Any) -> Any:
    return patch_graph(TEXT, model, title='a <title> & "more"')


def test_networkx_reads_the_json_as_it_is(graph: Any, tmp_path: Path) -> None:
    save_all(graph, tmp_path, "g")
    found = nx.node_link_graph(json.loads((tmp_path / "g.json").read_text()))
    assert nx.utils.graphs_equal(nx.DiGraph(found), graph)
    assert nx.utils.graphs_equal(load_graph(tmp_path / "g.json"), graph)


@pytest.mark.parametrize("key", ["links", "edges"])
def test_both_names_of_edges_are_read(key: str, graph: Any) -> None:
    data = json.loads(json.dumps(node_link(graph, edges=key)))
    assert key in data
    assert nx.utils.graphs_equal(from_node_link(data), graph)


def test_graphml_and_tables_hold_all_nodes_and_edges(graph: Any, tmp_path: Path) -> None:
    paths = save_all(graph, tmp_path / "new", "g")
    assert [path.name for path in paths] == ["g.json", "g.graphml", "g_nodes.csv", "g_edges.csv"]
    ET.parse(paths[1])
    read = nx.read_graphml(paths[1])
    assert set(read) == set(graph) and set(read.edges) == set(graph.edges)
    edge = next(iter(graph.edges))
    assert json.loads(read.edges[edge]["evidence"]) == graph.edges[edge]["evidence"]
    with paths[2].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"]: int(row["count"]) for row in rows} == dict(graph.nodes(data="count"))
    with paths[3].open(newline="") as file:
        assert sum(int(row["count"]) for row in csv.DictReader(file)) == sum(
            count for *_, count in graph.edges(data="count")
        )


def test_names_that_xml_cannot_hold_stay_apart(tmp_path: Path) -> None:
    graph = nx.DiGraph()
    graph.add_node("Mary\x01Ann", label="Mary\x01Ann")
    graph.add_node("Mary\ufffdAnn", label="Mary\ufffdAnn")
    graph.add_node("Mary\ufffeAnn", label="Mary\ufffeAnn")
    graph.add_edge("Mary\x01Ann", "Mary\ufffeAnn", count=2)
    _, graphml, nodes, edges = save_all(graph, tmp_path, "names")
    read = nx.read_graphml(graphml)
    first, second, third = read
    assert second == "Mary\ufffdAnn"
    assert [*read.edges] == [(first, third)]
    assert {values["label"] for _, values in read.nodes(data=True)} == {"Mary\ufffdAnn"}
    with nodes.open(encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [first, second, third]
    with edges.open(encoding="utf-8", newline="") as file:
        assert [(row["source"], row["target"]) for row in csv.DictReader(file)] == [(first, third)]


def test_an_empty_graph_is_written_and_read(model: Any, tmp_path: Path) -> None:
    empty = patch_graph("", model)
    save_all(empty, tmp_path, "g")
    assert nx.utils.graphs_equal(load_graph(tmp_path / "g.json"), empty)
    assert len(nx.read_graphml(tmp_path / "g.graphml")) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "no list of nodes"),
        ('{"nodes": []}', "neither 'links' nor 'edges'"),
        ('{"nodes": [{"label": "x"}], "links": []}', "a node has no id"),
        ('{"nodes": [{"id": "x"}], "edges": [{"source": "x", "target": "y"}]}', "'y', which is no"),
        ("{", "is no JSON"),
    ],
)
def test_what_is_no_graph_is_named(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"bad\.json.*{message}"):
        load_graph(path)


def test_surprising_continuations_are_the_ends_of_the_list(graph: Any) -> None:
    node = max(graph, key=graph.out_degree)
    found = surprising(graph, node, 2)
    bits = sorted(values["bits"] for *_, values in graph.out_edges(node, data=True))
    assert [one.bits for one in found.most] == bits[::-1][:2]
    assert [one.bits for one in found.least] == bits[:2]
    assert find_node(graph, graph.nodes[node]["label"]) == node
    with pytest.raises(ValueError, match="no node 'nothing of the kind'"):
        surprising(graph, "nothing of the kind")


def test_a_path_and_what_it_costs(graph: Any) -> None:
    nodes = list(graph)
    path = find_path(graph, nodes[0], nodes[-1])
    assert path[0] == nodes[0] and path[-1] == nodes[-1]
    found = path_entropy(graph, path)
    others = [
        path_entropy(graph, other).chain_bits
        for other in nx.all_simple_paths(graph, nodes[0], nodes[-1], cutoff=4)
    ]
    assert all(found.chain_bits <= other + 1e-6 for other in others)
    assert found.model_bits is not None and found.branching > 0
    with pytest.raises(ValueError, match="no edge leads"):
        path_entropy(nx.DiGraph([("a", "b")]), ["b", "a"])


def test_communities_hold_every_node_once(graph: Any) -> None:
    groups = communities(graph)
    assert sorted(node for group in groups for node in group) == sorted(graph)
