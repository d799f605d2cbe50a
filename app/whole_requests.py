"""A gunicorn worker whose threads see whole requests only.

gunicorn's threaded worker gives a connection to a thread and lets it read there for as long as the
client likes, so a dozen clients that send a byte now and then keep everybody else out. Here what
arrives is gathered without waiting; an unfinished connection goes back to the event loop, which
waits for all of them at once. A thread gets a connection when its request is complete, or as much
of it as decides its fate. Answers go the same way: what a client does not take at once is sent on
by the event loop (:mod:`app.connections`); that client's next request is looked at afterwards.

It builds on inner parts of gunicorn 27's ``gthread``; ``tests/app/test_whole_requests.py`` fails if
they change.
"""

import errno
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from gunicorn.workers import gthread

from app.connections import FIRST_BYTE_SECONDS, REFUSAL, Connection, Connections
from app.sending import Outgoing
from app.settings import Settings
from app.stopping import stopping

READ_SECONDS = 15.0
"""A request must arrive in that time, from its first byte to its last."""

HEAD_LIMIT = 32 * 1024
BODY_LIMIT = Settings().body_limit
HELD_LIMIT = 32 * 1024 * 1024
"""Bytes of unfinished requests, of all clients together."""

DRAIN_SECONDS = 3.0
"""A refused request is read on for so long, or its answer would get lost with the connection."""

DRAIN_LIMIT = 16 * 1024 * 1024
_RECEIVE = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:([^\r\n]*)", re.I)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.I)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.I)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]{0,64}\r\n")
_SENDING = object()
"""What a thread returns when its answer is not taken yet."""


@dataclass
class Arriving:
    """A request on its way.

    Attributes:
        until: moment by which it must be here.
        data: what has come.
        refused: too long or malformed, so nothing more is waited for.
    """

    until: float
    data: bytearray = field(default_factory=bytearray)
    refused: bool = False
    _body_at: int = -1
    _chunk_at: int = -1
    _continued: bool = False

    def is_whole(self) -> bool:
        """Whether there is nothing to wait for: it is complete, or refused whatever comes."""
        if self._body_at < 0:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                self.refused = len(self.data) > HEAD_LIMIT
                return self.refused
            self._body_at = self._chunk_at = end + 4
        head, body = bytes(self.data[: self._body_at]), len(self.data) - self._body_at
        length = _LENGTH.search(head)
        if _CHUNKED.search(head):
            self.refused = body > BODY_LIMIT
            return self.refused or self._has_last_chunk()
        if length is None:
            return True
        digits = length[1].strip()
        self.refused = not digits.isdigit() or len(digits) > 12 or int(digits) > BODY_LIMIT
        return self.refused or body >= int(digits)

    def asks_to_continue(self) -> bool:
        """Whether the client holds its body back until it is told to send it; true once."""
        if self._continued or self._body_at < 0 or len(self.data) > self._body_at:
            return False
        self._continued = bool(_EXPECTS.search(bytes(self.data[: self._body_at])))
        return self._continued

    def _has_last_chunk(self) -> bool:
        while found := _CHUNK.match(self.data, self._chunk_at):
            size = int(found[1], 16)
            if size == 0:
                return self.data.find(b"\r\n\r\n", found.end() - 2) >= 0
            self._chunk_at = found.end() + size + 2
            self.refused = self._chunk_at - self._body_at > BODY_LIMIT
            if self.refused:
                return True
        # Nothing that looks like the size of a chunk: the parser shall say so.
        self.refused = len(self.data) - self._chunk_at > 80
        return self.refused

    @property
    def too_long(self) -> bool:
        """Whether more was sent or announced than any body may have."""
        return max(len(self.data), self._chunk_at) - self._body_at > BODY_LIMIT


@dataclass
class Rest:
    """A socket for whoever still wants more of a request: as long as there is time.

    Attributes:
        inner: the socket.
        until: moment by which the request must be here.
    """

    inner: socket.socket
    until: float

    def recv(self, size: int) -> bytes:
        """Some bytes; a client that is too slow looks like one that has left."""
        left = self.until - time.monotonic()
        if left > 0:
            self.inner.settimeout(left)
            try:
                return self.inner.recv(size)
            except TimeoutError:
                pass
        raise ConnectionResetError(errno.ECONNRESET, "the request came too slowly")


