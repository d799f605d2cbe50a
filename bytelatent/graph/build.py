"""Both graphs of a text as dictionaries, for pages."""

from typing import Any

from bytelatent.graph.files import node_link
from bytelatent.graph.patches import EntropyModel, PatchGraphArgs, patch_graph


def patch_graph_of(
    text: str | bytes, model: EntropyModel, *, title: str, max_nodes: int, seed: int
) -> dict[str, Any]:
    """The patch graph, with its most frequent patches when there are more than ``max_nodes``.

    Raises:
        ValueError: the text is too long or holds a lone surrogate.
    """
    args = PatchGraphArgs(max_nodes=max_nodes, seed=seed)
    return node_link(patch_graph(text, model, args, title=title))
