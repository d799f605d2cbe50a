"""Limits for one client: requests per minute, and requests at the same time.

Each client has an allowance that refills at a constant rate (GCRA, the leaky bucket as a meter: one
number per client). A posted request costs more if its body is longer. A read request costs a tenth
of a posted one, and an asset that every page loads costs a hundredth, because a whole class may
share one address. Requests from this machine cost nothing, unless a proxy forwards them.
"""

import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Request, current_app, request

from app.requests.access import at_end
from app.requests.addresses import household, is_loopback
from app.requests.problems import ProblemError

BURST_SECONDS = 12.0
"""An unused allowance covers the requests of this many seconds at once."""

AT_ONCE = 12
"""Posted requests of one client at the same time, so that no client uses all threads."""

BYTES_OF_A_REQUEST = 4096
"""Bytes of a body that cost one request; a longer body costs several requests."""

READING = 0.1
LOADING = 0.01
LOADED = ("/static/v/", "/thumbnails/")
"""Prefixes of the paths of assets; a page loads dozens of them and browsers cache them."""

CLIENTS = 10_000

FREE = frozenset({"/healthz", "/readyz", "/metrics"})


class Allowances:
    """Remaining allowances of all clients.

    Args:
        per_minute: rate of requests per minute that one client may keep up; 0 means no limit.
        clock: function that returns monotonic seconds.
        kept: number of clients that are remembered; the client that was idle for the longest time
            is forgotten first.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        kept: int = CLIENTS,
    ) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._kept = kept
        self._lock = threading.Lock()
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._under_way: Counter[str] = Counter()

    @property
    def burst(self) -> float:
        """Number of requests that a client with a full allowance may send at once."""
        return max(1.0, self.per_minute * BURST_SECONDS / 60)

    def take(self, client: str, cost: float) -> float:
        """Take the cost of a request from a client's allowance.

        Returns 0, or the seconds to wait if the allowance is too small.
        """
        if not self.per_minute:
            return 0.0
        interval = 60 / self.per_minute
        cost = min(cost, self.burst)  # a cost above the burst could never be paid
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(client, now), now) + cost * interval
            wait = full_at - now - self.burst * interval
            if wait > 1e-9:
                return wait
            self._full_at[client] = full_at
            self._full_at.move_to_end(client)
            while len(self._full_at) > self._kept:
                self._full_at.popitem(last=False)
        return 0.0

    def enter(self, client: str) -> bool:
        """Return whether ``client`` may start one more request; if so, call :meth:`leave` later."""
        with self._lock:
            if self.per_minute and self._under_way[client] >= AT_ONCE:
                return False
            self._under_way[client] += 1
            return True

    def leave(self, client: str) -> None:
        """Record that a request of ``client`` has ended."""
        with self._lock:
            self._under_way[client] -= 1
            if self._under_way[client] <= 0:
                del self._under_way[client]


def register(app: Flask) -> None:
    """Check every request of ``app`` against the allowance of its client."""
    app.extensions["allowances"] = Allowances(app.extensions["settings"].rate_limit)
    app.before_request(_before)


def client_of(http_request: Request) -> str | None:
    """Return the client that a request is counted for, in the form of :func:`household`; None for
    this machine.
    """
    address = http_request.remote_addr or ""
    if "X-Forwarded-For" not in http_request.headers and is_loopback(address):
        return None
    return household(address)


def _before() -> None:
    allowances: Allowances = current_app.extensions["allowances"]
    if not allowances.per_minute or request.path in FREE or request.method == "OPTIONS":
        return
    client = client_of(request)
    if client is None:
        return
    posting = request.method not in ("GET", "HEAD")
    wait = allowances.take(client, _cost(request) if posting else _cost_of_reading(request))
    if wait:
        raise too_many(wait, f"At most {allowances.per_minute} requests a minute are answered")
    if posting:
        if not allowances.enter(client):
            raise too_many(1, f"At most {AT_ONCE} requests of one client are answered at a time")
        at_end(request.environ, lambda: allowances.leave(client))


def _cost(http_request: Request) -> float:
    return 1 + (http_request.content_length or 0) // BYTES_OF_A_REQUEST


def _cost_of_reading(http_request: Request) -> float:
    return LOADING if http_request.path.startswith(LOADED) else READING


def too_many(seconds: float, reason: str) -> ProblemError:
    """Return the 429 error for a client that sends too many requests."""
    whole = max(1, math.ceil(seconds))
    unit = "second" if whole == 1 else "seconds"
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{reason}; try again in {whole} {unit}.",
        headers={"Retry-After": str(whole)},
    )
