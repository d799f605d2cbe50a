"""Tests of the fair queue: who is served next, and who loses a waiting place."""

import threading
import time
from collections.abc import Callable

import pytest

from app.requests.fair_queue import REMEMBERED, FairQueue, Slot
from app.requests.problems import ProblemError


class QueuedRequest:
    """A request in a thread of its own, which keeps its slot until :meth:`leave`."""

    def __init__(self, queue: FairQueue, client: str, *, long: bool = False) -> None:
        self.slot: Slot | None = None
        self.refused = False
        self._ask: Callable[[], Slot] = lambda: queue.take(client=client, long=long)
        tickets = queue._tickets
        before = sum(ticket.client == client for ticket in tickets)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        until(
            lambda: (
                self.slot is not None
                or self.refused
                or sum(ticket.client == client for ticket in list(tickets)) > before
            )
        )

    def _run(self) -> None:
        try:
            self.slot = self._ask()
        except ProblemError:
            self.refused = True

    def leave(self) -> None:
        assert self.slot is not None
        self.slot.leave()

    def is_served(self) -> bool:
        return self.slot is not None


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


def order(requests: dict[str, QueuedRequest]) -> list[str]:
    """Names of those that wait, in the order in which they get a slot."""
    served: list[str] = []
    while left := {name: request for name, request in requests.items() if name not in served}:
        until(lambda left=left: any(request.is_served() for request in left.values()))
        (name,) = [name for name, request in left.items() if request.is_served()]
        served.append(name)
        left[name].leave()
    return served


def test_clients_take_turns() -> None:
    queue = FairQueue("It", max_queued=10)
    first = QueuedRequest(queue, "a")
    requests = {
        name: QueuedRequest(queue, name[0]) for name in ("a1", "a2", "a3", "b1", "b2", "c1")
    }
    first.leave()
    assert order(requests) == ["b1", "c1", "a1", "b2", "a2", "a3"]


def test_a_newcomer_takes_the_last_place_of_who_has_most() -> None:
    queue = FairQueue("It", max_queued=3)
    first = QueuedRequest(queue, "a")
    requests = {name: QueuedRequest(queue, name[0]) for name in ("a1", "a2", "a3")}
    assert QueuedRequest(queue, "a").refused
    requests["b1"] = QueuedRequest(queue, "b")
    until(lambda: requests["a3"].refused)
    requests["c1"] = QueuedRequest(queue, "c")
    until(lambda: requests["a2"].refused)
    assert QueuedRequest(queue, "d").refused, "everybody has one place"
    del requests["a2"], requests["a3"]
    first.leave()
    assert order(requests) == ["b1", "c1", "a1"]
    assert queue.waiting == 0


def test_one_place_is_kept_for_the_short() -> None:
    queue = FairQueue("It", max_concurrent=2, max_queued=10)
    long = [QueuedRequest(queue, name, long=True) for name in ("a", "b")]
    assert [request.is_served() for request in long] == [True, False]
    short = QueuedRequest(queue, "c")
    until(short.is_served)
    short.leave()
    long[0].leave()
    until(long[1].is_served)
    long[1].leave()


def test_a_single_place_serves_the_long_too() -> None:
    queue = FairQueue("It", max_concurrent=1)
    queue.take(long=True).leave()
    queue.take(long=True).leave()


def test_only_so_many_clients_are_remembered() -> None:
    queue = FairQueue("It")
    for number in range(REMEMBERED + 5):
        queue.take(client=str(number)).leave()
    assert len(queue._last_served) == REMEMBERED


def test_whoever_waits_too_long_is_sent_away() -> None:
    queue = FairQueue("It", wait_seconds=0.05)
    with queue.take(client="a"), pytest.raises(ProblemError, match="busy"):
        queue.take(client="b")
    assert queue.waiting == 0
    queue.take(client="b").leave()
