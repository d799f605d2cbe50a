"""Common parts of all generated sources: numbered documents from draws seeded by their ids.

A generator is a function of a `Draw` that returns the whole text of one document. It draws
everything in the document (names, fields, separators, ranges, formats) anew, so that no two
documents share a template; the words come from training documents alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from ..document import Document, Exact
from ..draw import Draw, words_of
from ..parents import Parents
from ..shards import SPLITS
from .registry import REGISTRY

VOCABULARY = ("wordnet", "wikipedia", "udhr")
HELD_SHARE = {"train": 1.0, "valid": 0.02, "test": 0.02}  # of the bytes for training

Generator = Callable[[Draw], str]


def documents(
    parents: Parents, *, name: str, megabytes: float, generate: Generator
) -> Iterator[Document]:
    """Yield documents up to `megabytes` of text for training, and a share of it per other split."""
    words = words_of(parents)
    for split in SPLITS:
        room, number = megabytes * 1e6 * HELD_SHARE[split], 0
        while room > 0:
            own = f"{name}/{split}/{number:05d}"
            text = generate(Draw(Random(own), words))
            room -= len(text.encode())
            number += 1
            yield Document(own, [Exact(text)], split=split)


def generated(name: str, megabytes: float, lang: str) -> Callable[[Generator], Generator]:
    """Return a decorator that registers a generator as the source `name`, `megabytes` MB long."""

    def register(generate: Generator) -> Generator:
        REGISTRY.source(
            name,
            licence="WordNet-3.0 AND CC-BY-SA-4.0 AND public domain",
            note="Generated, with words out of WordNet 3.0 (copyright 2006 by Princeton "
            "University), Wikipedia (by its authors) and the Universal Declaration of Human "
            "Rights.",
            lang=lang,
            kind="made",
            parents=VOCABULARY,
            parameters={"megabytes": megabytes, "seed": f"{name}/SPLIT/NUMBER"},
        )(partial(documents, name=name, megabytes=megabytes, generate=generate))
        return generate

    return register
