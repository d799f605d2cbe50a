"""Answers that are kept until their client takes them."""

import socket
import time
from collections.abc import Iterator

import pytest

from app import sending
from app.clients import Client
from app.sending import GRACE_SECONDS, PART_LIMIT, RATE, STALL_SECONDS, Outgoing

Pair = tuple[Outgoing, socket.socket]
MUCH = bytes(range(256)) * 4096


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(5)
        yield Outgoing(ours), theirs


def test_nothing_waits_and_nothing_is_lost(pair: Pair) -> None:
    outgoing, client = pair
    outgoing.sendall(b"head")
    assert outgoing.left == 0
    outgoing.sendall(b"")
    outgoing.sendall(MUCH)
    outgoing.sendall(b"tail")
    assert 0 < outgoing.left < len(MUCH) + 4
    taken = b""
    while len(taken) < len(MUCH) + 8:
        taken += client.recv(65536)
        outgoing.push()
    assert taken == b"head" + MUCH + b"tail"
    assert outgoing.push()
    assert outgoing.left == 0


def test_an_answer_in_parts_is_held_back(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "THREAD_SECONDS", 0.2)
    outgoing = Outgoing(pair[0].inner)
    began = time.monotonic()
    while outgoing.left <= PART_LIMIT:
        outgoing.sendall(MUCH)
    with pytest.raises(TimeoutError, match="too little"):
        outgoing.sendall(MUCH)
    assert outgoing.left < PART_LIMIT + 2 * len(MUCH)
    assert time.monotonic() - began < 3


def test_a_client_that_takes_too_little_is_late(pair: Pair) -> None:
    outgoing, _ = pair
    outgoing.sendall(MUCH)
    outgoing.begin()
    now = time.monotonic()
    assert not outgoing.is_late(now + STALL_SECONDS - 1)
    assert outgoing.is_late(now + STALL_SECONDS + 1)
    whole = GRACE_SECONDS + outgoing.left / RATE
    outgoing._moved = now + whole
    assert not outgoing.is_late(now + whole - 1)
    assert outgoing.is_late(now + whole + 1), "however steadily it takes a little"


def test_a_stream_waits_for_its_client(pair: Pair) -> None:
    outgoing, client = pair
    Client({"gunicorn.socket": outgoing}).must_take(0.1)
    outgoing.sendall(b"one")
    assert client.recv(10) == b"one"
    with pytest.raises(TimeoutError):
        outgoing.sendall(4 * MUCH)
    assert outgoing.left == 0


def test_whether_the_client_is_there(pair: Pair) -> None:
    outgoing, theirs = pair
    client = Client({"gunicorn.socket": outgoing})
    assert not client.gone()
    theirs.close()
    assert client.gone()
    with pytest.raises(BrokenPipeError):
        outgoing.sendall(MUCH)
