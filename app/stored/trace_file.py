"""The file of recorded texts that ``python -m app.precompute traces`` writes."""

from dataclasses import dataclass
from typing import Any

from app.stored.stored_file import StoredFile, text_items


@dataclass(frozen=True)
class Traces:
    """Content of the file of recorded texts.

    Attributes:
        model: name of the model that generated the texts.
        items: recorded texts, each with ``id``, ``title``, ``lang``, ``request`` and ``response``.
    """

    model: str = ""
    items: tuple[dict[str, Any], ...] = ()


class TraceFile(StoredFile[Traces]):
    """Reader of the file of recorded texts."""

    def empty(self) -> Traces:
        """Return the content of a missing file: no recorded texts."""
        return Traces()

    def parse(self, value: Any) -> Traces:
        """Return the recorded texts of the file."""
        items = text_items(value, "traces", "prompt")
        for item in items:
            _ = item["response"]["text"], item["response"]["events"][0]["byte"]
        return Traces(value["model"], items)
