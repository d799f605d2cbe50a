"""How much one client may ask for: so many requests a minute, and so many at once.

Each client has an allowance that fills up steadily (GCRA, the leaky bucket as a meter: one number a
client). A request takes from it by its size; reading takes a tenth of what posting does, and what
every page loads a hundredth: a class may come at once from behind one address. Clients of this very
machine are free, unless a proxy speaks for others.
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
"""An unused allowance lasts for the requests of so many seconds, at once."""

AT_ONCE = 12
"""Posts of one client that may be under way, so that nobody keeps all threads busy."""

BYTES_OF_A_REQUEST = 4096
"""A longer body counts as several requests."""

READING = 0.1
LOADING = 0.01
LOADED = ("/static/v/", "/thumbnails/")
"""Below these lies what pages load by the dozen, and browsers keep."""

CLIENTS = 10_000

FREE = frozenset({"/healthz", "/readyz", "/metrics"})


class Allowances:
    """What each client has left.

    Args:
        per_minute: requests of one client that are let through for good; 0 for any number.
        clock: seconds, never going back.
        kept: clients that are remembered; the one that was quiet longest is forgotten first.
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
        """Requests that a quiet client may send at once."""
        return max(1.0, self.per_minute * BURST_SECONDS / 60)

    def take(self, client: str, cost: float) -> float:
        """Take ``cost`` requests; the seconds to wait if there are not so many left, or 0."""
        if not self.per_minute:
            return 0.0
        interval = 60 / self.per_minute
        cost = min(cost, self.burst)  # else it could never pass
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
        """Whether one more of ``client`` may be under way; then :meth:`leave` must follow."""
        with self._lock:
            if self.per_minute and self._under_way[client] >= AT_ONCE:
                return False
            self._under_way[client] += 1
            return True

    def leave(self, client: str) -> None:
        """A request of ``client`` has ended."""
        with self._lock:
            self._under_way[client] -= 1
            if self._under_way[client] <= 0:
                del self._under_way[client]


def register(app: Flask) -> None:
    """Hold every request of ``app`` against its client's allowance."""
    app.extensions["allowances"] = Allowances(app.extensions["settings"].rate_limit)
    app.before_request(_before)


def client_of(asked: Request) -> str | None:
    """Whom a request counts for, as :func:`household` names it; None for this very machine."""
    given = asked.remote_addr or ""
    if "X-Forwarded-For" not in asked.headers and is_loopback(given):
        return None
    return household(given)


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


def _cost(asked: Request) -> float:
    return 1 + (asked.content_length or 0) // BYTES_OF_A_REQUEST


def _cost_of_reading(asked: Request) -> float:
    return LOADING if asked.path.startswith(LOADED) else READING


def too_many(seconds: float, reason: str) -> ProblemError:
    """The answer to a client that asks too much."""
    whole = max(1, math.ceil(seconds))
    unit = "second" if whole == 1 else "seconds"
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{reason}; try again in {whole} {unit}.",
        headers={"Retry-After": str(whole)},
    )
