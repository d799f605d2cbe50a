"""Cleaning of documents: from blocks to the final text, with removal of duplicates."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from .document import Document, Exact, Heading, Verbatim

MIN_BYTES = 200  # a shorter document is a stub, a redirect or a menu
MIN_REPEAT_BYTES = 40  # shorter paragraphs ("Example", "Yes") may well occur twice
REPLACEMENT = "\ufffd"

_BREAKS = re.compile("\r\n?|[\u2028\u2029\x0b\x0c]")
_ODD_BREAK = re.compile("\r(?!\n)|[\u2028\u2029\x0b\x0c]")
# Control characters but newline and tab, lone surrogates, soft hyphen, byte-order mark.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\u00ad\ufeff]")
# A zero-width space is a word break in Khmer and Thai; beside ASCII it is a mere line-break hint.
_HINT = re.compile("(?<=[\x20-\x7e])\u200b+|\u200b+(?=[\x20-\x7e])")
_BLANKS = re.compile("[ \t\u00a0\u2000-\u200a\u202f\u3000]+")
_MANY_NEWLINES = re.compile(r"\n{3,}")


def clean_characters(text: str) -> str:
    """Normalise a text: NFC, one kind of newline, no control characters but newline and tab."""
    text = _CONTROL.sub("", _BREAKS.sub("\n", text))
    return unicodedata.normalize("NFC", _HINT.sub("", text))


def clean_block(block: str) -> str:
    """Return a block in its final form; runs of blanks collapse unless it is `Verbatim`."""
    text = clean_characters(block)
    if isinstance(block, Verbatim):
        text = "\n".join(line.rstrip() for line in text.split("\n"))
        return _MANY_NEWLINES.sub("\n\n", text).strip("\n")
    text = "\n".join(_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return _MANY_NEWLINES.sub("\n\n", text).strip("\n")


def _joiner(before: str, after: str, separator: str) -> str:
    spaced = isinstance(before, Verbatim) or isinstance(after, Verbatim | Heading)
    return "\n\n" if spaced else separator


def join_blocks(blocks: Iterable[str], separator: str = "\n") -> str:
    """Join cleaned blocks to a text; headings get a blank line before them, code on both sides."""
    text = ""
    last: str | None = None
    for block in blocks:
        cleaned = clean_block(block)
        if cleaned:
            text += cleaned if last is None else _joiner(last, block, separator) + cleaned
            last = block
    return text


def document_text(document: Document, blocks: Iterable[str]) -> str:
    """Return the final text of a document: its cleaned `blocks`, or its one `Exact` block as it is.

    ValueError if an exact text holds characters that cleaning removes from other texts.
    """
    if not any(isinstance(block, Exact) for block in document.blocks):
        return join_blocks(blocks, document.separator)
    (text,) = document.blocks
    if _CONTROL.search(text) or _ODD_BREAK.search(text):
        raise ValueError(f"document {document.id!r} is exact and holds control characters")
    return str(text)


def digest(text: str) -> bytes:
    """Return a short fingerprint of a text for duplicate detection."""
    return hashlib.sha256(text.encode()).digest()[:16]


class ParagraphFilter:
    """Filter that keeps the first of equal paragraphs of a source; headings are always kept.

    A call with the blocks of the next document returns the blocks to keep.
    """

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __call__(self, blocks: Iterable[str]) -> list[str]:
        return [block for block in blocks if self._is_new(block)]

    def _is_new(self, block: str) -> bool:
        text = clean_block(block)
        if isinstance(block, Heading) or len(text.encode()) < MIN_REPEAT_BYTES:
            return True
        key = digest(text)
        new = key not in self._seen
        self._seen.add(key)
        return new


def clean_documents(
    documents: Iterable[Document], seen: set[bytes], dropped: Counter[str], dedupe_paragraphs: bool
) -> Iterator[tuple[Document, str]]:
    """Yield each document worth keeping with its text; count the others by reason in `dropped`.

    `seen` holds the fingerprints of the texts of all sources; the function adds new ones.
    ValueError if an id repeats.
    """
    ids: set[str] = set()
    new_paragraphs = ParagraphFilter()
    for document in documents:
        if document.id in ids:
            raise ValueError(f"document id {document.id!r} occurs twice")
        ids.add(document.id)
        blocks = new_paragraphs(document.blocks) if dedupe_paragraphs else document.blocks
        text = document_text(document, blocks)
        key = digest(text)
        if REPLACEMENT in text:
            dropped["undecodable"] += 1
        elif len(text.encode()) < MIN_BYTES:
            dropped["short"] += 1
        elif key in seen:
            dropped["duplicate"] += 1
        else:
            seen.add(key)
            yield document, text
