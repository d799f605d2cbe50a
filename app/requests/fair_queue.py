"""A fair queue in front of a resource that serves a few requests at a time.

Clients are served in rotation: the client that was served least recently is next, so a client with
many requests delays only itself. The requests of one client are served in the order of their
arrival. When the queue is full, a client without a waiting request replaces the last request of the
client that has the most waiting requests.

After each request the process returns free memory to the operating system.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from app.requests import memory
from app.requests.problems import RETRY_SECONDS, ProblemError

LOOK_SECONDS = 0.25
"""Seconds between two checks whether the client of a waiting request has left."""

REMEMBERED = 1000
"""Number of clients whose last service is remembered."""


@dataclass(eq=False)
class Ticket:
    """A request for a slot.

    Attributes:
        client: client that the request is counted for.
        long: whether the request takes much longer than others.
        displaced: whether the request of another client has replaced this one.
    """

    client: str | None
    long: bool = False
    displaced: bool = False


class Slot:
    """Permission to use the resource; only the first call of :meth:`leave` has an effect."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave

    def leave(self) -> None:
        """Return the slot to the queue."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


class FairQueue:
    """Queue in front of a resource.

    Args:
        what: name of the resource in messages, as in "The model is busy".
        max_concurrent: number of requests that the resource serves at the same time.
        max_queued: number of requests that may wait.
        wait_seconds: longest time that a request waits.
    """

    def __init__(
        self,
        what: str,
        *,
        max_concurrent: int = 1,
        max_queued: int = 10,
        wait_seconds: float = 20.0,
    ) -> None:
        self._what, self._max_concurrent = what, max_concurrent
        self._limit, self._wait_seconds = max_queued, wait_seconds
        self._changed = threading.Condition()
        self._tickets: list[Ticket] = []
        self._served: list[Ticket] = []
        self._last_served: OrderedDict[str | None, None] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Number of requests that wait now."""
        return len(self._tickets)

    @property
    def served(self) -> int:
        """Number of requests that have a slot now."""
        return len(self._served)

    @property
    def is_full(self) -> bool:
        """Whether the next request would be refused."""
        with self._changed:
            return self._full()

    def take(
        self,
        gone: Callable[[], bool] | None = None,
        *,
        client: str | None = None,
        long: bool = False,
    ) -> Slot:
        """Wait for a slot and return it.

        Args:
            gone: function that returns whether the client has left; called regularly.
            client: client that the request is counted for; None also counts as one client.
            long: whether the request takes long; one of several slots is reserved for short
                requests.

        Raises:
            ProblemError: 503 if the queue is full, the request waited too long or the client has
                left.
        """
        with self._changed:
            if self._full():
                self._displace_for(client)
            ticket = Ticket(client, long)
            self._tickets.append(ticket)
            try:
                self._wait(ticket, gone)
            finally:
                self._tickets.remove(ticket)
                self._changed.notify_all()
            self._served.append(ticket)
            self._note(client)
        return Slot(lambda: self._left(ticket))

    def _full(self) -> bool:
        waiting = sum(not ticket.displaced for ticket in self._tickets)
        return waiting >= self._limit + max(0, self._max_concurrent - len(self._served))

    def _displace_for(self, client: str | None) -> None:
        waiting = Counter(ticket.client for ticket in self._tickets if not ticket.displaced)
        greediest, count = max(waiting.items(), key=lambda pair: pair[1], default=(None, 0))
        if client in waiting or count < 2:
            raise self._busy()
        last = [
            ticket
            for ticket in self._tickets
            if ticket.client == greediest and not ticket.displaced
        ][-1]
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
        """Return the ticket that is served next, or None if no slot is free or no ticket waits."""
        if len(self._served) >= self._max_concurrent:
            return None
        no_long = sum(ticket.long for ticket in self._served) >= max(1, self._max_concurrent - 1)
        able = [
            ticket
            for ticket in self._tickets
            if not ticket.displaced and not (ticket.long and no_long)
        ]
        under_way = Counter(ticket.client for ticket in self._served)
        served_rank = {client: rank for rank, client in enumerate(self._last_served)}
        return min(  # the first of equal tickets
            able,
            key=lambda ticket: (under_way[ticket.client], served_rank.get(ticket.client, -1)),
            default=None,
        )

    def _note(self, client: str | None) -> None:
        self._last_served[client] = None
        self._last_served.move_to_end(client)
        if len(self._last_served) > REMEMBERED:
            self._last_served.popitem(last=False)

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
