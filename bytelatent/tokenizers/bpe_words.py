"""The words that BPE works within, as the patterns of cl100k, o200k and Llama 3 part a text.

The patterns ask for classes of Unicode that Python's :mod:`re` does not know. So every character is
replaced by one byte that stands for its class, ASCII by itself, and the patterns look at those.
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
"""What stands for letters that are upper case, lower case, or neither; marks; and so on."""

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
    """Parts texts into words.

    Args:
        classes: of Unicode: letters, numbers, white space, what may begin a word in capitals
            (letters of upper or no case, marks), what may follow (of lower or no case, marks). Of
            each the number of ranges (4 bytes, the lowest first), and their first and last code
            points (4 bytes each).

    Raises:
        ValueError: ``classes`` are something else.
    """

    def __init__(self, classes: bytes) -> None:
        found = _ranges(classes)
        size = 1 + max(int(ranges.max(initial=0x7F)) for ranges in found)
        bits = np.zeros(size + 1, dtype=np.uint8)  # the last one is for all that follow
        for number, ranges in enumerate(found):
            for first, last in ranges.tolist():
                bits[first : last + 1] |= 1 << number
        self._table = np.array([_sign(some) for some in range(32)], dtype=np.uint8)[bits]
        self._table[:128] = np.arange(128)

    def of(self, text: str, pattern: Pattern) -> Iterator[bytes]:
        """The words of ``text`` in UTF-8, in order; nothing lies between them."""
        data = text.encode()
        signs, places = data, None
        if not text.isascii():
            codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
            signs = self._table[np.minimum(codes, len(self._table) - 1)].tobytes()
            sizes = 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)
            places = [0, *np.cumsum(sizes).tolist()]
        for match in re.finditer(_PATTERNS[pattern], signs):
            first, after = match.span()
            yield data[first:after] if places is None else data[places[first] : places[after]]


def _sign(classes: int) -> int:
    """What stands for a character of these classes, a bit for each."""
    letter, number, blank, upper, lower = (bool(classes >> bit & 1) for bit in range(5))
    if letter:
        return _BOTH if upper and lower else _UPPER if upper else _LOWER
    if number:
        return _NUMBER
    if blank:
        return _SPACE
    return _MARK if upper and lower else _OTHER


def _ranges(classes: bytes) -> list[NDArray[np.uint32]]:
    """First and last code points ``[N, 2]`` of five classes."""
    found, place = [], 0
    for _ in range(5):
        try:
            (count,) = struct.unpack_from("<I", classes, place)
            ranges = np.frombuffer(classes, "<u4", 2 * count, place + 4).reshape(-1, 2)
        except (struct.error, ValueError):
            raise ValueError(f"no classes of Unicode: {len(classes)} bytes") from None
        if (ranges > sys.maxunicode).any():
            raise ValueError(f"no classes of Unicode: a code point above {sys.maxunicode:X}")
        found.append(ranges)
        place += 4 + ranges.nbytes
    return found
