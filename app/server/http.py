"""HTTP server on aiohttp: it reads whole requests, and threads call the WSGI app for them."""

import asyncio
import io
import os
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import chain, islice
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from app.requests.clients import CLIENT_HAS_LEFT
from app.requests.problems import outside_of_app
from app.requests.stopping import stopping
from app.server.process import CONNECTIONS, GRACE_SECONDS, SIGNALS, THREADS
from app.settings import Settings

READ_SECONDS, STALL_SECONDS = 15.0, 20.0
BODY_LIMIT, SENDING_LIMIT, SLICE = Settings().body_limit, 32 * 2**20, 64 * 2**10
OPTIONS: Any = {"max_line_size": 4094, "max_field_size": 4096, "max_headers": 64}
OPTIONS |= {"keepalive_timeout": 10.0, "lingering_time": 3.0}
OPTIONS |= {"access_log": None, "auto_decompress": False}


class Connection(web.RequestHandler):
    """HTTP connection that answers errors with problem documents, as the app does."""

    def handle_error(self, request: Any, status: int = 500, exc: Any = None, *_: Any) -> Any:
        """Return a problem document for bytes that are no request, or for a request that failed."""
        transport, of_client = request.transport, (ConnectionError, web.RequestPayloadError)
        if status == 500 and transport is not None and not isinstance(exc, of_client):
            self.log_exception("a request failed", exc_info=exc)
        if transport is None or isinstance(exc, ConnectionError) or request.writer.output_size:
            if transport is not None:
                transport.abort()
            raise ConnectionAbortedError
        if isinstance(exc, LineTooLong) or "Too many headers" in str(exc):
            status = 431
        elif isinstance(exc, web.RequestPayloadError):
            status = 400
        response = web.Response(**outside_of_app(408 if status == 504 else status))
        response.force_close()
        return response


class Server(web.Server):
    """HTTP server with at most ``limit`` open connections.

    Attributes:
        unsent: number of bytes being sent on each connection with a request in progress.
    """

    def __init__(self, app: Any, limit: int) -> None:
        super().__init__(self.answer)
        self._app, self._limit, self.unsent = app, limit, dict[Any, int]()

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of a new connection."""
        return Connection(self, loop=asyncio.get_running_loop(), **OPTIONS)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Register a new connection.

        If there are more than ``limit`` connections, the oldest are closed, those without a request
        in progress first.
        """
        super().connection_made(handler, transport)
        known = [each.transport for each in self.connections if each.transport is not None]
        surplus = max(0, len(known) - self._limit)
        for oldest in sorted(known, key=self.unsent.__contains__)[:surplus]:
            oldest.abort()

    async def answer(self, request: web.BaseRequest) -> Any:
        """Read the body of a request, unless it is too long, and send the response of the app."""
        transport: Any = request.transport
        transport.set_write_buffer_limits(0)  # so that a drain waits for the last byte
        if request.headers.get("Expect", "").lower() == "100-continue":
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        content, body, length = request.content, bytearray(), request.content_length or 0
        async with asyncio.timeout(READ_SECONDS):
            while max(length, len(body)) <= BODY_LIMIT and (part := await content.readany()):
                body += part
        environ = environ_of(request, bytes(body), max(length, len(body)))
        # One context for all threads: Flask keeps the request there while a body is made.
        within: Any = copy_context().run
        run = partial(asyncio.get_running_loop().run_in_executor, None, within)
        parts: Any = answer_of(self._app, environ)
        self.unsent[transport] = 0
        try:
            return await self._send(request, transport, parts, run)
        finally:
            self.unsent.pop(transport, None)
            if parts.gi_frame is not None:
                await run(parts.close)

    async def _send(self, request: Any, transport: Any, parts: Any, run: Any) -> Any:
        (status, headers, *_), *taken = await run(list, islice(parts, 2))
        response = web.StreamResponse(status=int(status[:3]), reason=status[4:], headers=headers)
        await response.prepare(request)
        parts_at_a_time = 8 if response.content_length else 1  # a stream sends each part at once
        try:
            while taken:
                data = b"".join(taken)
                self.unsent[transport] = len(data)
                if sum(self.unsent.values()) > SENDING_LIMIT:
                    max(self.unsent, key=self.unsent.__getitem__).abort()
                for at in range(0, len(data), SLICE):
                    async with asyncio.timeout(STALL_SECONDS):
                        await response.write(data[at : at + SLICE])
                        await request.writer.drain()
                taken = await run(list, islice(parts, parts_at_a_time))
        finally:
            taken, data = [], b""  # else the traceback of an error keeps them
        await response.write_eof()
        return response


def environ_of(request: web.BaseRequest, body: bytes, length: int) -> dict[str, Any]:
    """Return the WSGI environment of a request; ``length`` is the value of ``CONTENT_LENGTH``."""
    path, _, query = request.raw_path.encode("utf-8", "surrogateescape").partition(b"?")
    environ: dict[str, Any] = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "SCRIPT_NAME": ""}
    environ |= {"REQUEST_METHOD": request.method, "REMOTE_ADDR": request.remote or ""}
    environ |= {"PATH_INFO": unquote_to_bytes(path).decode("latin-1")}
    environ |= {"QUERY_STRING": query.decode("latin-1"), "CONTENT_LENGTH": str(length)}
    environ |= {"CONTENT_TYPE": request.headers.get("Content-Type", "")}
    environ["SERVER_PROTOCOL"] = f"HTTP/{request.version.major}.{request.version.minor}"
    for name in filter(lambda name: "_" not in name, request.headers):
        environ["HTTP_" + name.upper().replace("-", "_")] = ",".join(request.headers.getall(name))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ |= {"wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.run_once": False}
    environ |= {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    environ |= {"wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False}
    environ[CLIENT_HAS_LEFT] = getattr(request.transport, "is_closing", lambda: True)
    return environ


def answer_of(app: Any, environ: dict[str, Any]) -> Generator[Any, None, None]:
    """Yield status and headers of the response of ``app``, then its body part by part."""
    head: list[Any] = []
    body = app(environ, lambda *given: head.append(given))
    try:
        yield from chain(head, body)
    finally:
        body.close()


async def serve(app: Any, listener: Any, threads: int = THREADS, limit: int = CONNECTIONS) -> None:
    """Answer requests on the socket ``listener`` until a signal comes or the parent ends."""
    loop, parent, server = asyncio.get_running_loop(), os.getppid(), Server(app, limit)
    loop.set_default_executor(ThreadPoolExecutor(threads))
    for number in SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    listening = await loop.create_server(server, sock=listener)
    while not stopping.is_set() and os.getppid() == parent:
        await asyncio.sleep(0.1)
    stopping.set()
    listening.close()
    for connection in server.connections:
        if connection.transport not in server.unsent:
            connection.force_close()
    await server.shutdown(GRACE_SECONDS)
    os._exit(0)  # a thread that still works is not waited for
