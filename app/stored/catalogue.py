"""The stored figures and data files: what there is, by name.

Visitors reach a file only by looking its name up here; no path is ever made of what they send.
Commands that write files record them in ``artifacts.json`` beside them:

    {"entropy.html": {"title": "...", "description": "...", "producer": "python -m ...",
                      "data": "entropy.json"}}

Small pictures for cards lie in a folder ``thumbnails`` below, by the stem of the figure.
"""

import json
import logging
import math
import os
import re
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar
from urllib.parse import quote

logger = logging.getLogger(__name__)

Kind = Literal["html", "images", "data", "thumbnails"]
Value = TypeVar("Value")

RECORDS = "artifacts.json"
THUMBNAILS = "thumbnails"
PREFIXES: dict[Kind, str] = {
    "html": "/visualizations/",
    "images": "/images/",
    "data": "/data/",
    "thumbnails": "/thumbnails/",
}
KEPT = 256
"""Values that are kept with a snapshot; one more empties the store."""

_TYPES: dict[str, tuple[Kind, str]] = {
    ".html": ("html", "text/html; charset=utf-8"),
    ".png": ("images", "image/png"),
    ".jpg": ("images", "image/jpeg"),
    ".jpeg": ("images", "image/jpeg"),
    ".webp": ("images", "image/webp"),
    ".svg": ("images", "image/svg+xml"),
    ".pdf": ("images", "application/pdf"),
    ".json": ("data", "application/json"),
    ".jsonl": ("data", "application/x-ndjson"),
    ".csv": ("data", "text/csv; charset=utf-8"),
    ".txt": ("data", "text/plain; charset=utf-8"),
    ".npz": ("data", "application/octet-stream"),
}


