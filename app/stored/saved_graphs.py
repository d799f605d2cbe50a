"""Graphs among the stored data files, found by what they hold."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from app.stored.catalogue import Artifact, Snapshot
from app.stored.gallery import artifact_url

LARGEST = 16 * 1024 * 1024
"""Bytes of a file up to which the page opens it."""

_HEAD = 256


@dataclass(frozen=True)
class SavedGraph:
    """A stored graph.

    Attributes:
        name: its file name without suffix, as in ``/graph?saved=``.
        title: for people.
        kind: ``entities`` or ``patches``.
        nodes, edges: how many.
        size: bytes of the file.
        url: its JSON.
        artifact: its page in the gallery.
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
    """All of them by name, sorted by title; read once while nothing changes."""
    return snapshot.once("graphs", lambda: _find(snapshot))


def _find(snapshot: Snapshot) -> dict[str, SavedGraph]:
    data = (a for a in snapshot.by_name.values() if a.kind == "data" and a.name.endswith(".json"))
    found = [graph for graph in map(_read, data) if graph]
    return {graph.name: graph for graph in sorted(found, key=lambda graph: graph.title)}


def _read(artifact: Artifact) -> SavedGraph | None:
    """What a file says of its graph; None for other files."""
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
