"""JSON files that commands write and pages read; a reader reads its file again when it changes."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from bytelatent.files import read_json, replacing, write_json
from bytelatent.formats.file_names import ARTIFACTS_FILE

Content = TypeVar("Content")


class StoredFile(ABC, Generic[Content]):
    """Reader of a JSON file; a missing or damaged file has the content of :meth:`empty`.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._empty = self._content = self.empty()

    @abstractmethod
    def empty(self) -> Content:
        """Return the content of a missing or damaged file."""

    @abstractmethod
    def parse(self, value: Any) -> Content:
        """Return the content of the file from its JSON value.

        Raises:
            ValueError, KeyError, TypeError: the file is damaged.
        """

    def read(self) -> Content:
        """Return the current content; the same object as before if the file has not changed."""
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
            return self.parse(read_json(self._path))
        except (ValueError, KeyError, TypeError):
            return self._empty


def text_items(value: Any, key: str, text_field: str) -> tuple[dict[str, Any], ...]:
    """Return the list ``key`` of a stored file, whose items are API requests with their responses.

    Args:
        value: JSON value of the file.
        key: name of the list.
        text_field: field of each request that contains the text.

    Raises:
        KeyError, TypeError: the list or a field of an item is missing.
    """
    items = tuple(value[key])
    for item in items:
        _ = item["id"], item["title"], item["lang"], item["request"][text_field], item["response"]
    return items


def write_items(
    path: Path,
    head: Mapping[str, Any],
    key: str,
    items: Sequence[Mapping[str, Any]],
    record: Mapping[str, Any],
) -> None:
    """Write a JSON file with the list ``key``, one item per line, and record it for the gallery.

    Args:
        path: path of the file.
        head: fields before the list.
        key: name of the list.
        items: items of the list.
        record: title, description, command and data file that the gallery shows.
    """
    lines = ",\n".join(
        json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        for item in items
    )
    with replacing(path) as temporary:
        beginning = json.dumps(head, ensure_ascii=False)[:-1]
        temporary.write_text(f'{beginning}, "{key}": [\n{lines}\n]}}\n', encoding="utf-8")
    records = path.parent / ARTIFACTS_FILE
    known = read_json(records) if records.is_file() else {}
    write_json(records, dict(sorted({**known, path.name: record}.items())))
