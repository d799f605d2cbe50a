"""Turns at something that serves few at a time: first come, first served, and few may wait.

What was done in a turn took memory; it is given back afterwards.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus

from app import memory
from app.problems import ProblemError

RETRY_SECONDS = 2
LOOK_SECONDS = 0.25
"""How often somebody who waits is asked whether they still do."""


class Turn:
    """A place at what serves; it is given back once, however often it is left."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave

    def leave(self) -> None:
        """Give the place back."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def __enter__(self) -> "Turn":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


class Turns:
    """The queue in front of something.

    Args:
        what: its name, for people: "The model is busy".
        at_once: how many it serves at the same time.
        waiting: how many may wait meanwhile.
        wait_seconds: how long each of them waits.
    """

    def __init__(
        self, what: str, *, at_once: int = 1, waiting: int = 10, wait_seconds: float = 20.0
    ) -> None:
        self._what, self._at_once = what, at_once
        self._limit, self._wait_seconds = waiting, wait_seconds
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._served = 0

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._line)

    @property
    def is_full(self) -> bool:
        """Whether one more would be sent away."""
        with self._changed:
            return self._full()

    def take(self, gone: Callable[[], bool] | None = None) -> Turn:
        """Wait for a place.

        Args:
            gone: whether whoever waits has left; asked every now and then.

        Raises:
            ProblemError: 503, as too many wait, or this one waited too long or has left.
        """
        with self._changed:
            if self._full():
                raise self._busy()
            ticket = object()
            self._line.append(ticket)
            try:
                self._wait(ticket, gone)
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()
            self._served += 1
        return Turn(self._left)

    def _full(self) -> bool:
        return len(self._line) >= self._limit + max(0, self._at_once - self._served)

    def _wait(self, ticket: object, gone: Callable[[], bool] | None) -> None:
        end = time.monotonic() + self._wait_seconds
        while self._line[0] is not ticket or self._served >= self._at_once:
            left = end - time.monotonic()
            if left <= 0 or (gone is not None and gone()):
                raise self._busy()
            self._changed.wait(min(left, LOOK_SECONDS))

    def _left(self) -> None:
        with self._changed:
            self._served -= 1
            self._changed.notify_all()
        memory.give_back()

    def _busy(self) -> ProblemError:
        return ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{self._what} is busy with other texts; try again in {RETRY_SECONDS} seconds.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
