"""Static files: found once, served from memory of their names, cached for good by visitors.

``/static/v/<hash>/js/app.js`` carries a hash over all files, so it may be kept for ever, and the
relative imports of a module stay below the same hash. ``/static/js/app.js`` works too and is
asked for anew each time; stored figures use it for Plotly.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, Response, current_app, request

from app.requests.compressed import accepted_encoding, compress
from app.requests.problems import ProblemError

blueprint = Blueprint("assets", __name__)

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".md": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
_COMPRESSIBLE = frozenset({".js", ".css", ".svg", ".md", ".txt"})


@dataclass(frozen=True)
class Asset:
    """One static file."""

    path: Path
    content_type: str
    digest: str


class Assets:
    """The files below some folders.

    Args:
        folders: by what their files' names begin with; the empty name for the static folder.
        reload: look again for every page, for whoever is editing them.
    """

    def __init__(self, folders: Mapping[str, Path], *, reload: bool = False) -> None:
        self._folders = dict(folders)
        self._reload = reload
        self._lock = threading.Lock()
        self._encoded: dict[tuple[str, str], bytes] = {}
        self._scan()

    def _scan(self) -> None:
        self._by_name = {
            prefix + path.relative_to(folder).as_posix(): Asset(
                path,
                _TYPES.get(path.suffix, "application/octet-stream"),
                hashlib.sha256(path.read_bytes()).hexdigest()[:20],
            )
            for prefix, folder in self._folders.items()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }
        listing = "".join(f"{name} {asset.digest}\n" for name, asset in self._by_name.items())
        self.version = hashlib.sha256(listing.encode()).hexdigest()[:12]

    def url(self, name: str) -> str:
        """The lasting URL of a file.

        Raises:
            KeyError: there is no such file, which is a mistake in a template.
        """
        if self._reload:
            self._scan()
        self._by_name[name]
        return f"/static/v/{self.version}/{name}"

    def find(self, name: str) -> Asset | None:
        """The file of this exact name."""
        return self._by_name.get(name)

    def body(self, asset: Asset, encoding: str | None) -> bytes:
        """Its bytes, compressed at the first request for that encoding."""
        if encoding is None:
            return asset.path.read_bytes()
        key = (asset.digest, encoding)
        with self._lock:
            if key not in self._encoded:
                self._encoded[key] = compress(asset.path.read_bytes(), encoding)
            return self._encoded[key]


@blueprint.get("/static/v/<version>/<path:name>")
def lasting(version: str, name: str) -> Response:
    """A file under its lasting URL; a page from before an update gets the new file, unkept."""
    return _serve(name, keep=version == _assets().version)


@blueprint.get("/static/<path:name>")
def plain(name: str) -> Response:
    """A file under its plain name."""
    return _serve(name, keep=False)


@blueprint.get("/favicon.ico")
def icon() -> Response:
    """Browsers ask for it at stored figures, which name no icon of their own."""
    return _serve("icon.svg", keep=False)


def _assets() -> Assets:
    assets: Assets = current_app.extensions["assets"]
    return assets


def _serve(name: str, *, keep: bool) -> Response:
    assets = _assets()
    asset = assets.find(name)
    if asset is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is nothing of this name here.")
    encoding = accepted_encoding(request) if asset.path.suffix in _COMPRESSIBLE else None
    response = Response(content_type=asset.content_type)
    response.set_etag(f"{asset.digest}{'-' + encoding if encoding else ''}")
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if keep else "no-cache"
    )
    # Figures in a sandbox have an origin of their own and still load Plotly from here.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.set_data(assets.body(asset, encoding))
    response.make_conditional(request)
    return response
