"""JSON files that commands write and pages read, read again when they change."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from app.stored.catalogue import RECORDS
from bytelatent.files import read_json, replacing, write_json

Content = TypeVar("Content")


class StoredFile(Generic[Content]):
    """A JSON file as a value.

    Args:
        path: the file.
        parse: its JSON as a value; ``ValueError``, ``KeyError`` or ``TypeError`` if it is another.
        empty: what a missing or damaged file counts as.
    """

    def __init__(self, path: Path, parse: Callable[[Any], Content], empty: Content) -> None:
        self._path, self._parse, self._empty = path, parse, empty
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._content = empty

    def read(self) -> Content:
        """What it holds now."""
        try:
            stat = self._path.stat()
        except OSError:
            return self._empty
        with self._lock:
            if self._seen != (stat.st_mtime_ns, stat.st_size):
                self._content = self._load()
                self._seen = (stat.st_mtime_ns, stat.st_size)
            return self._content

    def _load(self) -> Content:
        try:
            return self._parse(read_json(self._path))
        except (ValueError, KeyError, TypeError):
            return self._empty


def write_items(
    path: Path,
    head: Mapping[str, Any],
    key: str,
    items: Sequence[Mapping[str, Any]],
    record: Mapping[str, Any],
) -> None:
    """Write ``head`` with a list ``key`` of ``items``, one a line, and tell the gallery of it.

    Args:
        path: the file.
        head: what stands in front of the list.
        key: name of the list.
        items: its items.
        record: title, description, command and data file, as the gallery shows them.
    """
    lines = ",\n".join(
        json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        for item in items
    )
    with replacing(path) as temporary:
        beginning = json.dumps(head, ensure_ascii=False)[:-1]
        temporary.write_text(f'{beginning}, "{key}": [\n{lines}\n]}}\n', encoding="utf-8")
    records = path.parent / RECORDS
    known = read_json(records) if records.is_file() else {}
    write_json(records, dict(sorted({**known, path.name: record}.items())))
