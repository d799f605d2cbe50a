"""Very many connections: whoever says nothing makes room."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.connections import FIRST_BYTE_SECONDS, OF_ONE_ADDRESS
from tests.app.servers import Served, serving

GUNICORN = ("-m", "gunicorn", "render_server:app", "--bind", "127.0.0.1:{port}", "--threads", "2")

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
    command = (*GUNICORN, "--worker-connections", "20")
    with serving(tmp_path / "log.txt", command=command) as served:
        with many(served, 60) as silent:
            began = time.monotonic()
            assert served.patches() == 200
            assert time.monotonic() - began < 4, "before one is closed for its silence"
            assert is_closed(silent[0], 2)
        assert "Traceback" not in served.log.read_text()


def test_one_address_has_so_many_connections(tmp_path: Path) -> None:
    with serving(tmp_path / "log.txt", command=GUNICORN) as served:
        check_times(served)
        with many(served, OF_ONE_ADDRESS + 10, HALF) as begun:
            assert served.get("/healthz")[0] == 200
            assert is_closed(begun[0], 2), "the oldest made room"
            assert not is_closed(begun[-1], 0.1)


def test_a_proxy_speaks_for_many(tmp_path: Path) -> None:
    proxies = {"BLT_TRUSTED_PROXIES": "1"}
    with (
        serving(tmp_path / "log.txt", command=GUNICORN, **proxies) as served,
        many(served, OF_ONE_ADDRESS + 10, HALF) as begun,
    ):
        assert served.get("/healthz")[0] == 200
        assert not is_closed(begun[0], 0.5)


def check_times(served: Served) -> None:
    """A silent connection is closed in time, one that has begun is told why."""
    with served.raw() as silent, served.raw(HALF) as begun:
        assert is_closed(silent, FIRST_BYTE_SECONDS + 5)
        begun.settimeout(25)
        assert begun.recv(100).startswith(b"HTTP/1.1 408 ")
