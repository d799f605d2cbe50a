"""Valid next bytes and character boundaries of UTF-8: an automaton of eight states.

It follows table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above
U+10FFFF. ``step(step(BOUNDARY, 0xC3), 0xA9)`` is ``BOUNDARY`` again: the two bytes are "é".
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bytelatent.tokenizers.constants import BYTE_VALUES

BOUNDARY: Final = 0
"""State between two characters."""

_ONE, _TWO, _THREE, _AFTER_E0, _AFTER_ED, _AFTER_F0, _AFTER_F4 = range(1, 8)

_RULES: Final = (
    # state, first byte, last byte, state after it
    (BOUNDARY, 0x00, 0x7F, BOUNDARY),
    (BOUNDARY, 0xC2, 0xDF, _ONE),
    (BOUNDARY, 0xE0, 0xE0, _AFTER_E0),
    (BOUNDARY, 0xE1, 0xEC, _TWO),
    (BOUNDARY, 0xED, 0xED, _AFTER_ED),
    (BOUNDARY, 0xEE, 0xEF, _TWO),
    (BOUNDARY, 0xF0, 0xF0, _AFTER_F0),
    (BOUNDARY, 0xF1, 0xF3, _THREE),
    (BOUNDARY, 0xF4, 0xF4, _AFTER_F4),
    (_ONE, 0x80, 0xBF, BOUNDARY),
    (_TWO, 0x80, 0xBF, _ONE),
    (_THREE, 0x80, 0xBF, _TWO),
    (_AFTER_E0, 0xA0, 0xBF, _ONE),  # below: an overlong form
    (_AFTER_ED, 0x80, 0x9F, _ONE),  # above: a surrogate
    (_AFTER_F0, 0x90, 0xBF, _TWO),  # below: an overlong form
    (_AFTER_F4, 0x80, 0x8F, _TWO),  # above: more than U+10FFFF
)


def _tables() -> tuple[NDArray[np.bool_], tuple[bytes, ...]]:
    states = _AFTER_F4 + 1
    allowed = np.zeros((states, BYTE_VALUES), dtype=np.bool_)
    following = np.zeros((states, BYTE_VALUES), dtype=np.uint8)
    for state, first, last, after in _RULES:
        allowed[state, first : last + 1] = True
        following[state, first : last + 1] = after
    # An invalid byte ends the incomplete character before it and may begin a new character.
    following = np.where(allowed, following, following[BOUNDARY])
    return allowed, tuple(row.astype(np.uint8).tobytes() for row in following)


ALLOWED, _NEXT = _tables()
"""``ALLOWED[state, byte]``: whether ``byte`` keeps the text valid."""


def step(state: int, byte: int) -> int:
    """Return the state of the automaton after ``byte``; a byte that is invalid there is skipped."""
    return _NEXT[state][byte]
