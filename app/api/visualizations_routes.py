"""``GET /api/visualizations``: the gallery as a list."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request

from app.api.openapi_fragment import OpenApiFragment, json_of, problem
from app.requests.compressed import KeptBody
from app.requests.query import LONGEST, Arguments, choice, described, search, whole
from app.schemas.visualizations import ArtifactList
from app.stored.catalogue import Artifact, Catalogue, Snapshot
from app.stored.gallery import artifact_url, gallery_of

blueprint = Blueprint("api_visualizations", __name__)

KINDS = ("html", "images", "data")
MOST = 1000
"""Files that one page may ask for."""
FARTHEST = 10**9
KEPT_BYTES = 8 * 1024 * 1024
"""Of answers to queries, all together; that to no query is kept besides."""

OVERHEAD = 2048
"""Bytes that an answer takes besides its body and compressed copies."""

OPENAPI = OpenApiFragment(
    {
        "/api/visualizations": {
            "get": {
                "operationId": "listVisualizations",
                "summary": "Everything in the gallery, or a part of it",
                "parameters": [
                    described("kind", "Only files of this kind.", type="string", enum=list(KINDS)),
                    described(
                        "q",
                        "Only files with all these words in title, description, command or name.",
                        type="string",
                        maxLength=LONGEST,
                    ),
                    described(
                        "limit",
                        "So many files at most; without it, all.",
                        type="integer",
                        minimum=1,
                        maximum=MOST,
                    ),
                    described(
                        "offset",
                        "Leave out so many.",
                        type="integer",
                        minimum=0,
                        maximum=FARTHEST,
                        default=0,
                    ),
                ],
                "responses": {
                    "200": json_of("Names by kind, and details, by name.", ArtifactList),
                    "304": {"description": "The copy named by If-None-Match is still good."},
                    "422": problem("A parameter is out of range or unknown."),
                },
            }
        }
    },
    (ArtifactList,),
)


@dataclass(frozen=True)
class ListingRequest:
    """Which files are asked for.

    Attributes:
        kind: only these.
        words: folded; all of them are in a file's texts.
        limit, offset: the part of what matches.
    """

    kind: str | None = None
    words: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0

    @classmethod
    def of(cls, args: Arguments) -> "ListingRequest":
        """What query parameters ask for.

        Raises:
            ProblemError: one of them is wrong.
        """
        return cls(
            choice(args, "kind", KINDS),
            search(args),
            whole(args, "limit", low=1, high=MOST),
            whole(args, "offset", low=0, high=FARTHEST) or 0,
        )

    def next(self, total: int) -> str | None:
        """URL of what follows."""
        if self.limit is None or self.offset + self.limit >= total:
            return None
        after = {"limit": self.limit, "offset": self.offset + self.limit}
        asked = {"kind": self.kind, "q": " ".join(self.words)}
        query = {name: value for name, value in asked.items() if value} | after
        return f"/api/visualizations?{urlencode(query)}"


class Bodies:
    """Answers to recent queries.

    Args:
        limit: bytes of them, all together.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self.limit, self.bytes = limit, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[ListingRequest, tuple[KeptBody, int]] = OrderedDict()

    def once(self, wanted: ListingRequest, make: Callable[[], bytes]) -> KeptBody:
        """The answer to a query; made, and kept if it is small enough, where it is not known."""
        with self._lock:
            if wanted in self._kept:
                self._kept.move_to_end(wanted)
                return self._kept[wanted][0]
        content = make()
        body, size = KeptBody(content), 2 * len(content) + OVERHEAD
        with self._lock:
            if size <= self.limit and wanted not in self._kept:
                self._kept[wanted] = body, size
                self.bytes += size
            while self.bytes > self.limit:
                self.bytes -= self._kept.popitem(last=False)[1][1]
        return body


@blueprint.get("/api/visualizations")
def visualizations() -> Response:
    """Everything in the gallery, or a part of it."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    wanted = ListingRequest.of(request.args) if request.query_string else ListingRequest()
    snapshot = catalogue.snapshot()
    if wanted == ListingRequest():
        kept = snapshot.once("visualizations", lambda: KeptBody(_listed(snapshot, wanted)))
    else:
        bodies = snapshot.once("queries", Bodies)
        kept = bodies.once(wanted, lambda: _listed(snapshot, wanted))
    return kept.response(request)


def _listed(snapshot: Snapshot, wanted: ListingRequest) -> bytes:
    found = [item for item in snapshot.by_name.values() if _matches(item, wanted)]
    last = None if wanted.limit is None else wanted.offset + wanted.limit
    items = found[wanted.offset : last]
    value = {
        **{kind: [item.name for item in items if item.kind == kind] for kind in KINDS},
        "items": [artifact_json(item, snapshot) for item in items],
        "total": len(found),
        "next": wanted.next(len(found)),
    }
    return json.dumps(value).encode()


def _matches(item: Artifact, wanted: ListingRequest) -> bool:
    if wanted.kind not in (None, item.kind):
        return False
    texts = f"{item.title} {item.description} {item.producer or ''} {item.name}".casefold()
    return all(word in texts for word in wanted.words)


def artifact_json(artifact: Artifact, snapshot: Snapshot) -> dict[str, object]:
    """A file as the API describes it."""
    card = gallery_of(snapshot).by_name[artifact.name]
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "title": artifact.title,
        "description": artifact.description,
        "url": artifact.url,
        "page": artifact_url(artifact.name),
        "thumbnail": card.picture if artifact.kind != "data" else None,
        "bytes": artifact.size,
        "modified": artifact.modified.isoformat().replace("+00:00", "Z"),
        "producer": artifact.producer,
        "data": artifact.data,
    }
