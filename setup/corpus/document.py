"""Documents of a source (`Document`), and descriptions of sources (`Source`, `Registry`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["prose", "reference", "technical", "interface", "code", "form", "made", "held-out"]


class Heading(str):
    """A block that starts a section; a blank line is put before it."""


class Verbatim(str):
    """A block whose blanks carry meaning (code); they are kept, with blank lines around it."""


class Exact(str):
    """The whole text of a document, which cleaning does not change: CRLF, tabs and blanks stay."""


@dataclass(frozen=True)
class Document:
    """One document of a source, before cleaning.

    `id` is unique within the source and decides the split, so it must not depend on the order of
    the documents. `blocks` are paragraphs (`str`), `Heading`s and `Verbatim`s, in reading order.
    `separator` is put between two plain paragraphs. `lang` is set where it differs from the
    source's, `split` where the document must be in the split of its original document, whatever its
    id.
    """

    id: str
    blocks: list[str]
    lang: str = ""
    separator: str = "\n"
    split: str = ""


Documents = Callable[..., Iterator[Document]]


@dataclass(frozen=True)
class Source:
    """A named source of documents with its packages and licence.

    `packages` are `KIND:SPEC` strings (see `corpus.fetch`); `documents` is called with the folder
    of each unpacked package, in that order. Where the source has `parents` (names of sources from
    which it is derived), the last argument is the `Parents` (see `corpus.parents`). `lang` is a
    language code, `mul` for many, or the name of a programming language; `note` is the attribution
    that the licence requires. `held_percent` of the documents go to valid and as many to test (more
    where there are few documents); `held_out` decides by id whether a document belongs to test
    whatever its hash. `sha256` pins archives that no signed index vouches for. `parameters` are
    written to the manifest; when they or the shards of a parent change, the source is rebuilt.
    """

    name: str
    documents: Documents
    packages: tuple[str, ...]
    licence: str
    note: str
    lang: str = "en"
    kind: Kind = "prose"
    dedupe_paragraphs: bool = False
    held_percent: int = 1
    held_out: Callable[[str], bool] = lambda _id: False
    sha256: dict[str, str] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)


class Registry(dict[str, Source]):
    """The known sources by name, in the order in which they are built."""

    def source(self, name: str, *packages: str, **about: Any) -> Callable[[Documents], Documents]:
        """Return a decorator that registers a function of unpacked folders as the source `name`."""

        def register(documents: Documents) -> Documents:
            if name in self:
                raise ValueError(f"source {name!r} is registered twice")
            self[name] = Source(name, documents, packages, **about)
            return documents

        return register

    def select(self, names: list[str] | None) -> list[Source]:
        """Return the sources called `names` (all when None), in registry order.

        ValueError if a name is unknown.
        """
        unknown = sorted(set(names or ()) - set(self))
        if unknown:
            raise ValueError(f"unknown source {', '.join(unknown)}; known: {', '.join(self)}")
        return [source for source in self.values() if names is None or source.name in names]


def sorted_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files below `folder` that match `pattern`, in the same order on every system."""
    paths = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not paths:
        raise FileNotFoundError(f"the package holds no file {pattern}: has its layout changed?")
    return paths
