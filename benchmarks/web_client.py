"""Small HTTP client, and a server to measure, for the web benchmarks."""

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

ROOT = Path(__file__).parents[1]
BROWSER = "gzip, br"
"""Content encodings that a browser accepts."""


@dataclass
class Answer:
    """Status and body of an HTTP response; the body is still compressed."""

    status: int
    body: bytes


class Client:
    """Client with one keep-alive connection, as a browser has."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._rest = b""
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=120)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def get(self, path: str, *, plain: bool = False) -> Answer:
        """Send a GET request; ``plain`` requests a response that is not compressed."""
        return self._ask(f"GET {path} HTTP/1.1\r\n", b"", "identity" if plain else BROWSER)

    def post(self, path: str, value: Any, accept: str = "*/*") -> Answer:
        """Send a POST request with ``value`` as its JSON body."""
        body = json.dumps(value).encode()
        return self._ask(f"POST {path} HTTP/1.1\r\nAccept: {accept}\r\n", body)

    def until(self, path: str, value: Any, mark: bytes) -> float:
        """Send a POST request for events and leave when ``mark`` has come; return the seconds."""
        body = json.dumps(value).encode()
        first = f"POST {path} HTTP/1.1\r\nAccept: text/event-stream\r\n"
        began, data = time.perf_counter(), b""
        self._socket.sendall(_head(first, len(body), BROWSER) + body)
        while mark not in data:
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionError(f"{path}: no {mark.decode()} has come")
            data += part
        seconds = time.perf_counter() - began
        self._socket.close()
        self._socket, self._rest = self._connect(), b""
        return seconds

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def leave(self, path: str, value: Any) -> None:
        """Send a POST request and close the connection before the answer."""
        body = json.dumps(value).encode()
        self._socket.sendall(_head(f"POST {path} HTTP/1.1\r\n", len(body), BROWSER) + body)
        self._socket.close()
        self._socket, self._rest = self._connect(), b""

    def _ask(self, first: str, body: bytes, encodings: str = BROWSER) -> Answer:
        self._socket.sendall(_head(first, len(body), encodings) + body)
        head = self._until(b"\r\n\r\n").lower()
        status = int(head[9:12])
        if b"transfer-encoding: chunked" in head:
            return Answer(status, b"".join(self._chunks()))
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = Answer(status, self._exactly(length))
        if b"connection: close" in head:
            self._socket.close()
            self._socket, self._rest = self._connect(), b""
        return answer

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._until(b"\r\n"), 16):
            yield self._exactly(size)
            self._until(b"\r\n")
        self._until(b"\r\n")

    def _until(self, end: bytes) -> bytes:
        while end not in self._rest:
            self._more()
        data, _, self._rest = self._rest.partition(end)
        return data

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def _more(self) -> None:
        part = self._socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the server has closed the connection")
        self._rest += part


def _head(first: str, length: int, encodings: str) -> bytes:
    return (
        f"{first}Host: localhost\r\nAccept-Encoding: {encodings}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@dataclass
class Server:
    """The server under test.

    Attributes:
        port: port of the server.
        pid: process id of the parent process of the worker.
        start_seconds: seconds from the start to the first answer.
    """

    port: int
    pid: int
    start_seconds: float


@contextmanager
def serving(
    *arguments: str, request_seconds: float | None = None, root: Path = ROOT
) -> Iterator[Server]:
    """Start ``render_server.py`` on a free port of this machine, and stop it afterwards.

    Args:
        arguments: arguments of the command.
        request_seconds: longest time that the model works for one request; the default if None.
        root: checkout whose server is started.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BLT_")}
    limit = {} if request_seconds is None else {"BLT_REQUEST_SECONDS": f"{request_seconds:g}"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, str(root / "render_server.py"), "--port", str(port), *arguments],
        cwd=root,
        env={**kept, "BLT_METRICS": "on", "BLT_LOG": "json", **limit},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - began < 60:
            try:
                with closing(Client(port)) as client:
                    client.get("/healthz")
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise RuntimeError("the server does not answer")
        yield Server(port, process.pid, round(time.perf_counter() - began, 2))
    finally:
        process.terminate()
        process.wait(timeout=60)
