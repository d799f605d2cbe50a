"""Degree, community and position of the nodes of a graph, the same for the same seed."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import networkx as nx

STEPS = 240
DECIMALS = 4
GRAVITY = 0.4
"""Strength of the pull to the middle; it keeps unconnected nodes from moving far away."""
GRID = 4
"""Decimals to which positions are rounded after every step.

Small differences grow with the steps, and processors differ in the last digits: without rounding,
the same seed would give another picture on each processor.
"""
BLOCK = 128
"""Number of nodes whose forces are computed at once, so that the arrays fit the CPU cache."""
EVEN = 0.55
"""Weight in [0, 1] of evenly spaced positions against the computed ones."""


def arrange(graph: "nx.DiGraph", *, seed: int) -> None:
    """Set ``degree``, ``strength``, ``community``, ``x`` and ``y`` of every node, in place.

    The degree is the number of edges, the strength is the sum of their counts.

    Communities are found by Louvain's method on the counts; community 0 is the largest. Positions
    lie in [-1, 1].
    """
    import networkx as nx

    groups = nx.community.louvain_communities(_undirected(graph), weight="weight", seed=seed)
    order = {node: place for place, node in enumerate(graph)}
    groups = sorted(groups, key=lambda group: (-len(group), min(map(order.__getitem__, group))))
    community = {node: number for number, group in enumerate(groups) for node in group}
    positions = _positions(
        graph, np.array([community[node] for node in graph], dtype=np.int64), seed
    )
    for node, (x, y) in zip(graph, positions, strict=True):
        graph.nodes[node].update(
            degree=graph.degree(node),
            strength=graph.degree(node, weight="count"),
            community=community[node],
            x=round(float(x), DECIMALS),
            y=round(float(y), DECIMALS),
        )


def _undirected(graph: "nx.DiGraph") -> "nx.Graph":
    """Return the undirected graph, with the counts of both directions summed as ``weight``."""
    import networkx as nx

    plain = nx.Graph()
    plain.add_nodes_from(graph)
    for first, second, count in graph.edges(data="count", default=1):
        known = plain.get_edge_data(first, second, {"weight": 0})["weight"]
        plain.add_edge(first, second, weight=known + count)
    return plain


def _positions(graph: "nx.DiGraph", community: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Compute positions by springs between neighbours and repulsion between all nodes.

    The method is ForceAtlas2 (Jacomy et al. 2014). Repulsion grows with the degrees, so hubs keep
    room around them. The first positions are a circle of communities.

    Returns:
        ``[nodes, 2]`` in [-1, 1].
    """
    size = len(graph)
    if size < 2:
        return np.zeros((size, 2), dtype=np.float64)
    weights = _weights(graph)
    mass = 1 + (weights > 0).sum(axis=1) ** 0.7
    draw = np.random.default_rng(seed)
    angle = 2 * np.pi * community / (community.max() + 1)
    positions = np.stack([np.cos(angle), np.sin(angle)], axis=1) * size**0.5
    positions = (positions + draw.normal(0, 0.3 * size**0.5, (size, 2))).round(GRID)
    for step in range(STEPS):
        force = _force(positions, weights, mass)
        length = np.linalg.norm(force, axis=1, keepdims=True)
        most = size**0.5 * 0.3 * (1 - step / STEPS) ** 1.5 + 1e-3
        positions += force * (np.minimum(length, most) / np.maximum(length, 1e-9))
        positions = positions.round(GRID)
    return _in_square(positions)


def _force(
    positions: NDArray[np.float64], weights: NDArray[np.float64], mass: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the repulsion less the attraction of every node ``[nodes, 2]``."""
    squares = (positions**2).sum(axis=1)
    force = -GRAVITY * mass[:, None] * positions
    for first in range(0, len(positions), BLOCK):
        rows = slice(first, first + BLOCK)
        own = positions[rows]
        total = own @ positions.T  # changed in place below: distances, then forces
        total *= -2
        total += squares
        total += squares[rows, None]
        np.maximum(total, 1e-2, out=total)
        np.divide(mass[rows, None] * mass, total, out=total)
        np.fill_diagonal(total[:, first:], 0)
        total -= weights[rows]
        force[rows] += own * total.sum(axis=1, keepdims=True) - total @ positions
    return force


def _weights(graph: "nx.DiGraph") -> NDArray[np.float64]:
    """Return symmetric spring strengths ``[nodes, nodes]``: 1 plus the logarithm of the count."""
    order = {node: place for place, node in enumerate(graph)}
    weights = np.zeros((len(order), len(order)), dtype=np.float64)
    for first, second, count in graph.edges(data="count", default=1):
        if first != second:
            weights[order[first], order[second]] += count
    both = weights + weights.T
    return np.where(both > 0, 1 + np.log(np.maximum(both, 1)), 0)


def _in_square(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale positions to [-1, 1] and mix them with even spacing, because the middle is crowded."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    own = (positions - low) / np.maximum(high - low, 1e-9) * 2 - 1
    even = positions.argsort(axis=0, kind="stable").argsort(axis=0) / (len(positions) - 1) * 2 - 1
    square: NDArray[np.float64] = (1 - EVEN) * own + EVEN * even
    return square
