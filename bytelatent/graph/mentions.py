"""Types that entity finders pass to the graph builder: sentences with their mentions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Progress = Callable[[int, int], None]
"""Callback that receives the amount done and the total amount."""


class Mention(NamedTuple):
    """A mention of an entity in a text.

    Attributes:
        start, end: span of characters in the original text.
        text: ``original[start:end]``.
        label: type of entity that the finder assigned.
    """

    start: int
    end: int
    text: str
    label: str


class Triple(NamedTuple):
    """A relation between two mentions of a sentence, each given by its number in the sentence."""

    subject: int
    relation: str
    object: int


@dataclass(frozen=True)
class Sentence:
    """A sentence, ``original[start:end]``, with its mentions and relations."""

    start: int
    end: int
    mentions: list[Mention]
    triples: list[Triple] = field(default_factory=list)


class Finder(Protocol):
    """Interface of a finder of entities and relations."""

    name: str

    def find(self, text: str, progress: Progress | None = None) -> Iterator[Sentence]:
        """Yield the sentences of ``text`` that mention an entity, in order."""
        ...
