"""How long a request may work: until its time is up, its client has gone or the server stops.

Work that takes long calls :meth:`Deadline.check` now and then.
"""

import time
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, current_app, g, has_request_context, request

from app.requests.clients import Client
from app.requests.limits import client_of
from app.requests.problems import ProblemError
from app.requests.stopping import stopping as stopping

RETRY_SECONDS = 2
CLIENT_GONE = 499
"""What logs say of a request whose client did not wait; nobody receives it."""


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Deadline:
    """Reasons to go on.

    Attributes:
        until: moment (:func:`time.monotonic`) at which the time is up.
        seconds: how long that was, for people.
        client: who waits.
        name: whom the request counts for; None for this very machine.
    """

    until: float = float("inf")
    seconds: float = float("inf")
    client: Client | None = None
    name: str | None = None

    def gone(self) -> bool:
        """Whether the client has left."""
        return self.client is not None and self.client.gone()

    def check(self) -> None:
        """Return if the work should go on.

        Raises:
            ProblemError: 503, the time is up.
            ClientGoneError: the client has gone.
        """
        if self.gone():
            raise ClientGoneError
        if time.monotonic() > self.until:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"This took longer than {self.seconds:g} seconds; send a shorter text, or try "
                f"again in {RETRY_SECONDS} seconds.",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )


def current() -> Deadline:
    """Of the request at hand; endless outside of one."""
    found: Deadline | None = g.get("patience") if has_request_context() else None
    return found or Deadline()


def register(app: Flask) -> None:
    """Give every request of ``app`` its patience."""
    app.before_request(_begin)
    app.register_error_handler(ClientGoneError, _gone)


def _begin() -> None:
    seconds: float = current_app.extensions["settings"].request_seconds
    client, name = Client(request.environ), client_of(request)
    g.deadline = Deadline(time.monotonic() + seconds, seconds, client, name)


def _gone(error: ClientGoneError) -> Response:
    return Response(status=CLIENT_GONE)
