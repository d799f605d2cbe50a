"""Held-out documents, which no model was trained on, as a whole or cut into pieces."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytelatent.data.formats import FORMATS, read_shard
from bytelatent.data.sources import find_chunks
from bytelatent.files import read_json
from bytelatent.formats.file_names import MANIFEST_FILE

logger = logging.getLogger(__name__)


OUTSIDE_KIND = "held-out"
"""Kind of the sources that no model is trained on. They are only in the test split, they contain
kinds of text that the training mix does not have, and results for them are reported separately."""

LEAST_SHARE = 2000
"""Least number of bytes of a document if only a part of a source is used."""

BLANKS = b" \n"

READ_AHEAD = 100
"""Limit of the bytes that are read of a source, as a multiple of the bytes that are used."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out documents of one source.

    Attributes:
        source: name of the source.
        language, kind: language and kind of text from the corpus manifest; ``unknown`` if the
            manifest does not list the source.
        documents: UTF-8 bytes of each document.
    """

    source: str
    language: str
    kind: str
    documents: list[bytes]


def held_out(
    root: Path,
    split: str,
    sources: Iterable[str] | None = None,
    *,
    limit: int | None = None,
    text_key: str = "text",
) -> list[HeldOut]:
    """Read the documents of a split, in the order of their files.

    Args:
        root: folder of the corpus.
        split: ``test`` or ``valid``.
        sources: names of the sources; all sources of the split when None.
        limit: largest number of bytes of each source (see :func:`spread`); None for no limit.
        text_key: field or column that contains the text.

    Raises:
        ValueError: a source is missing, empty or damaged.
    """
    about = read_about(root)
    groups = []
    for source in source_names(root / split) if sources is None else sources:
        documents = _read(find_chunks(root, split, source), limit, text_key)
        if not documents:
            raise ValueError(f"{root / split}: source {source!r} holds no text")
        language, kind = about.get(source, ("unknown", "unknown"))
        groups.append(HeldOut(source, language, kind, documents))
    return groups


def source_names(folder: Path) -> list[str]:
    """Return the names of the sources of a split, sorted.

    A source is a folder of the split, or files whose name without suffix and ``.chunk.N`` is the
    name of the source.

    Raises:
        ValueError: the split has no source.
    """
    names = _names(folder)
    if not names:
        raise ValueError(
            f"{folder} holds no source: neither NAME.jsonl (or {', '.join(FORMATS)}) nor a folder "
            "of such files (the shipped mix: python setup/build_corpus.py)"
        )
    return sorted(names)


def default_split(root: Path, sources: Collection[str] | None = None) -> str:
    """Return the split to measure: ``test``, or ``valid`` with a warning if there is no test split.

    Args:
        root: folder of the corpus.
        sources: names of the sources to measure; a test split without any of them does not count.
            None for all sources.

    Raises:
        ValueError: the corpus has neither a test split nor a valid split.
    """
    names_of = {split: _names(root / split) for split in ("test", "valid")}
    if not any(names_of.values()):
        raise ValueError(
            f"{root} holds no held-out text: there is no source in {root / 'test'}, nor in "
            f"{root / 'valid'} (the shipped mix: python setup/build_corpus.py)"
        )
    chosen = None if sources is None else set(sources)
    test, valid = (names if chosen is None else names & chosen for names in names_of.values())
    if test or not valid:
        return "test"
    logger.warning("%s has no test split; valid is measured instead", root)
    return "valid"


def _names(folder: Path) -> set[str]:
    """Return the names of the sources of a split; an empty set if the folder does not exist."""
    names = set()
    for path in folder.iterdir() if folder.is_dir() else ():
        ending = next((suffix for suffix in FORMATS if path.name.endswith(suffix)), None)
        if path.name.startswith(".") or not (path.is_dir() or ending):
            continue
        names.add(path.name.removesuffix(ending or "").partition(".chunk.")[0])
    return names


def read_entries(root: Path) -> dict[str, Mapping[str, Any]]:
    """Read the entry of every source from the corpus manifest; empty without a manifest.

    Raises:
        ValueError: the manifest is damaged.
    """
    path = root / MANIFEST_FILE
    if not path.is_file():
        return {}
    try:
        return {entry["source"]: entry for entry in read_json(path)["sources"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no corpus manifest ({error})") from None


def read_about(root: Path) -> dict[str, tuple[str, str]]:
    """Read the language and kind of every source from the corpus manifest.

    The result is empty without a manifest.

    Raises:
        ValueError: the manifest is damaged.
    """
    try:
        entries = read_entries(root)
        return {name: (entry["lang"], entry["kind"]) for name, entry in entries.items()}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{root / MANIFEST_FILE} is no corpus manifest ({error})") from None


def cut_pieces(document: bytes, max_bytes: int, *, at_blanks: bool = False) -> list[bytes]:
    """Cut a document into pieces of about equal size and at most ``max_bytes`` bytes.

    A document of valid UTF-8 is cut between characters.

    Args:
        document: UTF-8 bytes.
        max_bytes: largest number of bytes of a piece.
        at_blanks: whether to cut before the last space or line end in the second half of a piece,
            if there is one, so that no word is cut. The next piece then begins with that blank.
    """
    pieces, first = [], 0
    while first < len(document):
        rest = len(document) - first
        size = _ceil(rest, _ceil(rest, max_bytes))
        last = _between_characters(document, first, first + size)
        if at_blanks and last < len(document):
            last = _before_blank(document, first + size // 2, last)
        pieces.append(document[first:last])
        first = last
    return pieces


def _read(paths: Iterable[Path], limit: int | None, text_key: str) -> list[bytes]:
    documents: list[bytes] = []
    size = 0
    for path in paths:
        for document in read_shard(path, text_key):
            if document.data:
                documents.append(document.data)
                size += len(document.data)
            if limit is not None and size > READ_AHEAD * limit:
                return spread(documents, limit)
    return documents if limit is None else spread(documents, limit)


def spread(documents: Sequence[bytes], limit: int) -> list[bytes]:
    """Return the beginnings of documents that are evenly spread over the sequence.

    Together they have at most ``limit`` bytes. Each one has :data:`LEAST_SHARE` bytes or more, so
    that a source of a few long documents is not represented by its first document alone. If
    documents are short, more of them are used. They are cut between characters.
    """
    if sum(map(len, documents)) <= limit:
        return list(documents)
    count, chosen = max(1, limit // LEAST_SHARE), list[int]()
    while sum(len(documents[index]) for index in chosen) < limit:
        count = min(count, len(documents))
        chosen = [number * len(documents) // count for number in range(count)]
        count *= 2
    kept, room = dict[int, bytes](), limit
    # The shortest documents come first: the bytes that they leave over go to longer documents.
    for number, index in enumerate(sorted(chosen, key=lambda index: len(documents[index]))):
        data = documents[index]
        share = room // (len(chosen) - number)
        kept[index] = data if len(data) <= share else data[: _between_characters(data, 0, share)]
        room -= len(kept[index])
    return [kept[index] for index in chosen if kept[index]]


def _between_characters(data: bytes, first: int, last: int) -> int:
    """Move ``last`` back to the beginning of a UTF-8 character, if there is one after ``first``."""
    offset = last
    while first < offset < len(data) and data[offset] & 0xC0 == 0x80:
        offset -= 1
    return offset if offset > first else last


def _before_blank(data: bytes, first: int, last: int) -> int:
    """Return the last offset in ``first + 1 .. last`` of a blank after a word; else ``last``."""
    for offset in range(last, first, -1):
        if data[offset] in BLANKS and data[offset - 1] not in BLANKS:
            return offset
    return last


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
