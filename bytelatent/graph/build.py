"""Both graphs of a text as dictionaries, for pages."""

from typing import Any

from bytelatent.graph import entities
from bytelatent.graph.entities import SpacyFinder
from bytelatent.graph.entity_graph import EntityGraphArgs, entity_graph
from bytelatent.graph.gazetteer import GazetteerFinder
from bytelatent.graph.graph_files import node_link
from bytelatent.graph.mentions import Finder
from bytelatent.graph.patch_graph import EntropyModel, PatchGraphArgs, patch_graph


def patch_graph_of(
    text: str | bytes, model: EntropyModel, *, title: str, max_nodes: int, seed: int
) -> dict[str, Any]:
    """The patch graph, with its most frequent patches when there are more than ``max_nodes``.

    Raises:
        ValueError: the text is too long or holds a lone surrogate.
    """
    args = PatchGraphArgs(max_nodes=max_nodes, seed=seed)
    return node_link(patch_graph(text, model, args, title=title))


def entity_graph_of(text: str, *, title: str, max_nodes: int, seed: int) -> dict[str, Any]:
    """The entity graph, with its most mentioned entities when there are more than ``max_nodes``.

    By spaCy where it is installed (:func:`entity_graph_available`), else by the gazetteer.

    Raises:
        ValueError: the text is too long or holds a lone surrogate.
    """
    args = EntityGraphArgs(max_nodes=max_nodes, seed=seed)
    return node_link(entity_graph(text, finder(), args, title=title))


def entity_graph_available() -> str | None:
    """None where spaCy finds the entities; otherwise one sentence that says what to install."""
    return entities.unavailable()


def finder() -> Finder:
    """The best finder that is installed."""
    return SpacyFinder() if entity_graph_available() is None else GazetteerFinder()