@dataclass(frozen=True)
class Artifact:
    """A stored file.

    Attributes:
        name: its file name; unique in the catalogue.
        kind: which of the three routes serves it.
        path: where it lies.
        content_type: what it is served as.
        size: bytes.
        modified_ns: nanoseconds since 1970.
        title, description: for people.
        producer: the command that writes it, if recorded.
        data: name of the data file behind it, if recorded.
    """

    name: str
    kind: Kind
    path: Path
    content_type: str
    size: int
    modified_ns: int
    title: str
    description: str = ""
    producer: str | None = None
    data: str | None = None

    @property
    def url(self) -> str:
        """Where it is served."""
        return PREFIXES[self.kind] + quote(self.name)

    @property
    def modified(self) -> datetime:
        """When it was written, UTC."""
        return datetime.fromtimestamp(self.modified_ns // 10**9, tz=UTC)

    @property
    def etag(self) -> str:
        """Changes whenever the file does."""
        return f"{self.modified_ns:x}-{self.size:x}"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The artifacts at one moment.

    Attributes:
        by_name: artifacts, sorted by name.
        thumbnails: small pictures by the stem of their figure.
    """

    by_name: Mapping[str, Artifact]
    thumbnails: Mapping[str, Artifact]
    _kept: dict[Hashable, Any] = field(default_factory=dict)

    def find(self, kind: Kind, name: str) -> Artifact | None:
        """The artifact of this kind and exact name."""
        if kind == "thumbnails":
            artifact = self.thumbnails.get(PurePath(name).stem)
            return artifact if artifact and artifact.name == name else None
        artifact = self.by_name.get(name)
        return artifact if artifact and artifact.kind == kind else None

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What ``make`` returns (not None), made once for ``key`` while nothing changes."""
        kept: Value | None = self._kept.get(key)
        if kept is not None:
            return kept
        made = make()
        if len(self._kept) >= KEPT:
            self._kept.clear()
        self._kept[key] = made
        return made


_Signature = tuple[tuple[str, int, int], ...]


class Catalogue:
    """Artifacts of some folders; looks again when a folder has changed.

    Args:
        folders: where they lie; of two files with one name the first folder's counts.
        patience: seconds for which a file's new content may go unnoticed. A file that comes, goes
            or is replaced, as our commands do it, is noticed at once.
    """

    def __init__(self, folders: Sequence[Path], *, max_age: float = 0.0) -> None:
        self._folders = tuple(folders)
        self._places = [*folders, *(folder / THUMBNAILS for folder in folders)]
        self._max_age = max_age
        self._looked = -math.inf
        self._changes: tuple[int, ...] = ()
        self._lock = threading.Lock()
        self._signature: _Signature | None = None
        self._snapshot = Snapshot({}, {})

    def items(self) -> list[Artifact]:
        """All artifacts, sorted by name."""
        return list(self.snapshot().by_name.values())

    def find(self, kind: Kind, name: str) -> Artifact | None:
        """The artifact of this kind and exact name."""
        return self.snapshot().find(kind, name)

    def snapshot(self) -> Snapshot:
        """What there is now; the same object as before if nothing has changed."""
        now, changes = time.monotonic(), tuple(_changed(place) for place in self._places)
        if now - self._looked < self._max_age and changes == self._changes:
            return self._snapshot
        found = [(place, list(_files(place))) for place in self._places]
        signature = tuple(
            (entry.path, stat.st_mtime_ns, stat.st_size)
            for _, entries in found
            for entry, stat in entries
        )
        with self._lock:
            if signature != self._signature:
                count = len(self._folders)
                self._snapshot = Snapshot(_collect(found[:count]), _thumbnails(found[count:]))
                self._signature = signature
            self._looked, self._changes = now, changes
            return self._snapshot


def _changed(folder: Path) -> int:
    """When a file came into a folder or left it; nanoseconds."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


_Entry = tuple[os.DirEntry[str], os.stat_result]


def _files(folder: Path) -> Iterator[_Entry]:
    """Plain files directly in ``folder``, by name; no links, nothing hidden."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        try:
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                yield entry, entry.stat(follow_symlinks=False)
        except OSError:
            continue  # gone since it was listed


_Scanned = list[tuple[Path, list[_Entry]]]


def _thumbnails(scanned: _Scanned) -> dict[str, Artifact]:
    found: dict[str, Artifact] = {}
    for folder, entries in scanned:
        for entry, stat in entries:
            path = Path(entry.name)
            kind, content_type = _TYPES.get(path.suffix, ("data", ""))
            if kind == "images" and content_type.startswith("image/") and entry.name.isprintable():
                known: tuple[Kind, str] = ("thumbnails", content_type)
                found.setdefault(path.stem, _artifact(folder, entry.name, known, stat, {}))
    return found


def _collect(scanned: _Scanned) -> dict[str, Artifact]:
    found: dict[str, Artifact] = {}
    for folder, entries in scanned:
        records = _records(folder / RECORDS)
        for entry, stat in entries:
            known = _TYPES.get(Path(entry.name).suffix.lower())
            if known is None or entry.name == RECORDS or not entry.name.isprintable():
                continue
            if entry.name in found:
                logger.warning("%s is in two artifact folders; one is left out", entry.name)
                continue
            found[entry.name] = _artifact(folder, entry.name, known, stat, records)
    return dict(sorted(found.items()))


def _artifact(
    folder: Path,
    name: str,
    known: tuple[Kind, str],
    stat: os.stat_result,
    records: dict[str, Any],
) -> Artifact:
    record = records.get(name)
    record = record if isinstance(record, dict) else {}
    text = {k: v for k, v in record.items() if isinstance(v, str)}
    kind, content_type = known
    return Artifact(
        name=name,
        kind=kind,
        path=folder / name,
        content_type=content_type,
        size=stat.st_size,
        modified_ns=stat.st_mtime_ns,
        title=text.get("title") or title_from_name(name),
        description=text.get("description", ""),
        producer=text.get("producer"),
        data=text.get("data"),
    )


def title_from_name(name: str) -> str:
    """A title for a file that nobody recorded: ``loss_by-step.png`` is ``Loss by step``."""
    words = re.sub(r"[\s._-]+", " ", Path(name).stem).strip() or name
    return words[0].upper() + words[1:]


def _records(path: Path) -> dict[str, Any]:
    """What the commands recorded; an unreadable file is logged and counts as empty."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("%s cannot be read (%s); titles come from file names", path, error)
        return {}
    if not isinstance(records, dict):
        logger.warning("%s is not an object of file names; titles come from file names", path)
        return {}
    return records
