"""The saved graphs: stored data files that contain a graph in node-link JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from app.stored.catalogue import Snapshot, StoredArtifact
from app.stored.gallery import artifact_url

LARGEST = 16 * 1024 * 1024
"""Size in bytes of the largest file that the page opens."""

_HEAD = 256


@dataclass(frozen=True)
class SavedGraph:
    """Stored graph.

    Attributes:
        name: name of the file without its suffix, as in ``/graph?saved=``.
        title: title for visitors.
        kind: ``entities`` or ``patches``.
        nodes, edges: number of nodes and number of edges.
        size: size of the file in bytes.
        url: URL of the JSON.
        artifact: URL of the page in the gallery.
    """

    name: str
    title: str
    kind: str
    nodes: int
    edges: int
    size: int
    url: str
    artifact: str


def saved_graphs(snapshot: Snapshot) -> Mapping[str, SavedGraph]:
    """Return all saved graphs by name, sorted by title; they are read once per snapshot."""
    return snapshot.once("graphs", lambda: _find(snapshot))


def _find(snapshot: Snapshot) -> dict[str, SavedGraph]:
    data = (a for a in snapshot.by_name.values() if a.kind == "data" and a.name.endswith(".json"))
    graphs = [graph for graph in map(_read, data) if graph]
    return {graph.name: graph for graph in sorted(graphs, key=lambda graph: graph.title)}


def _read(artifact: StoredArtifact) -> SavedGraph | None:
    """Return the graph in a file, or None if the file contains no graph."""
    if artifact.size > LARGEST:
        return None
    try:
        with artifact.path.open("rb") as file:
            head = file.read(_HEAD)
            if not head.lstrip().startswith(b"{") or b'"directed"' not in head:
                return None
            value = json.loads(head + file.read())
        links = value.get("links", value.get("edges"))
        kind, nodes, edges = value["graph"]["kind"], len(value["nodes"]), len(links)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if kind not in ("entities", "patches"):
        return None
    return SavedGraph(
        name=PurePath(artifact.name).stem,
        title=str(value["graph"].get("title") or artifact.title),
        kind=kind,
        nodes=nodes,
        edges=edges,
        size=artifact.size,
        url=artifact.url,
        artifact=artifact_url(artifact.name),
    )
