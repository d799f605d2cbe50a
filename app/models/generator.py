"""The BLT behind the page: makes one text at a time, within limits, for clients that are there."""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, Protocol

from app.models.costs import Costs
from app.models.live_model import without_root
from app.requests import deadline as deadline
from app.requests.fair_queue import FairQueue
from app.requests.problems import ProblemError
from app.settings import ROOT, GenerationLimits, Settings
from bytelatent.generation.events import Event, FinishReason
from bytelatent.generation.run import Speculate
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.runtime import BltRuntime

logger = logging.getLogger(__name__)

Ending = FinishReason | Literal["time"]
"""As the model ends a text, or its time is over: one request's, or that of the server."""


class TextSource(Protocol):
    """What the app needs of a BLT; :class:`bytelatent.runtime.BltRuntime` is one."""

    name: str

    def stream(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int,
        sampling: SamplingArgs | None,
        stop: Sequence[bytes],
        speculate: Speculate,
    ) -> Iterator[Event]:
        """The tokens of all rows as they come."""
        ...


@dataclass(frozen=True)
class GenerationRequest:
    """A text to be made.

    Attributes:
        prompt: bytes that it goes on from.
        max_bytes: of it at most.
        sampling: how a byte is chosen.
        stop: it ends in front of the first of these.
        speculate: bytes to draft in one go, ``auto`` or None.
    """

    prompt: bytes
    max_bytes: int
    sampling: SamplingArgs = field(default_factory=SamplingArgs)
    stop: tuple[bytes, ...] = ()
    speculate: Speculate = None


class Text:
    """A text in the making: its events, each made when it is asked for; no thread is behind it.

    Whoever holds it must close it, however far it came: only then is the model free for others.

    Args:
        events: of its one row.
        seconds: that it may take; the event during which they are over is the last one.
        gone: whether whoever reads it has left; asked after each event.
        leave: called once, at the end.

    Attributes:
        ending: why it has ended; None while it goes on, and when the reader has left.
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
        """End the work, wherever it stands."""
        try:
            if isinstance(self._events, Generator):
                self._events.close()
        finally:
            self._leave()


class TextMaker:
    """A BLT and the queue in front of it.

    Args:
        source: the model, or None.
        costs: its shapes; None if there is no model.
        reason: why there is none, for people.
        limits: what one request, and all of them together, may take.
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
        self._turns = FairQueue(
            "The model",
            max_concurrent=self.limits.max_concurrent,
            waiting=self.limits.waiting,
            wait_seconds=self.limits.wait_seconds,
        )

    @classmethod
    def load(cls, settings: Settings) -> "TextMaker":
        """Load the BLT of ``settings``; one that is missing or damaged is logged in one line."""
        folder = settings.blt_folder
        try:
            source = BltRuntime.load(folder, threads=settings.threads)
            costs = Costs.of(source, folder)
        except ValueError as error:
            logger.error("%s; recorded texts still play", error)
            reason = without_root(str(error), ROOT)
            return cls(None, reason=reason, limits=settings.generation)
        return cls(source, costs, limits=settings.generation)

    def begin(self, wanted: GenerationRequest, gone: Callable[[], bool] = lambda: False) -> Text:
        """Begin a text as soon as it is its turn; it has to be closed.

        Args:
            wanted: what to make.
            gone: whether whoever asked has left.

        Raises:
            ProblemError: there is no model, or too many wait, or it cannot make such a text.
        """
        if self.source is None:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"No model that makes text is loaded: {self.reason}"
            )
        turn = self._turns.take(gone, client=deadline.current().name)
        try:
            events = self.source.stream(
                [wanted.prompt],
                max_bytes=wanted.max_bytes,
                sampling=wanted.sampling,
                stop=wanted.stop,
                speculate=wanted.speculate,
            )
        except ValueError as error:
            turn.leave()
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        except BaseException:
            turn.leave()
            raise
        return Text(events, seconds=self.limits.seconds, gone=gone, leave=turn.leave)
