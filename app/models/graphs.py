"""Graphs of a visitor's text: the patch graph and the entity graph.

The graph builders are imported for the first graph: they need networkx, and for entities spaCy,
which a server without the extra ``graph`` does not have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from typing import Protocol

from app.models.live_model import LiveModel
from app.requests import deadline
from app.requests.fair_queue import FairQueue
from app.requests.problems import ProblemError
from app.schemas.graph import Document, GraphRequest, Kind
from app.settings import Settings
from bytelatent.runtime import ByteAnalysis

KINDS: tuple[Kind, ...] = ("patches", "entities")
NO_NETWORKX = "Graphs need networkx: pip install 'bytelatent[graph]'."
TITLE_CHARACTERS = 48


class Builders(Protocol):
    """Interface of the graph builders; the module :mod:`bytelatent.graph.build` implements it."""

    def patch_graph_of(
        self, text: str, model: "QueuedModel", *, title: str, max_nodes: int, seed: int
    ) -> Document:
        """Return the patch graph of a text."""
        ...

    def entity_graph_of(self, text: str, *, title: str, max_nodes: int, seed: int) -> Document:
        """Return the entity graph of a text."""
        ...

    def entity_graph_available(self) -> str | None:
        """Return why entity graphs cannot be built, in one sentence, or None if they can."""
        ...


@dataclass
class QueuedModel:
    """The entropy model for a graph builder; each call waits in the queue and has a deadline."""

    model: LiveModel
    name: str
    threshold: float
    max_patch_length: int | None

    def analyse(self, data: bytes, *, top_k: int = 0) -> ByteAnalysis:
        """Return entropies, surprisals and predictions of ``data`` if the client still waits.

        Raises:
            ProblemError: as for :meth:`LiveModel.analyse`, or the time limit is over.
            ClientGoneError: the client has left.
        """
        analysis = self.model.analyse(data, top_k=top_k)
        deadline.current().check()
        return analysis


def installed() -> Builders | None:
    """Return the graph builders, or None if networkx is not installed."""
    if find_spec("networkx") is None:
        return None
    from bytelatent.graph import build

    return build


class GraphMaker:
    """The graph builders, with the queue in front of them.

    Args:
        model: the entropy model.
        settings: limits.
        builders: function that returns the graph builders, or None.
    """

    def __init__(
        self,
        model: LiveModel,
        settings: Settings,
        builders: Callable[[], Builders | None] = installed,
    ) -> None:
        self.model, self.limit = model, settings.graph_limit
        self._builders = builders
        self.queue = FairQueue(
            "The graph maker",
            max_queued=settings.graph_max_queued,
            wait_seconds=settings.wait_seconds,
        )

    def unavailable(self, kind: Kind) -> str | None:
        """Return why graphs of a kind cannot be built, in one sentence, or None if they can."""
        builders = self._builders()
        if builders is None:
            return NO_NETWORKX
        if kind == "entities":
            return builders.entity_graph_available()
        return self.model.unavailable

    def answer(self, request: GraphRequest) -> Document:
        """Return the graph of a text.

        Raises:
            ProblemError: graphs of this kind cannot be built, the queue is full, or the time limit
                is over.
            ClientGoneError: the client has left.
        """
        reason = self.unavailable(request.kind)
        builders, source = self._builders(), self.model.source
        if reason is not None or builders is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, reason or NO_NETWORKX)
        title, nodes, seed = title_of(request.text), request.max_nodes, request.seed
        limit = deadline.current()
        with self.queue.take(limit.gone, client=limit.name):
            limit.check()
            if request.kind == "entities":
                return builders.entity_graph_of(
                    request.text, title=title, max_nodes=nodes, seed=seed
                )
            assert source is not None
            model = QueuedModel(self.model, source.name, source.threshold, source.max_patch_length)
            return builders.patch_graph_of(
                request.text, model, title=title, max_nodes=nodes, seed=seed
            )


def title_of(text: str) -> str:
    """Return the first words of a text as a title."""
    words = " ".join(text[: 4 * TITLE_CHARACTERS].split())
    if not words:
        return "An empty text"
    short = words[:TITLE_CHARACTERS]
    return f"“{short}{'…' if len(words) > len(short) else ''}”"
