"""Very many connections: whoever says nothing makes room."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.server.http import OPTIONS
from tests.app.servers import Served, serving, small

HALF = b"GET / HTTP/1.1\r\n"


@contextmanager
def many(served: Served, count: int, data: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections that have sent the same."""
    found: list[socket.socket] = []
    try:
        for _ in range(count):
            found.append(served.raw(data))
        yield found
    finally:
        for connection in found:
            connection.close()


def is_closed(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


def test_silent_connections_keep_nobody_out(tmp_path: Path) -> None:
    with serving(tmp_path / "log.txt", command=small(limit=20)) as served:
        with many(served, 60) as silent:
            began = time.monotonic()
            assert served.patches() == 200
            assert time.monotonic() - began < 4, "before one is closed for its silence"
            assert is_closed(silent[0], 2)
        assert "Traceback" not in served.log.read_text()


def test_of_too_many_connections_the_oldest_make_room(tmp_path: Path) -> None:
    with serving(tmp_path / "log.txt", command=small(limit=40)) as served:
        with many(served, 50, HALF) as begun:
            assert served.get("/healthz")[0] == 200
            assert is_closed(begun[0], 2), "the oldest made room"
            assert not is_closed(begun[-1], 0.1)
        check_times(served)


def check_times(served: Served) -> None:
    """A connection that brings no whole head is closed in time."""
    with served.raw() as silent, served.raw(HALF) as begun:
        assert is_closed(silent, OPTIONS["keepalive_timeout"] + 10)
        assert is_closed(begun, 10)
