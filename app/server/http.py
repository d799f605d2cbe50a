"""HTTP by aiohttp: it reads whole requests, and threads answer them without a wait for clients."""

import asyncio
import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from app.clients import CLIENT_HAS_LEFT
from app.problems import outside_of_app
from app.server.process import CONNECTIONS, GRACE_SECONDS, SIGNALS, THREADS
from app.settings import Settings
from app.stopping import stopping

READ_SECONDS, STALL_SECONDS = 15.0, 20.0
BODY_LIMIT, SENDING_LIMIT, SLICE = Settings().body_limit, 32 * 2**20, 64 * 2**10
OPTIONS: Any = {"max_line_size": 4094, "max_field_size": 4096, "max_headers": 64}
OPTIONS |= {"keepalive_timeout": 10.0, "lingering_time": 3.0, "access_log": None}


class Connection(web.RequestHandler):
    """A connection whose errors have the form of those of the app."""

    def handle_error(self, request: Any, status: int = 500, exc: Any = None, *_: Any) -> Any:
        """Return the answer to what is no request, or to one that cannot be answered."""
        if isinstance(exc, ConnectionError) or request.writer.output_size:
            self.abort()
            raise ConnectionAbortedError
        if isinstance(exc, LineTooLong) or "Too many headers" in str(exc):
            status = 431
        elif isinstance(exc, web.RequestPayloadError):
            status = 400
        elif status == 500:
            self.log_exception("a request failed", exc_info=exc)
        response = web.Response(**outside_of_app(408 if status == 504 else status))
        response.force_close()
        return response

    def abort(self) -> None:
        """Close the connection at once, whatever is still to be sent."""
        if self.transport is not None:
            self.transport.abort()


class Server(web.Server):
    """A server of at most ``limit`` connections; ``unsent`` has those that are being answered."""

    def __init__(self, app: Any, limit: int) -> None:
        super().__init__(self.answer)
        self.unsent: dict[Any, int] = {}
        self._app, self._limit = app, limit

    def __call__(self) -> web.RequestHandler:
        """Make a connection; of too many, the oldest that are not answered are closed first."""
        surplus = max(0, len(self.connections) + 1 - self._limit)
        for one in sorted(self.connections, key=self.unsent.__contains__)[:surplus]:
            one.abort()  # type: ignore[attr-defined]  # all are made here
        return Connection(self, loop=asyncio.get_running_loop(), **OPTIONS)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Read the body of a request, unless it is too long, and send what the app answers."""
        body, length, head = bytearray(), request.content_length or 0, list[Any]()
        if request.transport and request.headers.get("Expect", "").lower() == "100-continue":
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with asyncio.timeout(READ_SECONDS):
            while max(length, len(body)) <= BODY_LIMIT and (
                part := await request.content.readany()
            ):
                body += part
        environ = environ_of(request, bytes(body), max(length, len(body)))
        self.unsent[request.protocol] = 0
        try:
            parts = await asyncio.to_thread(self._app, environ, lambda *given: head.append(given))
            try:
                return await self._send(request, head[-1], iter(parts))
            finally:
                await asyncio.to_thread(parts.close)
        finally:
            self.unsent.pop(request.protocol, None)

    async def _send(self, request: web.BaseRequest, head: Any, parts: Any) -> web.StreamResponse:
        status, headers, *_ = head
        response = web.StreamResponse(status=int(status[:3]), reason=status[4:], headers=headers)
        await response.prepare(request)
        while taken := await asyncio.to_thread(
            list, islice(parts, 8 if response.content_length else 1)
        ):
            data = b"".join(taken)
            self.unsent[request.protocol] = len(data)
            while sum(self.unsent.values()) > SENDING_LIMIT:
                most = max(self.unsent, key=self.unsent.__getitem__)
                del self.unsent[most]
                most.abort()
            for at in range(0, len(data), SLICE):
                async with asyncio.timeout(STALL_SECONDS):
                    await response.write(data[at : at + SLICE])
                    await request.writer.drain()
        await response.write_eof()
        return response


def environ_of(request: web.BaseRequest, body: bytes, length: int) -> dict[str, Any]:
    """Return the WSGI environment of a request; ``length`` is what its body is said to have."""
    path, _, query = request.raw_path.encode("utf-8", "surrogateescape").partition(b"?")
    environ: dict[str, Any] = {"wsgi.version": (1, 0), "wsgi.url_scheme": "http"}
    environ |= {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    environ |= {"wsgi.errors": sys.stderr, "wsgi.run_once": False}
    environ |= {"wsgi.multithread": True, "wsgi.multiprocess": False}
    for name in filter(lambda name: "_" not in name, request.headers):
        environ["HTTP_" + name.upper().replace("-", "_")] = ",".join(request.headers.getall(name))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ |= {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "SCRIPT_NAME": ""}
    environ |= {"REQUEST_METHOD": request.method, "REMOTE_ADDR": request.remote or ""}
    environ |= {
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "CONTENT_LENGTH": str(length),
    }
    environ |= {
        "QUERY_STRING": query.decode("latin-1"),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
    }
    environ["SERVER_PROTOCOL"] = f"HTTP/{request.version.major}.{request.version.minor}"
    environ[CLIENT_HAS_LEFT] = getattr(request.transport, "is_closing", lambda: True)
    return environ


async def serve(app: Any, listener: Any, threads: int = THREADS, limit: int = CONNECTIONS) -> None:
    """Answer on the socket ``listener`` until a signal comes or the parent process ends."""
    loop, parent, server = asyncio.get_running_loop(), os.getppid(), Server(app, limit)
    loop.set_default_executor(ThreadPoolExecutor(threads))
    for number in SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    listening = await loop.create_server(server, sock=listener)
    while not stopping.is_set() and os.getppid() == parent:
        await asyncio.sleep(0.1)
    stopping.set()
    listening.close()
    for waiting in set(server.connections) - set(server.unsent):
        waiting.force_close()
    await server.shutdown(GRACE_SECONDS)
    os._exit(0)  # a thread that still works is not waited for
