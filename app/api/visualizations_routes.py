"""The route ``GET /api/visualizations``: the files of the gallery as a list."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import UP_TO_DATE, WRONG_PARAMETER, OpenApiFragment, json_of, problem
from app.requests.compressed import KeptBody
from app.requests.prefix import at, root
from app.requests.query import LONGEST, Arguments, choice, described, search, whole
from app.schemas.visualizations import ArtifactList
from app.stored.catalogue import Catalogue, Snapshot, StoredArtifact
from app.stored.gallery import artifact_url, gallery_of

blueprint = Blueprint("api_visualizations", __name__)

KINDS = ("html", "images", "data")
MOST = 1000
"""Largest number of files in one response."""
FARTHEST = 10**9
KEPT_BYTES = 8 * 1024 * 1024
"""Largest number of bytes of all cached responses to queries; the full list is cached separately.
"""

OVERHEAD = 2048
"""Bytes of a cached response besides its body and its compressed copies."""

OPENAPI = OpenApiFragment(
    {
        "/api/visualizations": {
            "get": {
                "operationId": "listVisualizations",
                "summary": "List the files of the gallery",
                "parameters": [
                    described(
                        "kind", "Return only files of this kind.", type="string", enum=list(KINDS)
                    ),
                    described(
                        "q",
                        "Return only files whose title, description, command or name contain all "
                        "words.",
                        type="string",
                        maxLength=LONGEST,
                    ),
                    described(
                        "limit",
                        "Largest number of files. Default: no limit.",
                        type="integer",
                        minimum=1,
                        maximum=MOST,
                    ),
                    described(
                        "offset",
                        "Number of files to skip.",
                        type="integer",
                        minimum=0,
                        maximum=FARTHEST,
                        default=0,
                    ),
                ],
                "responses": {
                    "200": json_of(
                        "Names by kind, and details of each file, sorted by name.", ArtifactList
                    ),
                    "304": {"description": UP_TO_DATE},
                    "422": problem(WRONG_PARAMETER),
                },
            }
        }
    },
    (ArtifactList,),
)


@dataclass(frozen=True)
class ListingRequest:
    """Request for a list of the gallery's files.

    Attributes:
        kind: kind of the files, or None for all kinds.
        words: case-folded words that the texts of a file must all contain.
        limit, offset: range of the matching files.
    """

    kind: str | None = None
    words: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0

    @classmethod
    def of(cls, args: Arguments) -> "ListingRequest":
        """Return the request that query parameters describe.

        Raises:
            ProblemError: a parameter is wrong.
        """
        return cls(
            choice(args, "kind", KINDS),
            search(args),
            whole(args, "limit", low=1, high=MOST),
            whole(args, "offset", low=0, high=FARTHEST) or 0,
        )

    def next(self, total: int) -> str | None:
        """Return the URL of the next part of the list, or None at its end."""
        if self.limit is None or self.offset + self.limit >= total:
            return None
        after = {"limit": self.limit, "offset": self.offset + self.limit}
        filters = {"kind": self.kind, "q": " ".join(self.words)}
        query = {name: value for name, value in filters.items() if value} | after
        return at(f"/api/visualizations?{urlencode(query)}")


class Bodies:
    """Cache of responses to recent requests for the list of files.

    Args:
        limit: largest number of bytes of all cached responses.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self.limit, self.bytes = limit, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[KeptBody, int]] = OrderedDict()

    def once(self, request: Hashable, make: Callable[[], bytes]) -> KeptBody:
        """Return the cached response to a request for the list, or compute it.

        A computed response is cached if it is small enough.

        Args:
            request: everything that the response depends on.
            make: function that computes the response.
        """
        with self._lock:
            if request in self._kept:
                self._kept.move_to_end(request)
                return self._kept[request][0]
        content = make()
        body, size = KeptBody(content), 2 * len(content) + OVERHEAD
        with self._lock:
            if size <= self.limit and request not in self._kept:
                self._kept[request] = body, size
                self.bytes += size
            while self.bytes > self.limit:
                self.bytes -= self._kept.popitem(last=False)[1][1]
        return body


@blueprint.get("/api/visualizations")
def visualizations() -> Response:
    """Answer with all files of the gallery, or those that match the query."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    listing = ListingRequest.of(request.args) if request.query_string else ListingRequest()
    snapshot = catalogue.snapshot()
    if listing == ListingRequest():
        kept = snapshot.once(
            ("visualizations", root()), lambda: KeptBody(_listed(snapshot, listing))
        )
    else:
        bodies = snapshot.once("queries", Bodies)
        kept = bodies.once((root(), listing), lambda: _listed(snapshot, listing))
    return kept.response(request)


def _listed(snapshot: Snapshot, listing: ListingRequest) -> bytes:
    matching = [item for item in snapshot.by_name.values() if _matches(item, listing)]
    last = None if listing.limit is None else listing.offset + listing.limit
    items = matching[listing.offset : last]
    value = {
        **{kind: [item.name for item in items if item.kind == kind] for kind in KINDS},
        "items": [artifact_json(item, snapshot) for item in items],
        "total": len(matching),
        "next": listing.next(len(matching)),
    }
    return json.dumps(value).encode()


def _matches(item: StoredArtifact, listing: ListingRequest) -> bool:
    if listing.kind not in (None, item.kind):
        return False
    texts = f"{item.title} {item.description} {item.producer or ''} {item.name}".casefold()
    return all(word in texts for word in listing.words)


def artifact_json(artifact: StoredArtifact, snapshot: Snapshot) -> dict[str, object]:
    """Return a stored file as the API describes it."""
    card = gallery_of(snapshot).by_name[artifact.name]
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "title": artifact.title,
        "description": artifact.description,
        "url": at(artifact.url),
        "page": at(artifact_url(artifact.name)),
        "thumbnail": at(card.picture) if card.picture and artifact.kind != "data" else None,
        "bytes": artifact.size,
        "modified": artifact.modified.isoformat().replace("+00:00", "Z"),
        "producer": artifact.producer,
        "data": artifact.data,
    }
