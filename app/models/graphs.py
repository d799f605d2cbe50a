"""Graphs of what a visitor types: how patches follow one another, and what a text is about.

The builders are imported when the first graph is asked for: they need networkx, and for entities
spaCy, which servers without the extra do without.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from typing import Protocol

from app.models.live_model import LiveModel
from app.requests import deadline as deadline
from app.requests.fair_queue import FairQueue
from app.requests.problems import ProblemError
from app.schemas.graph import Document, GraphRequest, Kind
from app.settings import Settings
from bytelatent.runtime import ByteAnalysis

KINDS: tuple[Kind, ...] = ("patches", "entities")
NO_NETWORKX = "Graphs need networkx: pip install 'bytelatent[graph]'."
TITLE_CHARACTERS = 48


class Builders(Protocol):
    """What makes graphs; the module :mod:`bytelatent.graph.build` is one."""

    def patch_graph_of(
        self, text: str, model: "TurnedModel", *, title: str, max_nodes: int, seed: int
    ) -> Document:
        """The patch graph of a text."""
        ...

    def entity_graph_of(self, text: str, *, title: str, max_nodes: int, seed: int) -> Document:
        """The entity graph of a text."""
        ...

    def entity_graph_available(self) -> str | None:
        """Why there are no entity graphs, in one sentence; None if there are."""
        ...


@dataclass
class TurnedModel:
    """The entropy model as a builder sees it: each call waits for its turn and ends in time."""

    model: LiveModel
    name: str
    threshold: float
    max_patch_length: int | None

    def analyse(self, data: bytes, *, top_k: int = 0) -> ByteAnalysis:
        """Entropies and surprisals of ``data``, if somebody still waits for what is made of them.

        Raises:
            ProblemError: as :meth:`LiveModel.analyse`, or the time is up.
            ClientGoneError: nobody waits for the graph any more.
        """
        found = self.model.analyse(data, top_k=top_k)
        deadline.current().check()
        return found


def installed() -> Builders | None:
    """The builders, or None without networkx."""
    if find_spec("networkx") is None:
        return None
    from bytelatent.graph import build

    return build


class GraphMaker:
    """Builders and the queue in front of them.

    Args:
        model: measures texts.
        settings: limits.
        builders: gives what makes graphs, or None.
    """

    def __init__(
        self,
        model: LiveModel,
        settings: Settings,
        builders: Callable[[], Builders | None] = installed,
    ) -> None:
        self.model, self.limit = model, settings.graph_limit
        self._builders = builders
        self.turns = FairQueue(
            "The graph maker",
            waiting=settings.graph_max_queued,
            wait_seconds=settings.wait_seconds,
        )

    def unavailable(self, kind: Kind) -> str | None:
        """Why graphs of a kind cannot be had, in one sentence; None if they can."""
        builders = self._builders()
        if builders is None:
            return NO_NETWORKX
        if kind == "entities":
            return builders.entity_graph_available()
        return (
            None if self.model.source else f"The entropy model is not loaded: {self.model.reason}"
        )

    def answer(self, request: GraphRequest) -> Document:
        """The graph of a text.

        Raises:
            ProblemError: this kind cannot be had, too many requests wait, or the time is up.
            ClientGoneError: nobody waits for the answer any more.
        """
        reason = self.unavailable(request.kind)
        builders, source = self._builders(), self.model.source
        if reason is not None or builders is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, reason or NO_NETWORKX)
        title, nodes, seed = title_of(request.text), request.max_nodes, request.seed
        limit = deadline.current()
        with self.turns.take(limit.gone, client=limit.name):
            limit.check()
            if request.kind == "entities":
                return builders.entity_graph_of(
                    request.text, title=title, max_nodes=nodes, seed=seed
                )
            assert source is not None
            model = TurnedModel(self.model, source.name, source.threshold, source.max_patch_length)
            return builders.patch_graph_of(
                request.text, model, title=title, max_nodes=nodes, seed=seed
            )


def title_of(text: str) -> str:
    """The first words of a text."""
    words = " ".join(text[: 4 * TITLE_CHARACTERS].split())
    if not words:
        return "An empty text"
    short = words[:TITLE_CHARACTERS]
    return f"“{short}{'…' if len(words) > len(short) else ''}”"
