"""The path below which visitors see the app, as behind a proxy that gives it a part of a site.

The app's own URLs begin with ``/``. Whatever leaves the app, in a page or in JSON, goes through
:func:`at`, which puts the prefix of the request in front.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Flask, has_request_context, request

from app.settings import FORWARDED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HEADER = "HTTP_X_FORWARDED_PREFIX"


class Prefix:
    """WSGI middleware that sets ``SCRIPT_NAME`` to the prefix of the app.

    Args:
        inner: the wrapped WSGI app.
        prefix: the prefix, such as ``/blt``, or :data:`app.settings.FORWARDED`.
    """

    def __init__(self, inner: "WSGIApplication", prefix: str) -> None:
        self._inner, self._prefix = inner, prefix

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request, whether or not the proxy has taken the prefix off its path."""
        if self._prefix == FORWARDED:
            environ["SCRIPT_NAME"] = cleaned(environ.get(_HEADER, ""))
            return self._inner(environ, start_response)
        environ["SCRIPT_NAME"] = self._prefix
        path = environ["PATH_INFO"]
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        return self._inner(environ, start_response)


def cleaned(prefix: str) -> str:
    """Return a prefix with one slash at its front and none at its end; empty for the root.

    With two slashes at its front it would name another host.
    """
    parts = [part for part in prefix.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "".join(f"/{part}" for part in parts)


def at(url: str) -> str:
    """Return a URL of the app, which begins with ``/``, as visitors of this request see it."""
    return root() + url


def root() -> str:
    """Return the prefix of the request as a part of a URL; empty without one."""
    if not has_request_context():
        return ""
    return quote(request.script_root, safe="/~@:+,=!$&()*;")


def register(app: Flask, prefix: str) -> None:
    """Let templates use :func:`at`, and wrap ``app`` in the middleware if there is a prefix."""
    app.jinja_env.globals.update(at=at, root=root)
    if prefix:
        app.wsgi_app = Prefix(app.wsgi_app, prefix)  # type: ignore[method-assign]
