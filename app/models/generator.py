"""The BLT that generates texts, within limits and only while the client waits."""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, Protocol

from app.models.costs import Costs
from app.models.live_model import without_root
from app.requests import deadline
from app.requests.fair_queue import FairQueue
from app.requests.problems import ProblemError
from app.settings import ROOT, GenerationLimits, Settings
from bytelatent.generation.events import Event, FinishReason
from bytelatent.generation.options import GenerationOptions, Speculate
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.runtime import BltRuntime

logger = logging.getLogger(__name__)

Ending = FinishReason | Literal["time"]
"""Reason why a text ended: a reason of the model, or ``time`` for a time limit or a stop."""


class TextStreams(Protocol):
    """Interface of texts that are generated together, each read by a thread of its own.

    :class:`bytelatent.generation.shared.SharedGenerator` implements it.
    """

    def text_events(self, prompt: bytes, options: GenerationOptions) -> Iterator[Event]:
        """Generate the tokens of one text as events."""
        ...


class TextSource(Protocol):
    """Interface of a text generator; :class:`bytelatent.runtime.BltRuntime` implements it."""

    name: str

    def shared(self) -> TextStreams:
        """Return streams of texts that run through the model together."""
        ...


@dataclass(frozen=True)
class TextRequest:
    """Request to generate one text, as the model receives it.

    Attributes:
        prompt: bytes that the text continues.
        max_bytes: largest number of bytes of the text.
        sampling: how the next byte is sampled.
        stop: stop texts; the text ends before the first of them that occurs.
        speculate: number of bytes to draft at once, ``auto``, or None for no drafts.
    """

    prompt: bytes
    max_bytes: int
    sampling: SamplingArgs = field(default_factory=SamplingArgs)
    stop: tuple[bytes, ...] = ()
    speculate: Speculate = None


class TextStream:
    """Stream of the events of one text; a few events are computed ahead of the reader.

    The owner must close the stream in every case; only then is the model free for another text.

    Args:
        events: events of one row.
        seconds: time limit; the event during which it ends is the last one.
        gone: function that returns whether the client has left; called after each event.
        leave: function that is called once, at the end.

    Attributes:
        ending: why the text ended; None while it continues, and None if the client left.
    """

    def __init__(
        self,
        events: Iterator[Event],
        *,
        seconds: float,
        gone: Callable[[], bool],
        leave: Callable[[], None],
    ) -> None:
        self.ending: Ending | None = None
        self._events, self._seconds = events, seconds
        self._gone, self._leave = gone, leave

    def __iter__(self) -> Iterator[Event]:
        end = time.monotonic() + self._seconds
        for event in self._events:
            self.ending = event.finish
            over = deadline.stopping.is_set() or time.monotonic() > end
            if self.ending is None and over:
                self.ending = "time"
            yield event
            if self.ending is not None or self._gone():
                return

    def close(self) -> None:
        """Stop the generation, at any point, and free the slot."""
        try:
            if isinstance(self._events, Generator):
                self._events.close()
        finally:
            self._leave()


class TextMaker:
    """A BLT that generates texts, with the queue in front of it.

    Args:
        source: the BLT, or None.
        costs: shapes of the models; None without a BLT.
        reason: why there is no BLT, as a message for visitors.
        limits: limits of one request and of all requests together.
    """

    def __init__(
        self,
        source: TextSource | None,
        costs: Costs | None = None,
        *,
        reason: str | None = None,
        limits: GenerationLimits | None = None,
    ) -> None:
        assert (source is None) == (costs is None)
        self.source, self.costs, self.reason = source, costs, reason
        self.limits = limits or GenerationLimits()
        self._streams = None if source is None else source.shared()
        self._queue = FairQueue(
            "The model",
            max_concurrent=self.limits.max_concurrent,
            max_queued=self.limits.max_queued,
            wait_seconds=self.limits.wait_seconds,
        )

    @classmethod
    def load(cls, settings: Settings) -> "TextMaker":
        """Load the BLT of ``settings``; if it is missing or damaged, log one line."""
        folder = settings.blt_folder
        try:
            source = BltRuntime.load(folder, threads=settings.threads)
            costs = Costs.of(source, folder)
        except ValueError as error:
            logger.error("%s; recorded texts still play", error)
            reason = without_root(str(error), ROOT)
            return cls(None, reason=reason, limits=settings.generation)
        return cls(source, costs, limits=settings.generation)

    def begin(self, request: TextRequest, gone: Callable[[], bool] = lambda: False) -> TextStream:
        """Wait for a slot and begin a text; the caller must close the stream.

        Args:
            request: what to generate.
            gone: function that returns whether the client has left.

        Raises:
            ProblemError: no BLT is loaded, the queue is full, or the BLT cannot generate such a
                text.
        """
        if self._streams is None:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"No model that makes text is loaded: {self.reason}"
            )
        slot = self._queue.take(gone, client=deadline.current().name)
        try:
            options = GenerationOptions(
                request.max_bytes, request.sampling, request.stop, request.speculate
            )
            events = self._streams.text_events(request.prompt, options)
        except ValueError as error:
            slot.leave()
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        except BaseException:
            slot.leave()
            raise
        return TextStream(events, seconds=self.limits.seconds, gone=gone, leave=slot.leave)
