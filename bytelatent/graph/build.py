"""Both graphs of a text as dictionaries, as the web pages read them."""

from typing import Any

from bytelatent.graph import entities
from bytelatent.graph.entities import SpacyFinder
from bytelatent.graph.entity_graph import EntityGraphArgs, entity_graph
from bytelatent.graph.gazetteer import GazetteerFinder
from bytelatent.graph.graph_files import node_link
from bytelatent.graph.mentions import Finder
from bytelatent.graph.patch_graph import PatchGraphArgs, patch_graph
from bytelatent.runtime.entropy_runtime import ByteAnalyser


def patch_graph_of(
    text: str | bytes, model: ByteAnalyser, *, title: str, max_nodes: int, seed: int
) -> dict[str, Any]:
    """Build the patch graph of a text; keep its ``max_nodes`` most frequent patches.

    Raises:
        ValueError: the text is too long or holds a lone surrogate.
    """
    args = PatchGraphArgs(max_nodes=max_nodes, seed=seed)
    return node_link(patch_graph(text, model, args, title=title))


def entity_graph_of(text: str, *, title: str, max_nodes: int, seed: int) -> dict[str, Any]:
    """Build the entity graph of a text; keep its ``max_nodes`` most mentioned entities.

    spaCy finds the entities where it is installed (:func:`entity_graph_available`); otherwise the
    gazetteer does.

    Raises:
        ValueError: the text is too long or holds a lone surrogate.
    """
    args = EntityGraphArgs(max_nodes=max_nodes, seed=seed)
    return node_link(entity_graph(text, finder(), args, title=title))


def entity_graph_available() -> str | None:
    """Return None where spaCy can find entities, otherwise a sentence that says what to install."""
    return entities.unavailable()


def finder() -> Finder:
    """Return spaCy's finder of entities where spaCy is installed, otherwise the gazetteer."""
    return SpacyFinder() if entity_graph_available() is None else GazetteerFinder()
