"""What finders give to the builder: sentences with the entities mentioned in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""


class Mention(NamedTuple):
    """An entity where it is mentioned.

    Attributes:
        start, end: its characters in the original.
        text: ``original[start:end]``.
        label: what kind of entity the finder takes it for.
    """

    start: int
    end: int
    text: str
    label: str


class Triple(NamedTuple):
    """A relation between two mentions of a sentence, by their numbers in it."""

    subject: int
    relation: str
    object: int


@dataclass(frozen=True)
class Sentence:
    """A sentence of the original, ``original[start:end]``, and what is found in it."""

    start: int
    end: int
    mentions: list[Mention]
    triples: list[Triple] = field(default_factory=list)


class Finder(Protocol):
    """Finds entities and relations."""

    name: str

    def find(self, text: str, progress: Progress | None = None) -> Iterator[Sentence]:
        """The sentences of ``text`` that mention an entity, in order."""
        ...
