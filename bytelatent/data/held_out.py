"""Documents that no model was trained on, whole or in pieces."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytelatent.data.formats import FORMATS, read_shard
from bytelatent.data.sources import find_chunks
from bytelatent.files import read_json

logger = logging.getLogger(__name__)

MANIFEST_FILE = "manifest.json"

OUTSIDE_KIND = "held-out"
"""Kind of the sources that no model is trained on: they stand in the test split alone, are of kinds
of text that the mix has not, and are told of beside the others and not among them."""

LEAST_SHARE = 2000
"""Bytes of a document at least, when only some of a source are taken."""

BLANKS = b" \n"

READ_AHEAD = 100
"""So many times the bytes that are wanted are looked at to choose from."""


@dataclass(frozen=True)
class HeldOut:
    """Documents of a source that no model was trained on.

    Attributes:
        source: its name.
        language, kind: as the corpus manifest has them; ``unknown`` without one.
        documents: UTF-8 bytes.
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
    """Documents of a split, in the order of their files.

    Args:
        root: folder of the corpus.
        split: ``test`` or ``valid``.
        sources: names; all of the split when None.
        limit: bytes of each source at most, see :func:`spread`.
        text_key: field or column of the text.

    Raises:
        ValueError: a source is missing, empty or damaged.
    """
    about = read_about(root)
    found = []
    for source in source_names(root / split) if sources is None else sources:
        documents = _read(find_chunks(root, split, source), limit, text_key)
        if not documents:
            raise ValueError(f"{root / split}: source {source!r} holds no text")
        language, kind = about.get(source, ("unknown", "unknown"))
        found.append(HeldOut(source, language, kind, documents))
    return found


def source_names(folder: Path) -> list[str]:
    """Sources of a split: its folders, and its files less ``.chunk.N`` and the ending.

    Raises:
        ValueError: there is none.
    """
    names = _names(folder)
    if not names:
        raise ValueError(
            f"{folder} holds no source: neither NAME.jsonl (or {', '.join(FORMATS)}) nor a folder "
            "of such files (the shipped mix: python setup/build_corpus.py)"
        )
    return sorted(names)


def default_split(root: Path, sources: Collection[str] | None = None) -> str:
    """``test`` where the corpus has one, with any of ``sources``; else ``valid``, and a warning.

    Raises:
        ValueError: it has neither.
    """
    found = {split: _names(root / split) for split in ("test", "valid")}
    if not any(found.values()):
        raise ValueError(
            f"{root} holds no held-out text: there is no source in {root / 'test'}, nor in "
            f"{root / 'valid'} (the shipped mix: python setup/build_corpus.py)"
        )
    wanted = None if sources is None else set(sources)
    test, valid = (names if wanted is None else names & wanted for names in found.values())
    if test or not valid:
        return "test"
    logger.warning("%s has no test split; valid is measured instead", root)
    return "valid"


def _names(folder: Path) -> set[str]:
    """Sources of a split; none where there is no such folder."""
    names = set()
    for path in folder.iterdir() if folder.is_dir() else ():
        ending = next((suffix for suffix in FORMATS if path.name.endswith(suffix)), None)
        if path.name.startswith(".") or not (path.is_dir() or ending):
            continue
        names.add(path.name.removesuffix(ending or "").partition(".chunk.")[0])
    return names


def read_entries(root: Path) -> dict[str, Mapping[str, Any]]:
    """What the corpus manifest says of every source; empty without one.

    Raises:
        ValueError: the manifest is damaged.
    """
    path = root / MANIFEST_FILE
    if not path.is_file():
        return {}
    try:
        return {one["source"]: one for one in read_json(path)["sources"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no corpus manifest ({error})") from None


def read_about(root: Path) -> dict[str, tuple[str, str]]:
    """Language and kind of every source, of the corpus manifest; empty without one.

    Raises:
        ValueError: the manifest is damaged.
    """
    try:
        return {name: (one["lang"], one["kind"]) for name, one in read_entries(root).items()}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{root / MANIFEST_FILE} is no corpus manifest ({error})") from None


def cut_pieces(document: bytes, max_bytes: int, *, at_blanks: bool = False) -> list[bytes]:
    """``document`` in pieces of at most ``max_bytes`` and of about equal size.

    Cut between characters of UTF-8, where there are any.

    Args:
        document: UTF-8.
        max_bytes: of a piece.
        at_blanks: cut before the last space or line end in the second half of a piece, where it has
            one, so that no word is cut; pieces then begin with that blank.
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
    """The beginnings of documents from all over the sequence, ``limit`` bytes together at most.

    As many as give :data:`LEAST_SHARE` bytes each, or more where they are short; cut between
    characters. So a source of a few long documents is not judged by its first one alone.
    """
    if sum(map(len, documents)) <= limit:
        return list(documents)
    count, chosen = max(1, limit // LEAST_SHARE), list[int]()
    while sum(len(documents[index]) for index in chosen) < limit:
        count = min(count, len(documents))
        chosen = [place * len(documents) // count for place in range(count)]
        count *= 2
    kept, room = dict[int, bytes](), limit
    # The shortest first: what they do not need goes to the longer ones.
    for number, index in enumerate(sorted(chosen, key=lambda index: len(documents[index]))):
        data = documents[index]
        share = room // (len(chosen) - number)
        kept[index] = data if len(data) <= share else data[: _between_characters(data, 0, share)]
        room -= len(kept[index])
    return [kept[index] for index in chosen if kept[index]]


def _between_characters(data: bytes, first: int, last: int) -> int:
    """``last``, or the place before it where a character of UTF-8 begins, if after ``first``."""
    place = last
    while first < place < len(data) and data[place] & 0xC0 == 0x80:
        place -= 1
    return place if place > first else last


def _before_blank(data: bytes, first: int, last: int) -> int:
    """The last place after ``first``, up to ``last``, where a blank follows a word; or ``last``."""
    for place in range(last, first, -1):
        if data[place] in BLANKS and data[place - 1] not in BLANKS:
            return place
    return last


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
