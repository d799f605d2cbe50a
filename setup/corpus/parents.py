"""The documents of sources that were built before, for the sources that are made of them."""

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
        """The lines of one split of the parents (of those called `names` when any are given)."""
        for name in names or self.names:
            yield from read_records(self.out, name, split)
