"""Positions of a text's bytes in its characters and words.

Legend: ``N`` bytes of a text; ``C`` its characters.
"""

import unicodedata
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

_ESCAPES = range(0xDC80, 0xDD00)
"""Code points that ``surrogateescape`` uses for bytes that are no UTF-8."""
_APOSTROPHES = "'’"


@dataclass(frozen=True)
class TextPositions:
    """A text with the positions of its characters and words.

    Attributes:
        data: the bytes ``[N]``.
        text: the characters ``[C]``; a byte that is no UTF-8 is one replacement character.
        character_of: index of the character of each byte ``[N + 1]``, with ``C`` at the end.
        broken: whether each byte is no UTF-8 ``[N]``.
        word_spans: first and last byte (exclusive) of every word.
        word_of: index of the word of each byte ``[N]``; -1 for none.
    """

    data: bytes
    text: str
    character_of: NDArray[np.int64]
    broken: NDArray[np.bool_]
    word_spans: list[tuple[int, int]]
    word_of: NDArray[np.int64]

    @classmethod
    def of(cls, text: str | bytes) -> Self:
        """Compute the positions of a text.

        Raises:
            ValueError: ``text`` holds a lone surrogate.
        """
        data = utf8_bytes(text) if isinstance(text, str) else text
        escaped = data.decode("utf-8", errors="surrogateescape")
        codes = np.frombuffer(escaped.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
        bad = (codes >= _ESCAPES.start) & (codes < _ESCAPES.stop)
        sizes = 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)
        sizes = np.where(bad, 1, sizes).astype(np.int64)
        shown = escaped.translate(dict.fromkeys(_ESCAPES, "�"))
        first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        spans = [(int(first[start]), int(first[end])) for start, end in words(shown)]
        word_of = np.full(len(data), -1, dtype=np.int64)
        for number, (start, end) in enumerate(spans):
            word_of[start:end] = number
        numbers = np.repeat(np.arange(len(codes)), sizes)
        return cls(
            data=data,
            text=shown,
            character_of=np.append(numbers, len(codes)).astype(np.int64),
            broken=np.repeat(bad, sizes),
            word_spans=spans,
            word_of=word_of,
        )

    def whole(self, start: int, end: int) -> bool:
        """Return whether the bytes ``start`` to ``end`` are whole characters."""
        at_start = start == 0 or self.character_of[start] != self.character_of[start - 1]
        at_end = self.character_of[end] != self.character_of[end - 1]
        return bool(at_start and at_end and not self.broken[start:end].any())

    def words(self, start: int, end: int) -> NDArray[np.int64]:
        """Return the word index of each byte in ``start`` to ``end`` that belongs to a word."""
        numbers = self.word_of[start:end]
        return numbers[numbers >= 0]

    def inner_word(self, place: int) -> int | None:
        """Return the index of the word that a cut before byte ``place`` divides, or None."""
        word = int(self.word_of[place])
        return word if word >= 0 and self.word_spans[word][0] < place else None

    def characters(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of characters (end exclusive) of the bytes ``start`` to ``end``."""
        return int(self.character_of[start]), int(self.character_of[end - 1]) + 1


def words(text: str) -> list[tuple[int, int]]:
    """Return the spans of words: runs of letters, digits and marks.

    Apostrophes between letters belong to a word.
    """
    spans: list[tuple[int, int]] = []
    start: int | None = None
    for place, sign in enumerate(text):
        if _in_word(text, place, sign):
            start = place if start is None else start
        elif start is not None:
            spans.append((start, place))
            start = None
    if start is not None:
        spans.append((start, len(text)))
    return spans


def _in_word(text: str, place: int, sign: str) -> bool:
    if sign.isalnum():
        return True
    if sign in _APOSTROPHES:
        near = text[max(place - 1, 0) : place + 2]
        return len(near) == 3 and near[0].isalpha() and near[2].isalpha()
    return sign > "\x7f" and unicodedata.category(sign)[0] == "M"
