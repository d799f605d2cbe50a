"""The real server, as ``python render_server.py`` starts it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.settings import ROOT

PATIENCE = 180.0
"""Seconds that a client waits on a busy machine; far more than the time limit of a request."""


@dataclass
class Served:
    """A running server.

    Attributes:
        port: where it listens, on this machine.
        log: what it has written.
        process: the one that watches the worker.
    """

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; ``body`` is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        data = None if body is None else json.dumps(body)
        with closing(connection):
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a page."""
        status, _, body = self.request("GET", path)
        return status, body

    def patches(self, text: str = "the cat sat") -> int:
        """Status of a measured text."""
        return self.request("POST", "/api/patches", {"text": text})[0]

    def raw(self, data: bytes = b"") -> socket.socket:
        """A connection that has sent some bytes."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sendall(data)
        return connection

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        pid = self.process.pid
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]


SMALL = """
import asyncio, socket
import render_server
from app.server import http
listener = socket.create_server(("127.0.0.1", {{port}}))
asyncio.run(http.serve(render_server.app, listener, threads={threads}, limit={limit}))
"""


def small(threads: int = 2, limit: int = 400) -> tuple[str, str]:
    """Return a command that serves with so many threads and connections."""
    return "-c", SMALL.format(threads=threads, limit=limit)


def read_all(connection: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def serving(
    log: Path,
    *arguments: str,
    command: tuple[str, ...] = (),
    folder: Path = ROOT,
    **environment: str,
) -> Iterator[Served]:
    """Start the server of the checkout in ``folder`` on a free port; stop it in the end.

    ``{port}`` stands for the port in the words of a command and in the environment.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ours = ("PORT", "FLASK_DEBUG")
    kept = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith("BLT_")}
    command = command or ("render_server.py", "--port", "{port}")
    given = {name: value.format(port=port) for name, value in environment.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *(part.format(port=port) for part in command), *arguments],
            cwd=folder,
            env={**kept, "OMP_NUM_THREADS": "1", **given},
            stdout=output,
            stderr=output,
        )
        served = Served(port, log, process)
        try:
            _wait(served)
            yield served
        finally:
            process.terminate()
            process.wait(40)


def _wait(served: Served) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert served.process.poll() is None, served.log.read_text()
        try:
            served.get("/healthz")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server does not answer")
