"""Who is connected: how many of one address, who has to make room, whose answer is on its way.

It builds on inner parts of gunicorn's ``gthread``, as :mod:`app.whole_requests` does. All of it
runs in the event loop, so nothing here waits for a client.
"""

import contextlib
import errno
import os
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from itertools import chain
from typing import Any

from gunicorn.workers import gthread

from app.addresses import household
from app.sending import Outgoing
from app.settings import Settings

OF_ONE_ADDRESS = 256
"""Connections; a browser opens six, and a whole class may share an address."""

FIRST_BYTE_SECONDS = 5.0
"""A new connection that says nothing for so long is closed."""

SENDING_LIMIT = 32 * 1024 * 1024
"""Bytes of answers that clients have not taken yet, all together."""

LOOK_SECONDS = 0.5
REFUSAL = b"HTTP/1.1 %s\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
_NOBODY = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)


class Connection(gthread.TConn):  # type: ignore[misc]  # gunicorn carries no types
    """A client's connection.

    Attributes:
        home: the address it counts for; None where addresses say nothing.
        arriving: the request on its way, or None.
        arrived: the last one that was whole, or None.
        outgoing: the answer on its way, or None.
        kept: whether another request may follow that answer.
        parting: the answer was the last one and has been sent.
        drain_until: moment up to which the rest of a request is read on; None before that.
        drained: bytes that were.
    """

    def __init__(self, crowd: Counter[str], home: str | None, *rest: Any) -> None:
        super().__init__(*rest)
        self.home = home
        self.arriving: Any = None
        self.arrived: Any = None
        self.outgoing: Outgoing | None = None
        self.kept = self.parting = False
        self.drain_until: float | None = None
        self.drained = 0
        self._crowd: Counter[str] | None = crowd
        if home is not None:
            crowd[home] += 1

    def close(self, graceful: bool = False) -> None:
        """Close it; from then on it counts for nobody."""
        crowd, self._crowd = self._crowd, None
        if crowd is not None and self.home is not None:
            crowd[self.home] -= 1
            if crowd[self.home] <= 0:
                del crowd[self.home]
        super().close(graceful)

    def say(self, words: bytes) -> bool:
        """Send a few words, which fit into any buffer; whether the client is there."""
        try:
            self.sock.setblocking(False)
            self.sock.send(words)
        except OSError:
            return False
        return True


class Connections(gthread.ThreadWorker):  # type: ignore[misc]
    """The part of the worker that knows all connections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.crowd: Counter[str] = Counter()
        self.sending: deque[Connection] = deque()
        self._looked = 0.0
        self._addresses = True

    def init_process(self) -> None:
        """Begin; behind a proxy all clients have its address, so nobody is counted by it."""
        self._addresses = not Settings.from_environment(os.environ).trusted_proxies
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Take a connection; where there are too many, the one idle for longest makes room."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:
                if not self._make_room():
                    time.sleep(LOOK_SECONDS / 10)
            elif error.errno not in _NOBODY:
                raise
            return
        home = household(client[0]) if self._addresses and isinstance(client, tuple) else None
        conn = Connection(self.crowd, home, self.cfg, sock, client, listener.getsockname())
        self.nr_conns += 1
        if home is not None and self.crowd[home] > OF_ONE_ADDRESS and not self._make_room(home):
            conn.say(REFUSAL % b"503 Service Unavailable")
            self._forget(conn)
            return
        self.keep_room()
        self.enqueue_req(conn)

    def keep_room(self) -> None:
        """See to it that somebody can come: gunicorn accepts nobody while all places are taken."""
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def on_client_socket_readable(self, conn: Connection, client: Any) -> None:
        """A request comes, unless its connection made room since the event loop saw that."""
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def on_pending_socket_readable(self, conn: Connection, client: Any) -> None:
        """More of a request comes; likewise."""
        if conn in self.pending_conns:
            super().on_pending_socket_readable(conn, client)

    def murder_pending(self) -> None:
        """Close the connections whose time is up."""
        now = time.monotonic()
        if now < self._looked + LOOK_SECONDS:
            return
        self._looked = now
        for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
            if conn.arriving and conn.arriving.data:
                conn.say(REFUSAL % b"408 Request Timeout")
            self._drop(conn)
        for conn in [conn for conn in self.sending if conn.outgoing and conn.outgoing.is_late(now)]:
            self._drop(conn)

    def send_on(self, conn: Connection) -> None:
        """Send the rest of an answer as its client takes it."""
        assert conn.outgoing is not None
        conn.outgoing.begin()
        conn.sock.setblocking(False)
        self.sending.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._on_writable, conn))
        while self._on_the_way() > SENDING_LIMIT:
            self._drop(self._greediest())

    def _on_writable(self, conn: Connection, _: socket.socket) -> None:
        if conn not in self.sending or conn.outgoing is None:
            return
        try:
            if not conn.outgoing.push():
                return
        except OSError:
            self._drop(conn)
            return
        self._take_out(conn)
        conn.outgoing = None
        if conn.kept:
            done: Future[bool] = Future()
            done.set_result(True)
            self.finish_request(conn, done)
        else:
            conn.parting = True
            self.enqueue_req(conn)

    def _on_the_way(self) -> int:
        return sum(conn.outgoing.left for conn in self.sending if conn.outgoing)

    def _greediest(self) -> Connection:
        """The oldest answer on its way to the address that takes up most."""
        of: Counter[str | None] = Counter()
        for conn in self.sending:
            of[conn.home] += conn.outgoing.left if conn.outgoing else 0
        home = of.most_common(1)[0][0]
        return next(conn for conn in self.sending if conn.home == home)

    def _make_room(self, home: str | None = None) -> bool:
        """Close the connection that is missed least, of ``home`` or of all; whether one was."""
        for conn in self._least_missed(everybody=home is None):
            if home in (None, conn.home):
                self._drop(conn)
                return True
        return False

    def _least_missed(self, *, everybody: bool) -> Iterator[Connection]:
        silent = [conn for conn in self.pending_conns if not _has_begun(conn)]
        begun = [conn for conn in self.pending_conns if _has_begun(conn)]
        return chain(silent, self.keepalived_conns, begun, self.sending if everybody else ())

    def _drop(self, conn: Connection) -> None:
        """Close a connection that waits in the event loop."""
        self._take_out(conn)
        self._forget(conn)

    def _take_out(self, conn: Connection) -> None:
        for line in (self.pending_conns, self.keepalived_conns, self.sending):
            if conn in line:
                line.remove(conn)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _forget(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()


def _has_begun(conn: Connection) -> bool:
    return bool(conn.arriving and conn.arriving.data)
