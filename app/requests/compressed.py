"""Bodies that stay the same for a while: compressed once for each encoding, with a lasting tag."""

import gzip
import hashlib
import threading

import brotli  # type: ignore[import-untyped]
from flask import Request, Response

ENCODINGS = ("br", "gzip")
"""What we compress by, the best first."""


def accepted_encoding(request: Request) -> str | None:
    """The best encoding that the client takes, or None."""
    accepted = request.accept_encodings
    return next((name for name in ENCODINGS if accepted.quality(name) > 0), None)


def compress(content: bytes, encoding: str) -> bytes:
    """``content`` by brotli or gzip, equal for equal bytes."""
    if encoding == "br":
        compressed: bytes = brotli.compress(content, quality=9)
        return compressed
    return gzip.compress(content, 9, mtime=0)


class KeptBody:
    """A body that is sent many times.

    Args:
        content: its bytes.
        content_type: what it is served as.
    """

    def __init__(self, content: bytes, content_type: str = "application/json") -> None:
        self._content = content
        self._type = content_type
        self._digest = hashlib.sha256(content).hexdigest()[:20]
        self._encoded: dict[str | None, bytes] = {None: content}
        self._lock = threading.Lock()

    def response(self, request: Request) -> Response:
        """The body as this client takes it, or 304 if the client has it."""
        encoding = accepted_encoding(request)
        response = Response(content_type=self._type)
        response.set_etag(f"{self._digest}{'-' + encoding if encoding else ''}")
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        if encoding:
            response.headers["Content-Encoding"] = encoding
        response.set_data(self._body(encoding))
        response.make_conditional(request)
        return response

    def _body(self, encoding: str | None) -> bytes:
        if encoding is None:
            return self._content
        with self._lock:
            if encoding not in self._encoded:
                self._encoded[encoding] = compress(self._content, encoding)
            return self._encoded[encoding]
