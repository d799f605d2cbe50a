"""Graphs as files: node-link JSON, GraphML, and CSV of nodes and edges.

Dictionaries for web pages hold their edges under ``links``. Files hold them under ``edges``,
because ``networkx.node_link_graph(json.load(file))`` of networkx 3.6 reads that key. The reader
accepts both keys.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytelatent.files import read_json, replacing, write_text

if TYPE_CHECKING:
    import networkx as nx

LINKS = "links"
EDGES = "edges"
_FORBIDDEN_IN_XML = {code: "�" for code in [*range(32), 0xFFFE, 0xFFFF] if code not in (9, 10, 13)}


def node_link(graph: "nx.DiGraph", *, edges: str = LINKS) -> dict[str, Any]:
    """Return the graph as a dictionary of plain JSON values."""
    import networkx as nx

    data = nx.node_link_data(graph, edges=edges)
    order = ("directed", "multigraph", "graph", "nodes", edges)
    return {key: data[key] for key in order}


def from_node_link(data: Any, *, name: str = "graph") -> "nx.DiGraph":
    """Build the graph from a dictionary with ``links`` or ``edges``.

    Raises:
        ValueError: the data is no node-link graph, or an edge ends at a missing node; the message
            contains ``name``.
    """
    import networkx as nx

    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
        raise ValueError(f"{name} is no node-link graph: it has no list of nodes")
    key = LINKS if LINKS in data else EDGES
    if not isinstance(data.get(key), list):
        raise ValueError(f"{name} is no node-link graph: it has neither {LINKS!r} nor {EDGES!r}")
    known = [node.get("id") for node in data["nodes"] if isinstance(node, dict)]
    if None in known or len(known) != len(data["nodes"]):
        raise ValueError(f"{name} is no node-link graph: a node has no id")
    ends = {str(edge.get(end)) for edge in data[key] for end in ("source", "target")}
    if missing := sorted(ends - {str(node) for node in known}):
        raise ValueError(f"{name} has an edge at {missing[0]!r}, which is no node")
    graph = nx.node_link_graph({"directed": True, "multigraph": False, **data}, edges=key)
    return nx.DiGraph(graph)


def load_graph(path: Path | str) -> "nx.DiGraph":
    """Read a graph that :func:`save_json` or networkx wrote.

    Raises:
        ValueError: the file is missing or no node-link JSON; the message names the file.
    """
    return from_node_link(read_json(path), name=str(path))


def save_json(graph: "nx.DiGraph", path: Path | str) -> None:
    """Write a graph as node-link JSON with one line per node and edge."""
    write_text(path, json_text(graph))


def json_text(graph: "nx.DiGraph") -> str:
    """Return the text that :func:`save_json` writes."""
    data = node_link(graph, edges=EDGES)
    fields = []
    for key, value in data.items():
        if isinstance(value, list) and value:
            inner = ",\n".join(f"    {_json(item)}" for item in value)
            fields.append(f"  {_json(key)}: [\n{inner}\n  ]")
        else:
            fields.append(f"  {_json(key)}: {_json(value)}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def save_graphml(graph: "nx.DiGraph", path: Path | str) -> None:
    """Write a graph as GraphML; lists and dictionaries are written as JSON strings.

    A character that XML cannot hold, such as U+0001, is written as U+FFFD.
    """
    import networkx as nx

    names = _names(graph)
    flat = nx.DiGraph(**_flat(graph.graph))
    flat.add_nodes_from((names[node], _flat(values)) for node, values in graph.nodes(data=True))
    flat.add_edges_from(
        (names[a], names[b], _flat(values)) for a, b, values in graph.edges(data=True)
    )
    with replacing(path) as temporary:
        nx.write_graphml_xml(flat, temporary)


def save_csv(graph: "nx.DiGraph", nodes: Path | str, edges: Path | str) -> None:
    """Write a CSV of nodes and one of edges; lists and dictionaries are written as JSON strings."""
    names = _names(graph)
    _write_table(nodes, ("id",), [{"id": names[node], **v} for node, v in graph.nodes(data=True)])
    rows = [
        {"source": names[a], "target": names[b], **values}
        for a, b, values in graph.edges(data=True)
    ]
    _write_table(edges, ("source", "target"), rows)


def save_all(graph: "nx.DiGraph", folder: Path, name: str) -> list[Path]:
    """Write a graph in all formats and return the paths of the files.

    The files are ``NAME.json``, ``NAME.graphml``, ``NAME_nodes.csv`` and ``NAME_edges.csv``.
    """
    paths = [folder / f"{name}{end}" for end in (".json", ".graphml", "_nodes.csv", "_edges.csv")]
    save_json(graph, paths[0])
    save_graphml(graph, paths[1])
    save_csv(graph, paths[2], paths[3])
    return paths


def _write_table(path: Path | str, first: Iterable[str], rows: list[dict[str, Any]]) -> None:
    """Write rows with all columns that any row has, in the order of their first occurrence."""
    columns = list(dict.fromkeys([*first, *(key for row in rows for key in row)]))
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(_flat(row) for row in rows)


def _names(graph: "nx.DiGraph") -> dict[Any, Any]:
    """Return for each node a name that a table and GraphML can hold; no two nodes get the same."""
    names = {node: node for node in graph if _scalar(node) == node}
    used = set(names)
    for node in graph:
        if node not in names:
            name = _scalar(node)
            while name in used:
                name += "�"
            names[node] = name
            used.add(name)
    return names


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert values to those that a table or GraphML can hold."""
    return {key: _scalar(value) for key, value in values.items()}


def _scalar(value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        value = _json(value)
    return value.translate(_FORBIDDEN_IN_XML) if isinstance(value, str) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
