"""Access to the documents of built sources, for the sources that are derived from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .shards import read_records


@dataclass(frozen=True)
class Parents:
    """The built sources `names` below the output folder `out`."""

    out: Path
    names: tuple[str, ...]

    def records(self, split: str, *names: str) -> Iterator[dict[str, str]]:
        """Yield the records of one split of the parents, or of those called `names`."""
        for name in names or self.names:
            yield from read_records(self.out, name, split)
