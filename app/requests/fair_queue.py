"""Turns at something that serves few at a time: clients take turns, and few may wait.

Whoever was served longest ago is next, so somebody who sends many requests waits for themselves
alone; each client's own are served as they came. Where all places to wait are taken, a client who
has none takes the last one of the client who has most.

What was done in a turn took memory; it is given back afterwards.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from app import memory
from app.requests.problems import ProblemError

RETRY_SECONDS = 2
LOOK_SECONDS = 0.25
"""How often somebody who waits is asked whether they still do."""

REMEMBERED = 1000
"""Clients of whom it is known when they were served."""


@dataclass(eq=False)
class Ticket:
    """A request for a turn.

    Attributes:
        client: whose it is.
        long: it takes much longer than others.
        displaced: somebody else has got its place.
    """

    client: str | None
    long: bool = False
    displaced: bool = False


class Slot:
    """A place at what serves; it is given back once, however often it is left."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave

    def leave(self) -> None:
        """Give the place back."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


class FairQueue:
    """The queue in front of something.

    Args:
        what: its name, for people: "The model is busy".
        at_once: how many it serves at the same time.
        waiting: how many may wait meanwhile.
        wait_seconds: how long each of them waits.
    """

    def __init__(
        self, what: str, *, max_concurrent: int = 1, waiting: int = 10, wait_seconds: float = 20.0
    ) -> None:
        self._what, self._max_concurrent = what, max_concurrent
        self._limit, self._wait_seconds = waiting, wait_seconds
        self._changed = threading.Condition()
        self._line: list[Ticket] = []
        self._served: list[Ticket] = []
        self._last: OrderedDict[str | None, None] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._line)

    @property
    def is_full(self) -> bool:
        """Whether one more would be sent away."""
        with self._changed:
            return self._full()

    def take(
        self,
        gone: Callable[[], bool] | None = None,
        *,
        client: str | None = None,
        long: bool = False,
    ) -> Slot:
        """Wait for a place.

        Args:
            gone: whether whoever waits has left; asked every now and then.
            client: who asks; None stands for one client too.
            long: this takes long; of several places one is kept for what is short.

        Raises:
            ProblemError: 503, as too many wait, or this one waited too long or has left.
        """
        with self._changed:
            if self._full():
                self._displace_for(client)
            ticket = Ticket(client, long)
            self._line.append(ticket)
            try:
                self._wait(ticket, gone)
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()
            self._served.append(ticket)
            self._note(client)
        return Slot(lambda: self._left(ticket))

    def _full(self) -> bool:
        waiting = sum(not ticket.displaced for ticket in self._line)
        return waiting >= self._limit + max(0, self._max_concurrent - len(self._served))

    def _displace_for(self, client: str | None) -> None:
        waiting = Counter(ticket.client for ticket in self._line if not ticket.displaced)
        greediest, places = max(waiting.items(), key=lambda pair: pair[1], default=(None, 0))
        if client in waiting or places < 2:
            raise self._busy()
        last = [one for one in self._line if one.client == greediest and not one.displaced][-1]
        last.displaced = True
        self._changed.notify_all()

    def _wait(self, ticket: Ticket, gone: Callable[[], bool] | None) -> None:
        end = time.monotonic() + self._wait_seconds
        while self._next() is not ticket:
            left = end - time.monotonic()
            if ticket.displaced or left <= 0 or (gone is not None and gone()):
                raise self._busy()
            self._changed.wait(min(left, LOOK_SECONDS))

    def _next(self) -> Ticket | None:
        """Whose turn it is, if there is a place for anybody who waits."""
        if len(self._served) >= self._max_concurrent:
            return None
        no_long = sum(ticket.long for ticket in self._served) >= max(1, self._max_concurrent - 1)
        able = [one for one in self._line if not one.displaced and not (one.long and no_long)]
        under_way = Counter(ticket.client for ticket in self._served)
        places = {client: place for place, client in enumerate(self._last)}
        return min(  # of equals the first
            able,
            key=lambda one: (under_way[one.client], places.get(one.client, -1)),
            default=None,
        )

    def _note(self, client: str | None) -> None:
        self._last[client] = None
        self._last.move_to_end(client)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)

    def _left(self, ticket: Ticket) -> None:
        with self._changed:
            self._served.remove(ticket)
            self._changed.notify_all()
        memory.give_back()

    def _busy(self) -> ProblemError:
        return ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{self._what} is busy with other texts; try again in {RETRY_SECONDS} seconds.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
