"""Splitting a text into the words of BPE by the patterns of cl100k, o200k and Llama 3.

The patterns use Unicode classes that Python's :mod:`re` does not have. So every character is
replaced by one byte that stands for its class (an ASCII character by itself), and the patterns are
applied to these bytes.
"""

import re
import struct
import sys
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pattern = Literal["cl100k_base", "o200k_base", "llama3"]

_UPPER, _LOWER, _BOTH, _MARK, _NUMBER, _SPACE, _OTHER = range(0x80, 0x87)
"""Bytes that stand for upper-case letters, lower-case letters, other letters, marks, numbers, white
space and other characters."""

_L, _N, _S = rb"A-Za-z\x80-\x82", rb"0-9\x84", rb"\t-\r \x85"
_U, _V = rb"A-Z\x80\x82\x83", rb"a-z\x81\x82\x83"
_SUFFIX = rb"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LETTERS = rb"[^\r\n%b%b]?[%b]+" % (_L, _N, _L)
_FIRST = rb"[^\r\n%b%b]?" % (_L, _N)
_DIGITS = rb"[%b]{1,3}" % _N
_SIGNS = rb" ?[^%b%b%b]+" % (_S, _L, _N)
_BLANK = rb"[%b]*[\r\n]+|[%b]+(?![^%b])|[%b]+" % (_S, _S, _S, _S)
_PATTERNS: dict[Pattern, bytes] = {
    "cl100k_base": b"|".join(
        [_SUFFIX, _LETTERS, _DIGITS, _SIGNS + rb"[\r\n]*", rb"[%b]+\Z" % _S, _BLANK]
    ),
    "llama3": b"|".join([_SUFFIX, _LETTERS, _DIGITS, _SIGNS + rb"[\r\n]*", _BLANK]),
    "o200k_base": b"|".join(
        [
            rb"%b[%b]*[%b]+%b?" % (_FIRST, _U, _V, _SUFFIX),
            rb"%b[%b]+[%b]*%b?" % (_FIRST, _U, _V, _SUFFIX),
            _DIGITS,
            _SIGNS + rb"[\r\n/]*",
            _BLANK,
        ]
    ),
}


class Words:
    """Splitter of texts into words.

    Args:
        classes: five Unicode classes: letters, numbers, white space, upper-case characters (letters
            of upper or no case, marks) and lower-case characters (letters of lower or no case,
            marks). Each class has the number of its ranges (4 bytes, little-endian), then the first
            and the last code point of each range (4 bytes each).

    Raises:
        ValueError: ``classes`` does not have this format.
    """

    def __init__(self, classes: bytes) -> None:
        class_ranges = _ranges(classes)
        size = 1 + max(int(ranges.max(initial=0x7F)) for ranges in class_ranges)
        bits = np.zeros(size + 1, dtype=np.uint8)  # the last entry is for all higher code points
        for number, ranges in enumerate(class_ranges):
            for first, last in ranges.tolist():
                bits[first : last + 1] |= 1 << number
        self._table = np.array([_sign(some) for some in range(32)], dtype=np.uint8)[bits]
        self._table[:128] = np.arange(128)

    def of(self, text: str, pattern: Pattern) -> Iterator[bytes]:
        """Yield the words of ``text`` in UTF-8, in order; joined they are the text.

        Args:
            text: the text.
            pattern: name of the pattern.
        """
        data = text.encode()
        signs, offsets = data, None
        if not text.isascii():
            codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
            signs = self._table[np.minimum(codes, len(self._table) - 1)].tobytes()
            sizes = 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)
            offsets = [0, *np.cumsum(sizes).tolist()]
        for match in re.finditer(_PATTERNS[pattern], signs):
            first, after = match.span()
            yield data[first:after] if offsets is None else data[offsets[first] : offsets[after]]


def _sign(classes: int) -> int:
    """Return the byte that stands for a character; ``classes`` has one bit for each class."""
    letter, number, blank, upper, lower = (bool(classes >> bit & 1) for bit in range(5))
    if letter:
        return _BOTH if upper and lower else _UPPER if upper else _LOWER
    if number:
        return _NUMBER
    if blank:
        return _SPACE
    return _MARK if upper and lower else _OTHER


def _ranges(classes: bytes) -> list[NDArray[np.uint32]]:
    """Read the first and the last code points ``[N, 2]`` of the ranges of five classes."""
    class_ranges, offset = [], 0
    for _ in range(5):
        try:
            (count,) = struct.unpack_from("<I", classes, offset)
            ranges = np.frombuffer(classes, "<u4", 2 * count, offset + 4).reshape(-1, 2)
        except (struct.error, ValueError):
            raise ValueError(f"no classes of Unicode: {len(classes)} bytes") from None
        if (ranges > sys.maxunicode).any():
            raise ValueError(f"no classes of Unicode: a code point above {sys.maxunicode:X}")
        class_ranges.append(ranges)
        offset += 4 + ranges.nbytes
    return class_ranges
