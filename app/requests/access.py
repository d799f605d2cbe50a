"""What is known of every request: an id, a line in the log, numbers for the metrics.

It wraps the whole app, so it sees streams to their end, and it says nothing of what visitors sent:
a line has the route (``/data/<path:name>``), never the path.
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
    """One request and what became of it.

    Attributes:
        id: sent back as ``X-Request-ID``; a proxy may have chosen it.
        method, route: what was asked; the route is a template, ``-`` where nothing fits.
        status: of the response.
        seconds: from the request's arrival to the last byte of its response.
        sent: bytes of the response's body.
        cut: the client left before the end.
    """

    id: str
    method: str
    route: str = "-"
    status: int = 500
    seconds: float = 0.0
    sent: int = 0
    cut: bool = False

    def text(self) -> str:
        """A line for people."""
        cut = " cut" if self.cut else ""
        return (
            f"{self.method} {self.route} {self.status} {self.seconds * 1000:.1f} ms "
            f"{self.sent} B{cut} {self.id}"
        )

    def json(self) -> str:
        """A line for programs."""
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
    """The app, with somebody at the door.

    Args:
        inner: the app.
        watchers: called with every finished visit.
    """

    def __init__(self, inner: "WSGIApplication", watchers: Iterable[Watcher]) -> None:
        self._inner = inner
        self._watchers = tuple(watchers)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
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
    """A body that counts its bytes, and knows when it is over."""

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
        """As WSGI servers call it: always, and once."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            ended, self._ended = self._ended, None
            if ended:
                ended()


def register(app: Flask, *, log: str = "off", watchers: Iterable[Watcher] = ()) -> None:
    """Put somebody at the door of ``app``.

    Args:
        app: the app; wrap it in nothing that makes bodies longer or shorter after this.
        log: ``text``, ``json`` or ``off``.
        watchers: called with every finished visit.
    """
    formats: dict[str, Callable[[Visit], str]] = {"text": Visit.text, "json": Visit.json}
    everybody = list(watchers)
    if log in formats:
        line = formats[log]
        everybody.append(lambda visit: logger.info("%s", line(visit)))
    app.before_request(_note_route)
    app.wsgi_app = Access(app.wsgi_app, everybody)  # type: ignore[method-assign]


def at_end(environ: "WSGIEnvironment", work: Callable[[], None]) -> None:
    """Call ``work`` once the last byte of the response is sent or the client has gone."""
    environ.setdefault(_AT_END, []).append(work)


def _note_route() -> None:
    if request.url_rule is not None:
        request.environ[_ROUTE] = request.url_rule.rule


def _id_of(environ: "WSGIEnvironment") -> str:
    given = environ.get("HTTP_X_REQUEST_ID", "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex[:16]
