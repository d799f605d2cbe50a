"""Places are those of the seed, on any machine."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from bytelatent.graph import layout
from bytelatent.graph.graph_files import load_graph

STORED = sorted((Path(__file__).parents[2] / "plot_data").glob("graph_*.json"))


def places(graph: nx.DiGraph) -> dict[str, tuple[float, float, int]]:
    return {
        node: (about["x"], about["y"], about["community"]) for node, about in graph.nodes.items()
    }


def some_graph(nodes: int, edges: int) -> nx.DiGraph:
    draw = np.random.default_rng(0)
    graph = nx.DiGraph()
    graph.add_nodes_from(map(str, range(nodes)))
    for first, second in draw.integers(0, nodes, (edges, 2)):
        graph.add_edge(str(first), str(second), count=int(draw.integers(1, 9)))
    return graph


def test_rounding_of_other_processors_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = some_graph(200, 900)
    layout.arrange(graph, seed=0)
    before, draw, exact = places(graph), np.random.default_rng(1), layout._force

    def force(*given):
        found = exact(*given)
        return found * (1 + 1e-13 * draw.standard_normal(found.shape))

    monkeypatch.setattr(layout, "_force", force)
    layout.arrange(graph, seed=0)
    assert places(graph) == before
    layout.arrange(graph, seed=1)
    assert places(graph) != before


def test_forces_are_those_of_the_formula() -> None:
    graph = some_graph(layout.BLOCK + 40, 700)
    draw = np.random.default_rng(2)
    xy, weights = draw.normal(0, 5, (len(graph), 2)), layout._weights(graph)
    mass = 1 + (weights > 0).sum(axis=1) ** 0.7
    for node in (0, layout.BLOCK - 1, layout.BLOCK, len(graph) - 1):
        wanted = -layout.GRAVITY * mass[node] * xy[node]
        for other in range(len(graph)):
            away = xy[node] - xy[other]
            if other != node:
                wanted += away * (mass[node] * mass[other] / max(away @ away, 1e-2))
            wanted -= away * weights[node, other]
        assert layout._force(xy, weights, mass)[node] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_graphs_come_out_again(path: Path) -> None:
    graph = load_graph(path)
    before = places(graph)
    layout.arrange(graph, seed=0)
    assert places(graph) == before
