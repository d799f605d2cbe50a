"""The model behind the page: loaded once, asked for few texts at a time, with a fair queue."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from app.requests import deadline as deadline
from app.requests.fair_queue import FairQueue
from app.requests.problems import ProblemError
from app.settings import ROOT, Settings
from bytelatent.runtime import ByteAnalysis, EntropyRuntime, ModelFileError, Prefixes

logger = logging.getLogger(__name__)

SHORT_BYTES = 4096
"""Longer texts leave one of several places at the model to shorter ones."""


class EntropySource(Protocol):
    """What the app needs of a model; :class:`bytelatent.runtime.EntropyRuntime` is one."""

    name: str
    threshold: float
    max_patch_length: int | None

    def analyse(
        self, data: bytes, *, top_k: int = 0, between: Callable[[], None] | None = None
    ) -> ByteAnalysis:
        """Entropies, surprisals and predictions of ``data``; ``between`` may raise to stop."""
        ...


class LiveModel:
    """A model and the queue in front of it.

    Args:
        source: the model, or None.
        reason: why there is none, for people.
        at_once: texts that are measured at the same time.
        waiting_limit: requests that may wait meanwhile.
        wait_seconds: how long each of them waits.

    Attributes:
        turns: the queue.
    """

    def __init__(
        self,
        source: EntropySource | None,
        *,
        reason: str | None = None,
        max_concurrent: int = 1,
        max_queued: int = 10,
        wait_seconds: float = 20.0,
    ) -> None:
        self.source = source
        self.reason = reason
        self.turns = FairQueue(
            "The model",
            max_concurrent=max_concurrent,
            waiting=max_queued,
            wait_seconds=wait_seconds,
        )

    @classmethod
    def load(cls, settings: Settings) -> "LiveModel":
        """Load the model of ``settings``; one that is missing or damaged is logged in one line."""
        source: EntropySource | None = None
        reason = None
        try:
            # Several texts on a core each are done sooner than one after the other on all cores.
            source = EntropyRuntime.load(settings.model_folder, threads=1, prefixes=Prefixes())
        except ModelFileError as error:
            logger.error("%s; the gallery and the precomputed examples still work", error)
            reason = without_root(str(error), ROOT)
        return cls(
            source,
            reason=reason,
            max_concurrent=settings.max_concurrent,
            max_queued=settings.max_queued,
            wait_seconds=settings.wait_seconds,
        )

    def analyse(self, data: bytes, *, top_k: int) -> ByteAnalysis:
        """Ask the model, when it is free, for as long as the request at hand may take.

        Raises:
            ProblemError: there is no model, too many requests wait, this one waited too long, or
                its time is up.
            ClientGoneError: nobody waits for the answer any more.
        """
        if self.source is None:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"The entropy model is not loaded: {self.reason}"
            )
        limit = deadline.current()
        with self.turns.take(limit.gone, client=limit.name, long=len(data) > SHORT_BYTES):
            return self.source.analyse(data, top_k=top_k, between=limit.check)


def without_root(message: str, root: Path) -> str:
    """``message`` with paths of the checkout made relative: visitors need not know where it is."""
    return message.replace(f"{root}/", "")
