"""The WSGI middleware that gives every request an id, a log line and its metrics.

The middleware wraps the whole app, so that it sees the end of every streamed response. It records
nothing that a visitor sent: a log line contains the route (``/data/<path:name>``), never the path.
"""

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

REQUEST_ID = "app.request_id"
_ROUTE = "app.route"
_AT_END = "app.at_end"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

Watcher = Callable[["Visit"], None]


@dataclass
class Visit:
    """One request and the outcome of its response.

    Attributes:
        id: identifier that the response carries as ``X-Request-ID``; a proxy may have chosen it.
        method, route: HTTP method, and route template; the route is ``-`` if no route matches.
        status: status code of the response.
        seconds: time from the arrival of the request to the last byte of its response.
        sent: number of bytes of the response's body.
        cut: whether the client left before the end of the response.
    """

    id: str
    method: str
    route: str = "-"
    status: int = 500
    seconds: float = 0.0
    sent: int = 0
    cut: bool = False

    def text(self) -> str:
        """Return the log line in the text format."""
        cut = " cut" if self.cut else ""
        return (
            f"{self.method} {self.route} {self.status} {self.seconds * 1000:.1f} ms "
            f"{self.sent} B{cut} {self.id}"
        )

    def json(self) -> str:
        """Return the log line in the JSON format."""
        fields: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": "info",
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "ms": round(self.seconds * 1000, 1),
            "bytes": self.sent,
            "id": self.id,
        }
        return json.dumps(fields | {"cut": True} if self.cut else fields)


class Access:
    """WSGI middleware that records every request to the app.

    Args:
        inner: the wrapped WSGI app.
        watchers: functions that are called with every finished visit.
    """

    def __init__(self, inner: "WSGIApplication", watchers: Iterable[Watcher]) -> None:
        self._inner = inner
        self._watchers = tuple(watchers)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request and record it."""
        began = time.perf_counter()
        method = environ["REQUEST_METHOD"]
        visit = Visit(_id_of(environ), method if method in _METHODS else "other")
        environ[REQUEST_ID] = visit.id

        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            visit.status = int(status[:3])
            return start_response(status, [*headers, ("X-Request-ID", visit.id)], *more)

        def ended() -> None:
            visit.route = environ.get(_ROUTE, "-")
            visit.seconds = time.perf_counter() - began
            for work in environ.pop(_AT_END, ()):
                work()
            for watcher in self._watchers:
                watcher(visit)

        try:
            body = self._inner(environ, started)
        except BaseException:
            ended()
            raise
        return _Counted(body, visit, ended)


class _Counted:
    """Response body that counts its bytes and reports its end."""

    def __init__(self, body: Iterable[bytes], visit: Visit, ended: Callable[[], None]) -> None:
        self._body = body
        self._parts = iter(body)
        self._visit = visit
        self._ended: Callable[[], None] | None = ended
        visit.cut = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            part = next(self._parts)
        except StopIteration:
            self._visit.cut = False
            raise
        self._visit.sent += len(part)
        return part

    def close(self) -> None:
        """Close the inner body and report the end; WSGI servers call this for every response."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            ended, self._ended = self._ended, None
            if ended:
                ended()


def register(app: Flask, *, log: str = "off", watchers: Iterable[Watcher] = ()) -> None:
    """Wrap ``app`` in the middleware :class:`Access`.

    Args:
        app: the app; after this call, do not wrap it in middleware that changes the length of
            bodies.
        log: format of the request log: ``text``, ``json`` or ``off``.
        watchers: functions that are called with every finished visit.
    """
    formats: dict[str, Callable[[Visit], str]] = {"text": Visit.text, "json": Visit.json}
    all_watchers = list(watchers)
    if log in formats:
        line = formats[log]
        all_watchers.append(lambda visit: logger.info("%s", line(visit)))
    app.before_request(_note_route)
    app.wsgi_app = Access(app.wsgi_app, all_watchers)  # type: ignore[method-assign]


def at_end(environ: "WSGIEnvironment", work: Callable[[], None]) -> None:
    """Call ``work`` when the last byte of the response is sent or the client has left."""
    environ.setdefault(_AT_END, []).append(work)


def _note_route() -> None:
    if request.url_rule is not None:
        request.environ[_ROUTE] = request.url_rule.rule


def _id_of(environ: "WSGIEnvironment") -> str:
    header = environ.get("HTTP_X_REQUEST_ID", "")
    return header if _ID.fullmatch(header) else uuid.uuid4().hex[:16]
