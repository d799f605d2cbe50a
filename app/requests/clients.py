"""The connection of a client, which may leave or stop reading while a response is sent."""

import select
import socket
from collections.abc import Callable, Mapping
from typing import Any

CLIENT_HAS_LEFT = "bytelatent.client_has_left"
"""Key of a WSGI environment: a function that our server puts there."""

_SOCKETS = ("gunicorn.socket", "werkzeug.socket")


class Client:
    """Connection of the client that sent a request, as far as the server makes it available.

    Args:
        environ: WSGI environment of the request; without a connection in it, the client counts as
            present.
    """

    def __init__(self, environ: Mapping[str, Any]) -> None:
        channel = next((environ[key] for key in _SOCKETS if key in environ), None)
        self._socket = channel if isinstance(channel, socket.socket) else None
        self._has_left: Callable[[], bool] = environ.get(CLIENT_HAS_LEFT, lambda: False)

    def gone(self) -> bool:
        """Return whether the client has closed its connection, completely or only for sending."""
        if self._socket is None:
            return self._has_left()
        try:
            return _readable(self._socket) and not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except (OSError, ValueError):  # closed on this side
            return True

    def must_take(self, seconds: float) -> None:
        """Make sending fail if the client accepts no data for ``seconds`` seconds."""
        if self._socket is not None:
            self._socket.settimeout(seconds)


def _readable(connection: socket.socket) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()  # select.select knows the first 1,024 descriptors only
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
