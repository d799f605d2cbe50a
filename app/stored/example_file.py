"""The precomputed examples on disk; ``python -m app.precompute examples`` writes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.stored.stored_file import StoredFile


@dataclass(frozen=True)
class Examples:
    """What the file holds.

    Attributes:
        model: name of the model that was asked.
        threshold: nats, the model's own.
        max_patch_length: bytes, likewise; None for no limit.
        items: each with ``id``, ``title``, ``lang``, ``request`` and ``response``.
    """

    model: str = ""
    threshold: float | None = None
    max_patch_length: int | None = None
    items: tuple[dict[str, Any], ...] = ()


class ExampleFile(StoredFile[Examples]):
    """The precomputed examples on disk, read again when the file changes.

    Args:
        path: the file; a missing or damaged one counts as empty.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, _parse, Examples())


def _parse(value: Any) -> Examples:
    items = tuple(value["examples"])
    for item in items:
        _ = item["id"], item["title"], item["lang"], item["request"]["text"], item["response"]
    return Examples(value["model"], value["threshold"], value.get("max_patch_length"), items)
