"""Bytes as a reader sees them: characters, labels, roles in UTF-8 and classes.

Any bytes are allowed: those that are no valid UTF-8 count as characters of their own.

Legend: ``N`` bytes of a text.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

CONTINUATION_LABEL = "·"
_SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}
_ESCAPED = range(0xDC80, 0xDD00)
"""Code points by which Python's ``surrogateescape`` stands for bytes that are no UTF-8."""


class ByteClass(StrEnum):
    """What kind of byte it is; every byte of every text belongs to exactly one class."""

    WORD_START = "letter at word start"
    IN_WORD = "letter inside a word"
    SPACE = "space"
    PUNCTUATION = "punctuation"
    DIGIT = "digit"
    NEWLINE = "newline"
    UTF8_LEAD = "UTF-8 lead"
    UTF8_CONTINUATION = "UTF-8 continuation"


@dataclass(frozen=True)
class Character:
    """One character of a text, or one byte that belongs to none.

    Attributes:
        start: offset of its first byte.
        data: its bytes.
        text: the character; None for a byte that is no valid UTF-8.
    """

    start: int
    data: bytes
    text: str | None

    @property
    def label(self) -> str:
        """Something visible to print for it: itself, a sign for white space, or its bytes."""
        if self.text is None:
            return self.data.hex().upper()
        if self.text in _SIGNS:
            return _SIGNS[self.text]
        kind = unicodedata.category(self.text)
        if kind[0] == "M":
            return "◌" + self.text
        if kind[0] in "CZ":
            code = ord(self.text)
            return f"{code:02X}" if code < 0x80 else f"U+{code:04X}"
        return self.text


def characters(data: bytes) -> Iterator[Character]:
    """Cut ``data`` into characters; their bytes joined are ``data`` again."""
    start = 0
    for text in data.decode("utf-8", errors="surrogateescape"):
        broken = ord(text) in _ESCAPED
        size = 1 if broken else len(text.encode("utf-8"))
        part = data[start : start + size]
        yield Character(start, part, None if broken else text)
        start += size


def byte_labels(data: bytes) -> list[str]:
    """A short label for every byte ``[N]``: its character's at the first byte, then dots."""
    labels: list[str] = []
    for character in characters(data):
        labels.append(character.label)
        labels.extend([CONTINUATION_LABEL] * (len(character.data) - 1))
    return labels


def byte_roles(data: bytes) -> list[str]:
    """What every byte ``[N]`` is in UTF-8, in words."""
    roles: list[str] = []
    for character in characters(data):
        size = len(character.data)
        if character.text is None:
            roles.append("not valid UTF-8")
        elif size == 1:
            roles.append("ASCII")
        else:
            roles.append(f"lead byte of a {size}-byte character")
            roles.extend(f"continuation, byte {k} of {size}" for k in range(2, size + 1))
    return roles


def byte_classes(data: bytes) -> list[ByteClass]:
    """The class of every byte ``[N]``.

    Letters and digits are those of ASCII; a letter is inside a word when a letter of any script,
    a combining mark, or an apostrophe after a letter stands before it. White space other than
    line ends counts as space, other control bytes as punctuation. Bytes that are no valid UTF-8
    are continuation bytes from 80 to BF and lead bytes from C0 on.
    """
    classes: list[ByteClass] = []
    in_word = False
    for character in characters(data):
        first = character.data[0]
        if first < 0x80:
            classes.append(_ascii_class(first, in_word))
        else:
            lead = ByteClass.UTF8_LEAD if first >= 0xC0 else ByteClass.UTF8_CONTINUATION
            classes.append(lead)
            classes.extend([ByteClass.UTF8_CONTINUATION] * (len(character.data) - 1))
        in_word = _carries_word(character.text, in_word)
    return classes


def _ascii_class(byte: int, in_word: bool) -> ByteClass:
    sign = chr(byte)
    if sign.isalpha():
        return ByteClass.IN_WORD if in_word else ByteClass.WORD_START
    if sign.isdigit():
        return ByteClass.DIGIT
    if sign in "\n\r":
        return ByteClass.NEWLINE
    return ByteClass.SPACE if sign in " \t\v\f" else ByteClass.PUNCTUATION


def _carries_word(text: str | None, in_word: bool) -> bool:
    """Whether a letter right after ``text`` is inside a word."""
    if text is None:
        return False
    if text in "'’":
        return in_word
    return text.isalpha() or unicodedata.category(text)[0] == "M"
