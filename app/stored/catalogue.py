"""The catalogue of stored figures and data files, by name.

A visitor reaches a file only by a look-up of its name here; no path is built from a request.
Commands that write files record them in ``artifacts.json`` in the same folder:

    {"entropy.html": {"title": "...", "description": "...", "producer": "python -m ...",
                      "data": "entropy.json"}}

Thumbnails of figures lie in the subfolder ``thumbnails``, under the stem of the figure's file.
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

from bytelatent.formats.file_names import ARTIFACTS_FILE

logger = logging.getLogger(__name__)

Kind = Literal["html", "images", "data", "thumbnails"]
Value = TypeVar("Value")

THUMBNAILS = "thumbnails"
PREFIXES: dict[Kind, str] = {
    "html": "/visualizations/",
    "images": "/images/",
    "data": "/data/",
    "thumbnails": "/thumbnails/",
}
KEPT = 256
"""Largest number of values that a snapshot caches; when it is exceeded, the cache is emptied."""

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
class StoredArtifact:
    """Stored figure or data file.

    Attributes:
        name: name of the file; unique in the catalogue.
        kind: kind of file, which selects the route that serves it.
        path: path of the file.
        content_type: content type of the responses.
        size: size in bytes.
        modified_ns: modification time in nanoseconds since 1970.
        title, description: title and description for visitors.
        producer: command that writes the file, if it is recorded.
        data: name of the data file of a figure, if it is recorded.
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
        """URL of the file."""
        return PREFIXES[self.kind] + quote(self.name)

    @property
    def modified(self) -> datetime:
        """Modification time in UTC."""
        return datetime.fromtimestamp(self.modified_ns // 10**9, tz=UTC)

    @property
    def etag(self) -> str:
        """Tag that changes whenever the file changes."""
        return f"{self.modified_ns:x}-{self.size:x}"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """State of the catalogue at one moment.

    Attributes:
        by_name: artifacts, sorted by name.
        thumbnails: thumbnails by the stem of their figure.
    """

    by_name: Mapping[str, StoredArtifact]
    thumbnails: Mapping[str, StoredArtifact]
    _kept: dict[Hashable, Any] = field(default_factory=dict)

    def find(self, kind: Kind, name: str) -> StoredArtifact | None:
        """Return the artifact of this kind and exactly this name, or None."""
        if kind == "thumbnails":
            artifact = self.thumbnails.get(PurePath(name).stem)
            return artifact if artifact and artifact.name == name else None
        artifact = self.by_name.get(name)
        return artifact if artifact and artifact.kind == kind else None

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of ``make``, computed once per key and snapshot; it must not be None."""
        kept: Value | None = self._kept.get(key)
        if kept is not None:
            return kept
        value = make()
        if len(self._kept) >= KEPT:
            self._kept.clear()
        self._kept[key] = value
        return value


_Signature = tuple[tuple[str, int, int], ...]


class Catalogue:
    """Artifacts of some folders; a changed folder is read again.

    Args:
        folders: folders of the artifacts; if two files have the same name, the first folder has
            priority.
        max_age: longest time in seconds until changed content of a file is noticed. A file that
            is added, removed or replaced, as our commands do it, is noticed at once.
    """

    def __init__(self, folders: Sequence[Path], *, max_age: float = 0.0) -> None:
        self._folders = tuple(folders)
        self._all_folders = [*folders, *(folder / THUMBNAILS for folder in folders)]
        self._max_age = max_age
        self._looked = -math.inf
        self._changes: tuple[int, ...] = ()
        self._lock = threading.Lock()
        self._signature: _Signature | None = None
        self._snapshot = Snapshot({}, {})

    def items(self) -> list[StoredArtifact]:
        """Return all artifacts, sorted by name."""
        return list(self.snapshot().by_name.values())

    def find(self, kind: Kind, name: str) -> StoredArtifact | None:
        """Return the artifact of this kind and exactly this name, or None."""
        return self.snapshot().find(kind, name)

    def snapshot(self) -> Snapshot:
        """Return the current snapshot; the same object as before if nothing has changed."""
        now, changes = time.monotonic(), tuple(_changed(place) for place in self._all_folders)
        if now - self._looked < self._max_age and changes == self._changes:
            return self._snapshot
        scanned = [(place, list(_files(place))) for place in self._all_folders]
        signature = tuple(
            (entry.path, stat.st_mtime_ns, stat.st_size)
            for _, entries in scanned
            for entry, stat in entries
        )
        with self._lock:
            if signature != self._signature:
                count = len(self._folders)
                self._snapshot = Snapshot(_collect(scanned[:count]), _thumbnails(scanned[count:]))
                self._signature = signature
            self._looked, self._changes = now, changes
            return self._snapshot


def _changed(folder: Path) -> int:
    """Return the time in nanoseconds at which a file was last added to or removed from a folder."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


_Entry = tuple[os.DirEntry[str], os.stat_result]


def _files(folder: Path) -> Iterator[_Entry]:
    """Generate the plain files directly in ``folder`` by name, without links and hidden files."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in listed:
        try:
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                yield entry, entry.stat(follow_symlinks=False)
        except OSError:
            continue  # deleted since the folder was read


_Scanned = list[tuple[Path, list[_Entry]]]


def _thumbnails(scanned: _Scanned) -> dict[str, StoredArtifact]:
    thumbnails: dict[str, StoredArtifact] = {}
    for folder, entries in scanned:
        for entry, stat in entries:
            path = Path(entry.name)
            kind, content_type = _TYPES.get(path.suffix, ("data", ""))
            if kind == "images" and content_type.startswith("image/") and entry.name.isprintable():
                known: tuple[Kind, str] = ("thumbnails", content_type)
                thumbnails.setdefault(path.stem, _artifact(folder, entry.name, known, stat, {}))
    return thumbnails


def _collect(scanned: _Scanned) -> dict[str, StoredArtifact]:
    artifacts: dict[str, StoredArtifact] = {}
    for folder, entries in scanned:
        records = _records(folder / ARTIFACTS_FILE)
        for entry, stat in entries:
            known = _TYPES.get(Path(entry.name).suffix.lower())
            if known is None or entry.name == ARTIFACTS_FILE or not entry.name.isprintable():
                continue
            if entry.name in artifacts:
                logger.warning("%s is in two artifact folders; one is left out", entry.name)
                continue
            artifacts[entry.name] = _artifact(folder, entry.name, known, stat, records)
    return dict(sorted(artifacts.items()))


def _artifact(
    folder: Path,
    name: str,
    known: tuple[Kind, str],
    stat: os.stat_result,
    records: dict[str, Any],
) -> StoredArtifact:
    record = records.get(name)
    record = record if isinstance(record, dict) else {}
    text = {k: v for k, v in record.items() if isinstance(v, str)}
    kind, content_type = known
    return StoredArtifact(
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
    """Return a title for a file without a record; ``loss_by-step.png`` gives ``Loss by step``."""
    words = re.sub(r"[\s._-]+", " ", Path(name).stem).strip() or name
    return words[0].upper() + words[1:]


def _records(path: Path) -> dict[str, Any]:
    """Read the records of the commands; an unreadable file is logged and counts as empty."""
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
