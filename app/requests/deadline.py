"""The deadline of a request: its time limit, a client that has left, or a stop of the server.

Work that takes long calls :meth:`Deadline.check` regularly.
"""

import time
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, current_app, g, has_request_context, request

from app.requests.clients import Client
from app.requests.limits import client_of
from app.requests.problems import RETRY_SECONDS, ProblemError
from app.requests.stopping import stopping as stopping

CLIENT_GONE = 499
"""Status code in the log of a request whose client left; no client receives it."""


class ClientGoneError(Exception):
    """Error: the client left before the answer was ready."""


@dataclass(frozen=True)
class Deadline:
    """Conditions under which the work for a request continues.

    Attributes:
        until: moment (:func:`time.monotonic`) at which the time limit ends.
        seconds: length of the time limit, for messages.
        client: connection of the client that waits for the answer.
        name: client that the request is counted for; None for a request from this machine.
    """

    until: float = float("inf")
    seconds: float = float("inf")
    client: Client | None = None
    name: str | None = None

    def gone(self) -> bool:
        """Return whether the client has left."""
        return self.client is not None and self.client.gone()

    def check(self) -> None:
        """Return if the work should continue, otherwise raise.

        Raises:
            ProblemError: 503 if the time limit is over.
            ClientGoneError: the client has left.
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
    """Return the deadline of the current request; without a request, a deadline that never ends."""
    deadline: Deadline | None = g.get("deadline") if has_request_context() else None
    return deadline or Deadline()


def register(app: Flask) -> None:
    """Give every request of ``app`` a deadline."""
    app.before_request(_begin)
    app.register_error_handler(ClientGoneError, _gone)


def _begin() -> None:
    seconds: float = current_app.extensions["settings"].request_seconds
    client, name = Client(request.environ), client_of(request)
    g.deadline = Deadline(time.monotonic() + seconds, seconds, client, name)


def _gone(error: ClientGoneError) -> Response:
    return Response(status=CLIENT_GONE)
