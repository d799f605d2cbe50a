"""Held-out sources, never trained on: kinds of text to measure models on, 60-120 kB each.

The kind of every source here is `held-out`: all documents go to the test split. Real text comes
from packages that no other source reads, or from test documents; generated text comes from
generators that no training source uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from ..document import Document, Documents, Exact, sorted_files
from ..parents import Parents
from ..shaping import Wrapping, paragraphs_of, pieces_of, wrap
from .prose import HELD_DECLARATIONS
from .registry import REGISTRY

ROOM = {"sotu": 60_000, "austen": 40_000, "wikipedia": 25_000}  # bytes of prose from each
MOST = 6000  # characters of a document
WIDTH = 70


def held(name: str, *packages: str, **about: Any) -> Callable[[Documents], Documents]:
    """Return a decorator that registers a source of test documents alone."""
    return REGISTRY.source(
        name, *packages, kind="held-out", held_out=lambda _id: True, **about
    )  # fmt: skip


def prose(parents: Parents) -> Iterator[tuple[str, list[str]]]:
    """Yield names and paragraphs of prose: the beginnings of test documents of each source."""
    for name, room in ROOM.items():
        pieces = [
            (record["id"], next(pieces_of(paragraphs_of(record["text"]), MOST)))
            for record in parents.records("test", name)
        ]
        size = sum(len("".join(piece).encode()) for _, piece in pieces)
        step = max(1, -(-size // room))
        for own, piece in pieces[::step]:
            if sum(map(len, piece)) >= 200:
                yield f"{name}/{own}", piece


def plain(piece: list[str], _rng: Random) -> str:
    """Return the paragraphs with an empty line between them."""
    return "\n\n".join(piece)


def wrapped(piece: list[str], rng: Random) -> str:
    """Return the paragraphs in lines of 70 columns."""
    return wrap(piece, Wrapping(WIDTH), rng)


def crlf(piece: list[str], rng: Random) -> str:
    """Return the paragraphs in lines of 70 columns with CRLF line ends."""
    return wrapped(piece, rng).replace("\n", "\r\n")


def held_prose(
    parents: Parents, *, name: str, form: Callable[[list[str], Random], str]
) -> Iterator[Document]:
    """Yield the held-out prose in one form."""
    for own, piece in prose(parents):
        yield Document(f"{name}/{own}", [Exact(form(piece, Random(own)))])


for _name, _form in (
    ("held-prose", plain),
    ("held-prose-wrapped", wrapped),
    ("held-prose-crlf", crlf),
):
    held(
        _name,
        licence="public domain AND CC-BY-SA-4.0",
        note="Test documents of the sources sotu, austen, wikipedia, by the authors named there.",
        parents=tuple(ROOM),
        parameters={"bytes": ROOM, "characters of a document": MOST, "width": WIDTH},
    )(partial(held_prose, name=_name, form=_form))


def declarations(parents: Parents, *, name: str, versions: tuple[str, ...]) -> Iterator[Document]:
    """Yield the versions of the Universal Declaration of Human Rights in one language."""
    for record in parents.records("test", "udhr"):
        version = record["id"].partition("/")[2]
        if version in versions:
            yield Document(f"{name}/{version}", [Exact(record["text"])])


for _language, (_code, _versions) in HELD_DECLARATIONS.items():
    held(
        f"held-{_language}",
        licence="public domain",
        note="Universal Declaration of Human Rights, United Nations.",
        lang=_code,
        parents=("udhr",),
    )(partial(declarations, name=f"held-{_language}", versions=_versions))


@held(
    "held-dna",
    licence="public domain",
    note="Generated: A, C, G and T at random.",
    lang="sequence",
    parameters={"documents": 24, "letters": 4000, "seed": "held-dna/NUMBER"},
)
def dna() -> Iterator[Document]:
    """Yield lines of random A, C, G and T, in capitals and all equally likely."""
    for number in range(24):
        own = f"held-dna/{number:02d}"
        yield Document(own, [Exact("".join(Random(own).choices("ACGT", k=4000)))])


def line_pieces(text: str, most: int) -> list[str]:
    """Return runs of whole lines of about `most` characters."""
    pieces = pieces_of(text.splitlines(keepends=True), most)
    return ["".join(piece) for piece in pieces]


VEGA = "pypi:vega-datasets==0.9.0"
CSV_PIECES = 4  # of each table


@held(
    "held-csv",
    VEGA,
    licence="MIT",
    note="Tables of Vega Datasets: public data of US offices and newspapers, gathered by the "
    "Interactive Data Lab of the University of Washington.",
    lang="csv",
    sha256={VEGA: "3d7c63917be6ca9b154b565f4779a31fedce57b01b5b9d99d8a34a7608062a1d"},
    parameters={"pieces of a table": CSV_PIECES},
)
def tables(folder: Path) -> Iterator[Document]:
    """Yield a few pieces of each table of Vega Datasets, the first one with its header."""
    for path in sorted_files(folder, "**/_data/*.csv"):
        pieces = line_pieces(path.read_text("utf-8"), MOST // 2)
        step = max(1, len(pieces) // CSV_PIECES)
        for number, piece in list(enumerate(pieces))[::step][:CSV_PIECES]:
            yield Document(f"held-csv/{path.stem}/{number}", [Exact(piece.replace("\r", ""))])


MINIFIED = {
    "npm:jquery@3.7.1": "68a9f787516da47c680e09c187bcbac4536b6f85d90eb882844e12919e583f53",
    "npm:moment@2.30.1": "52219a9fee5e1faade4c72536c173c54cedd5e2619272dd0c251a30aeafcde8c",
    "npm:underscore@1.13.7": "a252090ea284c52edc7c8a90e05cf97fb56e2d151a1e70c203e8ec27eb50cd66",
}
SCRIPT_PIECES = 8  # of each library
SCRIPTS = ("dist/jquery.slim.min.js", "min/moment.min.js", "underscore-umd-min.js")


@held(
    "held-minified-js",
    *MINIFIED,
    licence="MIT",
    note="Minified jQuery (copyright OpenJS Foundation and other contributors), Moment.js "
    "(copyright JS Foundation and other contributors), Underscore.js (copyright 2009-2022 Jeremy "
    "Ashkenas and others).",
    lang="javascript",
    sha256=MINIFIED,
    parameters={"pieces of a library": SCRIPT_PIECES},
)
def minified(*folders: Path) -> Iterator[Document]:
    """Yield pieces of a few thousand characters of minified JavaScript libraries."""
    for folder, script in zip(folders, SCRIPTS, strict=True):
        text = (folder / "package" / script).read_text("utf-8")
        for start in range(0, min(len(text), SCRIPT_PIECES * MOST), MOST):
            piece = text[start : start + MOST]
            if len(piece) >= MOST // 4:
                yield Document(f"held-minified-js/{Path(script).stem}/{start:06d}", [Exact(piece)])


@held(
    "held-services",
    "deb:netbase",
    licence="GPL-2.0-only",
    note="The list of network services of Debian's netbase, copyright 1994-2022 Peter Tobias, "
    "Anthony Towns and Marco d'Itri; measured on, never trained on.",
    lang="text",
)
def services(folder: Path) -> Iterator[Document]:
    """Yield Debian's list of network services in pieces of whole lines, unchanged."""
    text = (folder / "etc/services").read_text("utf-8")
    for number, piece in enumerate(line_pieces(text, MOST)):
        yield Document(f"held-services/{number}", [Exact(piece)])
