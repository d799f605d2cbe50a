"""The file of precomputed examples that ``python -m app.precompute examples`` writes."""

from dataclasses import dataclass
from typing import Any

from app.stored.stored_file import StoredFile, text_items


@dataclass(frozen=True)
class Examples:
    """Content of the file of precomputed examples.

    Attributes:
        model: name of the model that computed the responses.
        threshold: entropy threshold of the model, in nats.
        max_patch_length: largest patch length of the model in bytes; None means no limit.
        items: examples, each with ``id``, ``title``, ``lang``, ``request`` and ``response``.
    """

    model: str = ""
    threshold: float | None = None
    max_patch_length: int | None = None
    items: tuple[dict[str, Any], ...] = ()


class ExampleFile(StoredFile[Examples]):
    """Reader of the file of precomputed examples."""

    def empty(self) -> Examples:
        """Return the content of a missing file: no examples."""
        return Examples()

    def parse(self, value: Any) -> Examples:
        """Return the examples of the file."""
        items = text_items(value, "examples", "text")
        return Examples(value["model"], value["threshold"], value.get("max_patch_length"), items)
