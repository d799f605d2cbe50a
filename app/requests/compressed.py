"""Response bodies that are sent many times, compressed once per encoding and with an ETag."""

import gzip
import hashlib
import threading

import brotli  # type: ignore[import-untyped]
from flask import Request, Response

ENCODINGS = ("br", "gzip")
"""Supported content encodings, the preferred one first."""


def accepted_encoding(request: Request) -> str | None:
    """Return the best encoding that the client accepts, or None."""
    accepted = request.accept_encodings
    return next((name for name in ENCODINGS if accepted.quality(name) > 0), None)


def compress(content: bytes, encoding: str) -> bytes:
    """Compress ``content`` with brotli or gzip; equal contents give equal results."""
    if encoding == "br":
        compressed: bytes = brotli.compress(content, quality=9)
        return compressed
    return gzip.compress(content, 9, mtime=0)


class KeptBody:
    """Response body that is sent many times.

    Args:
        content: the bytes of the body.
        content_type: content type of the responses.
    """

    def __init__(self, content: bytes, content_type: str = "application/json") -> None:
        self._content = content
        self._type = content_type
        self._digest = hashlib.sha256(content).hexdigest()[:20]
        self._encoded: dict[str | None, bytes] = {None: content}
        self._lock = threading.Lock()

    def response(self, request: Request) -> Response:
        """Return a response in the client's encoding, or 304 if the client's copy is up to date."""
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
