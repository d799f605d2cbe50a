"""Who is next, and who has to make room."""

import threading
import time
from collections.abc import Callable

import pytest

from app.requests.fair_queue import REMEMBERED, FairQueue, Slot
from app.requests.problems import ProblemError


class Asked:
    """A request in a thread of its own, which keeps its turn until it is told to leave."""

    def __init__(self, turns: FairQueue, client: str, *, long: bool = False) -> None:
        self.turn: Slot | None = None
        self.refused = False
        self._ask: Callable[[], Slot] = lambda: turns.take(client=client, long=long)
        line = turns._line
        before = sum(ticket.client == client for ticket in line)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        until(
            lambda: (
                self.turn is not None
                or self.refused
                or sum(ticket.client == client for ticket in list(line)) > before
            )
        )

    def _run(self) -> None:
        try:
            self.turn = self._ask()
        except ProblemError:
            self.refused = True

    def leave(self) -> None:
        assert self.turn is not None
        self.turn.leave()

    def is_served(self) -> bool:
        return self.turn is not None


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


def order(requests: dict[str, Asked]) -> list[str]:
    """Names of those that wait, as they get their turn, one at a time."""
    found: list[str] = []
    while left := {name: asked for name, asked in requests.items() if name not in found}:
        until(lambda left=left: any(asked.is_served() for asked in left.values()))
        (name,) = [name for name, asked in left.items() if asked.is_served()]
        found.append(name)
        left[name].leave()
    return found


def test_clients_take_turns() -> None:
    turns = FairQueue("It", waiting=10)
    first = Asked(turns, "a")
    line = {name: Asked(turns, name[0]) for name in ("a1", "a2", "a3", "b1", "b2", "c1")}
    first.leave()
    assert order(line) == ["b1", "c1", "a1", "b2", "a2", "a3"]


def test_a_newcomer_takes_the_last_place_of_who_has_most() -> None:
    turns = FairQueue("It", waiting=3)
    first = Asked(turns, "a")
    line = {name: Asked(turns, name[0]) for name in ("a1", "a2", "a3")}
    assert Asked(turns, "a").refused
    line["b1"] = Asked(turns, "b")
    until(lambda: line["a3"].refused)
    line["c1"] = Asked(turns, "c")
    until(lambda: line["a2"].refused)
    assert Asked(turns, "d").refused, "everybody has one place"
    del line["a2"], line["a3"]
    first.leave()
    assert order(line) == ["b1", "c1", "a1"]
    assert turns.waiting == 0


def test_one_place_is_kept_for_the_short() -> None:
    turns = FairQueue("It", max_concurrent=2, waiting=10)
    long = [Asked(turns, name, long=True) for name in ("a", "b")]
    assert [asked.is_served() for asked in long] == [True, False]
    short = Asked(turns, "c")
    until(short.is_served)
    short.leave()
    long[0].leave()
    until(long[1].is_served)
    long[1].leave()


def test_a_single_place_serves_the_long_too() -> None:
    turns = FairQueue("It", max_concurrent=1)
    turns.take(long=True).leave()
    turns.take(long=True).leave()


def test_only_so_many_clients_are_remembered() -> None:
    turns = FairQueue("It")
    for number in range(REMEMBERED + 5):
        turns.take(client=str(number)).leave()
    assert len(turns._last) == REMEMBERED


def test_whoever_waits_too_long_is_sent_away() -> None:
    turns = FairQueue("It", wait_seconds=0.05)
    with turns.take(client="a"), pytest.raises(ProblemError, match="busy"):
        turns.take(client="b")
    assert turns.waiting == 0
    turns.take(client="b").leave()
