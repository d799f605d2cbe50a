"""The recorded texts on disk; ``python -m app.precompute traces`` writes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.stored.stored_file import StoredFile


@dataclass(frozen=True)
class Traces:
    """What the file holds.

    Attributes:
        model: name of the model that made the texts.
        items: each with ``id``, ``title``, ``lang``, ``request`` and ``response``.
    """

    model: str = ""
    items: tuple[dict[str, Any], ...] = ()


class TraceFile(StoredFile[Traces]):
    """The recorded texts on disk, read again when the file changes.

    Args:
        path: the file; a missing or damaged one counts as empty.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, _parse, Traces())


def _parse(value: Any) -> Traces:
    items = tuple(value["traces"])
    for item in items:
        _ = item["id"], item["title"], item["lang"], item["request"]["prompt"]
        _ = item["response"]["text"], item["response"]["events"][0]["byte"]
    return Traces(value["model"], items)
