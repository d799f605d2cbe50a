"""Graph traversal: surprising continuations, entropies of paths, paths between two nodes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class Continuation:
    """An edge out of a node of a graph, with its target.

    Attributes:
        target, label: id and label of the node at which the edge ends.
        count: number of times that the edge occurs in the text.
        probability: probability of the target after the source, among all that followed it.
        bits: information of the target there: the model's surprisal in a patch graph, -log2 of the
            probability in an entity graph.
    """

    target: str
    label: str
    count: int
    probability: float
    bits: float


@dataclass(frozen=True)
class Surprising:
    """The most and the least surprising continuations of a node, the extreme first."""

    most: list[Continuation]
    least: list[Continuation]


@dataclass(frozen=True)
class PathEntropy:
    """Entropy of a path, in bits.

    Attributes:
        chain_bits: -log2 of the probability of the path, from its first node, in the graph alone.
        model_bits: sum of the mean bits of its edges; None if an edge has none.
        branching: entropy of the choice of the next node, summed over all nodes but the last.
    """

    chain_bits: float
    model_bits: float | None
    branching: float


def continuations(graph: "nx.DiGraph", node: str) -> list[Continuation]:
    """Return all edges out of a node, the most surprising first.

    Raises:
        ValueError: the node does not exist.
    """
    node = find_node(graph, node)
    total = sum(count for _, _, count in graph.out_edges(node, data="count", default=1))
    edges = []
    for _, target, edge in graph.out_edges(node, data=True):
        probability = edge.get("probability", edge.get("count", 1) / total)
        bits = edge.get("bits", -math.log2(probability))
        label = graph.nodes[target].get("label", str(target))
        edges.append(Continuation(target, label, edge.get("count", 1), probability, bits))
    return sorted(
        edges, key=lambda continuation: (-continuation.bits, continuation.count, continuation.label)
    )


def surprising(graph: "nx.DiGraph", node: str, n: int = 5) -> Surprising:
    """Return the ``n`` most and the ``n`` least surprising continuations of a node.

    Raises:
        ValueError: the node does not exist.
    """
    ranked = continuations(graph, node)
    return Surprising(most=ranked[:n], least=ranked[::-1][:n])


def path_entropy(graph: "nx.DiGraph", path: Sequence[str]) -> PathEntropy:
    """Return the entropy of a path through the graph.

    Raises:
        ValueError: a step of the path is no edge; the message names both ends.
    """
    chain, branching = 0.0, 0.0
    bits: list[float | None] = []
    for first, second in pairwise(path):
        if not graph.has_edge(first, second):
            raise ValueError(f"path: no edge leads from {first!r} to {second!r}")
        options = continuations(graph, first)
        chain -= math.log2(
            next(option.probability for option in options if option.target == second)
        )
        branching -= sum(option.probability * math.log2(option.probability) for option in options)
        bits.append(graph.edges[first, second].get("bits"))
    known = [value for value in bits if value is not None]
    return PathEntropy(chain, sum(known) if len(known) == len(bits) else None, branching)


def find_path(graph: "nx.DiGraph", first: str, last: str) -> list[str]:
    """Find a path between two nodes: the most probable in a patch graph, else the shortest.

    The search uses edges of an entity graph in both directions, and frequent edges count as
    shorter.

    Raises:
        ValueError: a node is unknown, or no path leads from one to the other.
    """
    import networkx as nx

    first, last = find_node(graph, first), find_node(graph, last)
    patches = graph.graph.get("kind") == "patches"
    walked = graph if patches else graph.to_undirected()

    def cost(_: str, __: str, edge: dict[str, float]) -> float:
        if patches:
            return -math.log2(edge.get("probability", 1.0)) + 1e-9
        return 1 + 1 / (1 + edge.get("count", 1))

    try:
        return list(nx.dijkstra_path(walked, first, last, weight=cost))
    except nx.NetworkXNoPath:
        raise ValueError(
            f"no path leads from {_label(graph, first)} to {_label(graph, last)}"
        ) from None


def communities(graph: "nx.DiGraph") -> list[list[str]]:
    """Return the nodes of each community; the nodes with the most edges come first."""
    groups: dict[int, list[str]] = {}
    for node, values in graph.nodes(data=True):
        groups.setdefault(values.get("community", 0), []).append(node)
    degree = dict(graph.degree())
    return [sorted(groups[key], key=lambda node: -degree[node]) for key in sorted(groups)]


def find_node(graph: "nx.DiGraph", name: str) -> str:
    """Return the node with an id, a label or an alias, tried in this order.

    An exact match is preferred to one with other capitals.

    Raises:
        ValueError: no node has that name; the message lists the nearest labels.
    """
    if name in graph:
        return name
    names: dict[str, str] = {}
    for node, values in graph.nodes(data=True):
        for known in (values.get("label", str(node)), *values.get("aliases", ())):
            names.setdefault(known, node)
    lower = {known.casefold(): node for known, node in reversed(names.items())}
    match = names.get(name) or lower.get(name.casefold())
    if match is not None:
        return match
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; near it are {', '.join(map(repr, near))}" if near else ""
    raise ValueError(f"there is no node {name!r} in the graph{hint}")


def _label(graph: "nx.DiGraph", node: str) -> str:
    return repr(graph.nodes[node].get("label", node))
