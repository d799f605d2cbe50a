"""Answers on their way: what a client does not take at once is kept, and no thread waits for it."""

import selectors
import socket
import time
from collections import deque
from typing import Any

STALL_SECONDS = 20.0
"""A client that takes nothing of an answer for so long is left."""

GRACE_SECONDS = 20.0
RATE = 8 * 1024
"""Bytes a second that a client must take on average once the grace is over."""

PART_LIMIT = 2 * 1024 * 1024
"""An answer that is made in parts is held back while more of it than this is on its way."""

THREAD_SECONDS = 15.0
"""So long may an answer in parts be held back, all in all."""

_SENDS = 8


class Outgoing:
    """A socket whose ``sendall`` keeps what the client does not take at once.

    A stream, which begins with :meth:`settimeout`, waits instead: it needs its thread anyway.

    Args:
        inner: the socket.

    Attributes:
        left: bytes that are kept.
    """

    def __init__(self, inner: socket.socket) -> None:
        self.inner = inner
        self.left = 0
        self._parts: deque[memoryview] = deque()
        self._streams = False
        self._thread_seconds = THREAD_SECONDS
        self._moved = self._until = 0.0

    def __getattr__(self, name: str) -> Any:
        """Everything else is the socket's."""
        return getattr(self.inner, name)

    def settimeout(self, seconds: float | None) -> None:
        """From now on, wait so long for the client to take a part."""
        self._streams = True
        self.inner.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        """Send, or keep, all of ``data``.

        Raises:
            TimeoutError: the client takes too little of a stream, or of an answer in parts.
            OSError: the client has gone.
        """
        if self._streams:
            self.inner.sendall(data)
        elif data:
            self._hold_back()
            self._parts.append(memoryview(data))
            self.left += len(data)
            self.push()

    def push(self) -> bool:
        """Send some of what is kept, without waiting; whether nothing is left.

        Raises:
            OSError: the client has gone.
        """
        self.inner.setblocking(False)
        for _ in range(_SENDS):
            if not self._parts:
                break
            try:
                sent = self.inner.send(self._parts[0])
            except (BlockingIOError, InterruptedError):
                break
            self._moved = time.monotonic()
            self.left -= sent
            self._parts[0] = self._parts[0][sent:]
            if not self._parts[0]:
                self._parts.popleft()
        return not self._parts

    def begin(self) -> None:
        """From now on the client's time runs."""
        self._moved = time.monotonic()
        self._until = self._moved + GRACE_SECONDS + self.left / RATE

    def is_late(self, now: float) -> bool:
        """Whether the client takes too little."""
        return now > self._until or now > self._moved + STALL_SECONDS

    def _hold_back(self) -> None:
        began = time.monotonic()
        while self.left > PART_LIMIT:
            seconds = self._thread_seconds - (time.monotonic() - began)
            if seconds <= 0 or not _writable(self.inner, seconds):
                raise TimeoutError("the client takes too little of the answer")
            self.push()
        self._thread_seconds -= time.monotonic() - began


def _writable(connection: socket.socket, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_WRITE)
        return bool(selector.select(seconds))
