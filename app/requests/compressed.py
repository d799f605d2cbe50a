"""Response bodies that are sent many times, compressed once per encoding and with an ETag."""

import gzip
import hashlib
import threading

import brotli  # type: ignore[import-untyped]
from flask import Flask, Request, Response, request

ENCODINGS = ("br", "gzip")
"""Supported content encodings, the preferred one first."""


def accepted_encoding(request: Request) -> str | None:
    """Return the encoding that the client likes best, or None for no compression.

    An encoding with the quality 0 is one that the client does not accept.
    """
    quality = request.accept_encodings.quality
    best = max(ENCODINGS, key=quality)  # the first of those that are equally good
    return best if quality(best) > 0 and quality(best) >= quality("identity") else None


def register(app: Flask) -> None:
    """Let Flask-Compress use the encoding that :func:`accepted_encoding` returns."""
    app.before_request(_settle_encoding)


def _settle_encoding() -> None:
    # Flask-Compress takes "gzip;q=0" for a wish to get gzip.
    request.environ["HTTP_ACCEPT_ENCODING"] = accepted_encoding(request) or ""


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
