"""Builders of graphs that need neither networkx nor spaCy, and a graph for the gallery."""

import json
import re
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from app.models.graphs import QueuedModel
from bytelatent.graph.graph_page import graph_html


def about(kind: str, text: str, **more: Any) -> dict[str, Any]:
    usual = {"source": "pasted text", "bytes": len(text.encode()), "truncated": False}
    return {"kind": kind, **usual, "finder": "fake", "statistics": {"words": 3}, **more}


def place(i: int, count: int) -> dict[str, float]:
    """On a ring, in order."""
    angle = 2 * 3.14159 * i / max(1, count)
    return {"x": round(0.9 * (1 - angle / 3.2), 4), "y": round(0.8 * ((i % 5) / 2.5 - 0.8), 4)}


@dataclass
class FakeBuilders:
    """A node for every word; an edge from each to the next."""

    reason: str | None = None
    pause: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)

    def entity_graph_available(self) -> str | None:
        return self.reason

    def patch_graph_of(
        self, text: str, model: QueuedModel, *, title: str, max_nodes: int, seed: int
    ) -> dict[str, Any]:
        model.analyse(text.encode())
        graph = self._graph(text, "patches", max_nodes)
        for i, node in enumerate(graph["nodes"]):
            node.update(type="word", hex=node["id"].encode().hex(), entropy=1 + i % 4, bits=2.0 + i)
        for i, link in enumerate(graph["links"]):
            link.update(type="next", probability=0.5, bits=1.0 + i)
        graph["graph"].update(title=title, seed=seed)
        return graph

    def entity_graph_of(
        self, text: str, *, title: str, max_nodes: int, seed: int
    ) -> dict[str, Any]:
        graph = self._graph(text, "entities", max_nodes)
        for i, node in enumerate(graph["nodes"]):
            node.update(type=["PERSON", "GPE", "ORG"][i % 3], aliases=[], mentions=[[0, 3]])
        for link in graph["links"]:
            link.update(type="visit", relations={"visit": link["count"]})
        graph["graph"].update(title=title, seed=seed)
        return graph

    def _graph(self, text: str, kind: str, most: int) -> dict[str, Any]:
        self.asked.append({"text": text, "kind": kind, "max_nodes": most})
        time.sleep(self.pause)
        words = re.findall(r"\S+", text)
        names = list(dict.fromkeys(words))[:most]
        pairs = [pair for pair in pairwise(words) if {*pair} <= {*names}]
        nodes = [
            {
                "id": name,
                "label": name,
                "count": words.count(name),
                "degree": sum(name in pair for pair in {*pairs}),
                "community": i % 3,
                **place(i, len(names)),
            }
            for i, name in enumerate(names)
        ]
        links = [
            {
                "source": a,
                "target": b,
                "count": pairs.count((a, b)),
                "evidence": [{"text": f"{a} {b}", "start": 0, "end": len(a) + len(b) + 1}],
            }
            for a, b in dict.fromkeys(pairs)
        ]
        graph = about(kind, text)
        return {
            "directed": True,
            "multigraph": False,
            "graph": graph,
            "nodes": nodes,
            "links": links,
        }


NOVEL = "Anne Kent Bath Anne Kent Anne Rome Bath Oslo Rome Anne Oslo Bonn"
"""Anne goes to Kent twice; Bonn is an end."""


def write_graph(demo: Path, plot: Path) -> None:
    """A graph as the gallery has them: JSON, and a page that shows it."""
    graph = FakeBuilders().entity_graph_of(NOVEL, title="A novel", max_nodes=99, seed=0)
    (plot / "novel.json").write_text(json.dumps(graph), encoding="utf-8")
    (demo / "novel.html").write_text(graph_html(graph), encoding="utf-8")
