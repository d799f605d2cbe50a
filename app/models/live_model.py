"""The entropy model behind the pages and the API: loaded once, with a fair queue in front of it."""

import logging
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from app.requests import deadline
from app.requests.fair_queue import FairQueue, Slot
from app.requests.problems import ProblemError
from app.settings import ROOT, Settings
from bytelatent.runtime import ByteAnalysis, EntropyRuntime, ModelFileError, Prefixes
from bytelatent.runtime.model_files import is_calibrated

logger = logging.getLogger(__name__)

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Number of cores that this process may use."""

SHORT_BYTES = 4096
"""Largest number of bytes of a short text; longer texts leave a slot to short ones."""


class EntropySource(Protocol):
    """Interface of an entropy model; :class:`bytelatent.runtime.EntropyRuntime` implements it."""

    name: str
    threshold: float
    max_patch_length: int | None

    def analyse_parts(
        self,
        data: bytes,
        *,
        top_k: int = 0,
        between: Callable[[], None] | None = None,
        cores: int = 1,
    ) -> Iterator[ByteAnalysis]:
        """Yield entropies, surprisals and the ``top_k`` most likely next tokens, part by part.

        The function ``between`` is called regularly, also by a further thread if there are two
        ``cores``, and may raise to stop the work.
        """
        ...


class AnalysisStream:
    """Analysis of one text, part by part; each part is computed on demand.

    The owner must close the stream in every case; only then is the slot free for another text.

    Args:
        parts: the parts.
        slot: slot of the queue.
    """

    def __init__(self, parts: Iterator[ByteAnalysis], slot: Slot) -> None:
        self._parts, self._slot = parts, slot

    def __iter__(self) -> Iterator[ByteAnalysis]:
        yield from self._parts

    def close(self) -> None:
        """End the analysis and free the slot, at any point."""
        try:
            if isinstance(self._parts, Generator):
                self._parts.close()
        finally:
            self._slot.leave()


class LiveModel:
    """The entropy model, with the queue in front of it.

    Args:
        source: the entropy model, or None.
        reason: why there is no entropy model, as a message for visitors.
        max_concurrent: number of texts that are measured at the same time.
        max_queued: number of requests that may wait.
        wait_seconds: longest time that a request waits in the queue.

    Attributes:
        queue: the queue.
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
        self.queue = FairQueue(
            "The model",
            max_concurrent=max_concurrent,
            max_queued=max_queued,
            wait_seconds=wait_seconds,
        )

    @property
    def unavailable(self) -> str | None:
        """Sentence that says why no entropy model is loaded; None if one is."""
        return None if self.source else f"The entropy model is not loaded: {self.reason}"

    @classmethod
    def load(cls, settings: Settings) -> "LiveModel":
        """Load the entropy model of ``settings``; if it is missing or damaged, log one line."""
        source: EntropySource | None = None
        reason = None
        try:
            # Several texts, each on one core, take less time than one after the other on all cores.
            source = EntropyRuntime.load(settings.model_folder, threads=1, prefixes=Prefixes())
        except ModelFileError as error:
            logger.error("%s; the gallery and the precomputed examples still work", error)
            reason = without_root(str(error), ROOT)
        if source and not is_calibrated(settings.model_folder, source.threshold):
            logger.warning(
                "the threshold of %s, %.3f nats, is not calibrated; "
                "bytelatent calibrate %s --data TEXT --write finds one",
                *(source.name, source.threshold, settings.model_folder),
            )
        return cls(
            source,
            reason=reason,
            max_concurrent=settings.max_concurrent,
            max_queued=settings.max_queued,
            wait_seconds=settings.wait_seconds,
        )

    def analyse(self, data: bytes, *, top_k: int) -> ByteAnalysis:
        """Wait for a slot and measure ``data`` within the deadline of the current request.

        Raises:
            ProblemError: no entropy model is loaded, the queue is full, the request waited too
                long, or its time limit is over.
            ClientGoneError: the client has left.
        """
        with closing(self.analyse_parts(data, top_k=top_k)) as parts:
            return ByteAnalysis.joined(list(parts))

    def analyse_parts(self, data: bytes, *, top_k: int) -> AnalysisStream:
        """Wait for a slot and return a stream of parts, which the caller must close.

        The errors are those of :meth:`analyse`; some come while the parts are read.
        """
        if self.source is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(self.unavailable))
        limit = deadline.current()
        slot = self.queue.take(limit.gone, client=limit.name, long=len(data) > SHORT_BYTES)
        # Two cores for a text if no other text needs one.
        cores = 2 if CORES > 1 and self.queue.served == 1 and not self.queue.waiting else 1
        parts = self.source.analyse_parts(data, top_k=top_k, between=limit.check, cores=cores)
        return AnalysisStream(parts, slot)


def without_root(message: str, root: Path) -> str:
    """Return ``message`` with relative paths, which hide the checkout's location from visitors."""
    return message.replace(f"{root}/", "")
