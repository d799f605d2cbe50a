"""The graph of a whole novel: the stored one, chapters of it made anew, and (slow) all of it."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from bytelatent.graph import build, entities
from bytelatent.graph.entity_graph import EntityGraphArgs, Overrides, entity_graph
from bytelatent.graph.graph_files import load_graph
from bytelatent.graph.mentions import Finder, Progress, Sentence
from bytelatent.graph.name_words import STOP_WORDS

ROOT = Path(build.__file__).parents[2]
STORED = ROOT / "plot_data" / "graph_pride_and_prejudice.json"
SAMPLES = ROOT / "bytelatent" / "graph" / "samples"
MAIN = {
    "Elizabeth",
    "Mr. Darcy",
    "Jane",
    "Mr. Bingley",
    "Mr. Collins",
    "Lydia",
    "Wickham",
    "Mrs. Bennet",
    "Charlotte",
    "Miss Bingley",
}
"""The main characters: who shares most sentences with others."""
needs_spacy = pytest.mark.skipif(
    entities.unavailable() is not None, reason="needs bytelatent[graph]"
)


@pytest.fixture(scope="module")
def novel() -> str:
    return gzip.decompress((SAMPLES / "pride_and_prejudice.txt.gz").read_bytes()).decode()


class Found:
    """What a finder found, to use it twice."""

    def __init__(self, finder: Finder, text: str) -> None:
        self.name = finder.name
        self._sentences = list(finder.find(text))

    def find(self, text: str, progress: Progress | None = None) -> Iterator[Sentence]:
        yield from self._sentences


def most_connected(graph: Any, *, kind: str | None = None) -> list[str]:
    """Labels of the ten nodes that share most sentences with others."""
    nodes = [node for node in graph if kind in (None, graph.nodes[node]["type"])]
    strength = dict(graph.degree(weight="count"))
    return sorted(nodes, key=lambda node: -strength[node])[:10]


def check(graph: Any, novel: str) -> None:
    """What the graph of a novel must be."""
    for _, values in graph.nodes(data=True):
        words = re.findall(r"\w+", values["label"].casefold())
        assert words and not set(words) <= STOP_WORDS, values["label"]
        assert values["strength"] >= values["degree"]
    for source, target, values in graph.edges(data=True):
        assert values["evidence"]
        for place in values["evidence"]:
            assert novel[place["start"] : place["end"]] == place["text"]
            for end in (source, target):
                assert any(name in place["text"] for name in graph.nodes[end]["aliases"])


def test_the_stored_graph_is_about_its_main_characters(novel: str) -> None:
    graph = load_graph(STORED)
    check(graph, novel)
    assert set(most_connected(graph)) == MAIN
    assert graph.number_of_edges() >= 300
    assert {graph.nodes[name]["type"] for name in MAIN} == {"PERSON"}
    assert graph.graph["bytes"] == len(novel.encode())
    assert any(values["type"] != "with" for *_, values in graph.edges(data=True))


def test_the_stored_graphs_load_in_networkx_as_they_are() -> None:
    paths = sorted((ROOT / "plot_data").glob("graph_*.json"))
    assert len(paths) >= 4
    for path in paths:
        graph = nx.node_link_graph(json.loads(path.read_text(encoding="utf-8")))
        assert graph.number_of_nodes() == graph.graph["statistics"]["nodes"] > 50


def test_the_bennets_are_not_one(novel: str) -> None:
    graph = load_graph(STORED)
    assert {"Mr. Bennet", "Mrs. Bennet", "Miss Bennet", "Jane", "Elizabeth", "Mary"} <= set(graph)
    assert {"Mr. Darcy", "Darcy"} <= set(graph.nodes["Mr. Darcy"]["aliases"])
    assert "Miss Darcy" not in graph.nodes["Mr. Darcy"]["aliases"]
    assert "Miss Bingley" not in graph.nodes["Mr. Bingley"]["aliases"]


@needs_spacy
def test_chapters_made_anew(novel: str) -> None:
    chapters = novel[: novel.index("Chapter 7\n")]
    graph = entity_graph(chapters, entities.SpacyFinder())
    check(graph, novel)
    found = most_connected(graph, kind="PERSON")
    assert {"Elizabeth", "Mr. Darcy", "Mr. Bingley", "Jane"} <= set(found)
    assert graph.number_of_edges() > 60


@pytest.mark.slow
@needs_spacy
def test_the_whole_novel_made_anew(novel: str) -> None:
    args = EntityGraphArgs(min_count=2, evidence=2)
    given = Overrides.read(SAMPLES / "pride_and_prejudice.json")
    found = Found(entities.SpacyFinder(), novel)
    graph = entity_graph(novel, found, args, overrides=given)
    check(graph, novel)
    assert set(most_connected(graph)) == MAIN
    stored = load_graph(STORED)
    assert len(set(graph) & set(stored)) >= 0.95 * len(stored)
    alone = entity_graph(novel, found, args)
    assert len(set(most_connected(alone, kind="PERSON")) & MAIN) >= 8
    assert alone.number_of_edges() >= 300