class Worker(Connections):
    """The threaded worker of gunicorn, for clients of any speed."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop: requests under way are finished, streams end."""
        stopping.set()
        super().handle_exit(sig, frame)

    def handle(self, conn: Connection) -> Any:
        """Gather what has come, and answer once that is a request. Runs in a thread."""
        if self.cfg.is_ssl or self.cfg.http2_cleartext != "off":
            return super().handle(conn)
        if conn.drain_until is not None:
            return self._drain(conn)
        if conn.parting:
            return self._part(conn)
        arriving = conn.arriving or self._begin(conn)
        complete = self._gather(conn, arriving)
        if complete is not True:
            return complete
        conn.arriving, conn.arrived = None, arriving
        conn.init()
        conn.parser.unreader.unread(bytes(arriving.data))
        conn.parser.unreader.sock = Rest(conn.sock, 0 if arriving.refused else arriving.until)
        conn.kept = bool(super().handle(conn))
        return _SENDING if conn.outgoing else conn.kept or self._part(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer; what the client does not take at once is left for the event loop."""
        if conn.arrived is None:  # TLS, which is gunicorn's own affair
            return super().handle_request(req, conn)
        if conn.arrived.refused:
            req.force_close()
        if conn.arrived.too_long and "TRANSFER-ENCODING" in dict(req.headers):
            # The app shall refuse it like one that told its length, without reading.
            kept = [field for field in req.headers if field[0] != "TRANSFER-ENCODING"]
            req.headers = [*kept, ("CONTENT-LENGTH", str(BODY_LIMIT + 1))]
        inner, outgoing = conn.sock, Outgoing(conn.sock)
        conn.sock = outgoing
        try:
            keep = super().handle_request(req, conn)
        except TimeoutError:
            return False
        finally:
            conn.sock = inner
        conn.outgoing = outgoing if outgoing.left else None
        return keep

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """Close here what needs no wait; gunicorn would wait for the client in the event loop."""
        failed = fs.cancelled() or fs.exception() is not None
        result = False if failed else fs.result()
        if result is _SENDING:
            self.send_on(conn)
        elif result is False or (result is gthread._DEFER and not self.alive):
            self._forget(conn)
        else:
            super().finish_request(conn, fs)
            if result is gthread._DEFER:
                conn.timeout = self._time_of(conn)
            self.keep_room()

    def _time_of(self, conn: Connection) -> float:
        """Moment at which a connection that waits for its client is closed."""
        if conn.drain_until is not None:
            return conn.drain_until
        if conn.arriving is not None and conn.arriving.data:
            return float(conn.arriving.until)
        return time.monotonic() + FIRST_BYTE_SECONDS

    def _cap_keepalive(self, deadline: float) -> None:
        """A stop waits as little for requests that have only begun as for the next ones."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _begin(self, conn: Connection) -> Arriving:
        arriving = conn.arriving = Arriving(time.monotonic() + READ_SECONDS)
        if conn.initialized:  # the request before may have brought the beginning of this one
            arriving.data += conn.parser.unreader.take_buffered()
        return arriving

    def _gather(self, conn: Connection, arriving: Arriving) -> Any:
        """True if the request is here, else what becomes of the connection."""
        conn.sock.setblocking(False)
        try:
            while not arriving.is_whole():
                part = conn.sock.recv(_RECEIVE)
                if not part:
                    return False
                if not arriving.data:
                    arriving.until = time.monotonic() + READ_SECONDS
                arriving.data += part
        except (BlockingIOError, InterruptedError):
            return self._wait(conn, arriving)
        except OSError:
            return False
        return True

    def _wait(self, conn: Connection, arriving: Arriving) -> Any:
        if arriving.asks_to_continue():
            return conn.say(b"HTTP/1.1 100 Continue\r\n\r\n") and gthread._DEFER
        if time.monotonic() > arriving.until:
            conn.say(REFUSAL % b"408 Request Timeout")
            return False
        others = (other.arriving for other in tuple(self.pending_conns))
        if sum(len(other.data) for other in others if other) > HELD_LIMIT:
            conn.say(REFUSAL % b"503 Service Unavailable")
            return False
        return gthread._DEFER

    def _part(self, conn: Connection) -> Any:
        """Say that nothing more will come, and let the client finish what it was sending."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        conn.drain_until = time.monotonic() + DRAIN_SECONDS
        return self._drain(conn)

    def _drain(self, conn: Connection) -> Any:
        assert conn.drain_until is not None
        try:
            conn.sock.setblocking(False)
            while time.monotonic() < conn.drain_until and conn.drained < DRAIN_LIMIT:
                part = conn.sock.recv(_RECEIVE)
                if not part:
                    return False
                conn.drained += len(part)
        except (BlockingIOError, InterruptedError):
            return gthread._DEFER
        except OSError:
            return False
        return False
