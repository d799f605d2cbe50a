"""The precomputed examples on disk; ``python -m app.examples`` writes them."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytelatent.files import read_json


@dataclass(frozen=True)
class Examples:
    """What the file holds.

    Attributes:
        model: name of the model that was asked.
        threshold: nats, the model's own.
        items: each with ``id``, ``title``, ``lang``, ``request`` and ``response``.
    """

    model: str = ""
    threshold: float | None = None
    items: tuple[dict[str, Any], ...] = ()


class ExampleFile:
    """The precomputed examples on disk, read again when the file changes.

    Args:
        path: the file; a missing or damaged one counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._examples = Examples()

    def read(self) -> Examples:
        """The examples, as of now."""
        try:
            stat = self._path.stat()
        except OSError:
            return Examples()
        with self._lock:
            if self._seen != (stat.st_mtime_ns, stat.st_size):
                self._examples = _parse(self._path)
                self._seen = (stat.st_mtime_ns, stat.st_size)
            return self._examples


def _parse(path: Path) -> Examples:
    try:
        value = read_json(path)
        items = tuple(value["examples"])
        for item in items:
            _ = item["id"], item["title"], item["lang"], item["request"]["text"], item["response"]
        return Examples(value["model"], value["threshold"], items)
    except (ValueError, KeyError, TypeError, OSError):
        return Examples()
