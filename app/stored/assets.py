"""Static files: listed once, then served under URLs that browsers may cache for ever.

The URL ``/static/v/<hash>/js/app.js`` contains a hash over all files, and the relative imports of a
module resolve to URLs with the same hash. The URL ``/static/js/app.js`` works too, but browsers
revalidate it for every use; stored figures use it for Plotly.
"""

import hashlib
import posixpath
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, current_app, request

from app.requests.compressed import accepted_encoding, compress
from app.requests.prefix import at
from app.requests.problems import not_found

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
_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*"(\.{1,2}/[^"]+)";', re.MULTILINE)
"""Static import of a JavaScript module, by its relative URL."""

_COMPRESSIBLE = frozenset({".js", ".css", ".svg", ".md", ".txt"})


@dataclass(frozen=True)
class Asset:
    """Static file of the web app."""

    path: Path
    content_type: str
    digest: str


class Assets:
    """Static files of some folders.

    Args:
        folders: folders by the prefix of their files' names; the prefix of the static folder is
            empty.
        reload: whether the folders are listed again for every page, for development.
    """

    def __init__(self, folders: Mapping[str, Path], *, reload: bool = False) -> None:
        self._folders = dict(folders)
        self._reload = reload
        self._lock = threading.Lock()
        self._encoded: dict[tuple[str, str], bytes] = {}
        self._imports: dict[tuple[str, str], tuple[str, ...]] = {}
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
        """Return the URL of a file that browsers may cache for ever.

        Raises:
            KeyError: no file has this name, which is an error in a template.
        """
        if self._reload:
            self._scan()
        self._by_name[name]
        return at(f"/static/v/{self.version}/{name}")

    def imported_modules(self, names: Iterable[str]) -> list[str]:
        """Return the names of the modules that some JavaScript modules import, in any number of
        steps, in alphabetical order; a browser that learns of them early fetches them at once.

        Raises:
            KeyError: a module that is named or imported does not exist.
        """
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            imported = self._imports_of(waiting.pop())
            waiting += set(imported) - seen
            seen.update(imported)
        return sorted(seen)

    def _imports_of(self, name: str) -> tuple[str, ...]:
        asset = self._by_name[name]
        key = (name, asset.digest)
        if key not in self._imports:
            text = asset.path.read_text(encoding="utf-8")
            targets = (
                posixpath.join(posixpath.dirname(name), url) for url in _IMPORT.findall(text)
            )
            self._imports[key] = tuple(map(posixpath.normpath, targets))
        return self._imports[key]

    def find(self, name: str) -> Asset | None:
        """Return the file of exactly this name, or None."""
        return self._by_name.get(name)

    def body(self, asset: Asset, encoding: str | None) -> bytes:
        """Return the content of a file; compressed contents are cached."""
        if encoding is None:
            return asset.path.read_bytes()
        key = (asset.digest, encoding)
        with self._lock:
            if key not in self._encoded:
                self._encoded[key] = compress(asset.path.read_bytes(), encoding)
            return self._encoded[key]


@blueprint.get("/static/v/<version>/<path:name>")
def lasting(version: str, name: str) -> Response:
    """Answer with a static file under its versioned URL.

    A page from before an update gets the new file, without a long cache time.
    """
    return _serve(name, keep=version == _assets().version)


@blueprint.get("/static/<path:name>")
def plain(name: str) -> Response:
    """Answer with a static file under its plain URL."""
    return _serve(name, keep=False)


@blueprint.get("/favicon.ico")
def icon() -> Response:
    """Answer with the icon, which browsers request for stored figures that declare none."""
    return _serve("icon.svg", keep=False)


def _assets() -> Assets:
    assets: Assets = current_app.extensions["assets"]
    return assets


def _serve(name: str, *, keep: bool) -> Response:
    assets = _assets()
    asset = assets.find(name)
    if asset is None:
        raise not_found()
    encoding = accepted_encoding(request) if asset.path.suffix in _COMPRESSIBLE else None
    response = Response(content_type=asset.content_type)
    response.set_etag(f"{asset.digest}{'-' + encoding if encoding else ''}")
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if keep else "no-cache"
    )
    # Figures in a sandbox have another origin and load Plotly from here.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.set_data(assets.body(asset, encoding))
    response.make_conditional(request)
    return response
