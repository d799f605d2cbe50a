"""Display of bytes: their characters, labels, roles in UTF-8 and classes.

The bytes need not be valid UTF-8: each invalid byte counts as a character.

Legend: ``N`` bytes of a text.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

CONTINUATION_LABEL = "·"
_SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}
_ESCAPED = range(0xDC80, 0xDD00)
"""Code points that Python's ``surrogateescape`` uses for bytes that are not valid UTF-8."""


class ByteClass(StrEnum):
    """Class of a byte; every byte of a text belongs to exactly one class."""

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
    """One character of a text, or one byte that is not valid UTF-8.

    Attributes:
        start: offset of the first byte of the character.
        data: bytes of the character.
        text: the character; None for a byte that is not valid UTF-8.
    """

    start: int
    data: bytes
    text: str | None

    @property
    def label(self) -> str:
        """Visible label: the character, a sign for white space, a code point or a byte in hex."""
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
    """Cut ``data`` into characters and yield them; their bytes joined are ``data``."""
    start = 0
    for text in data.decode("utf-8", errors="surrogateescape"):
        broken = ord(text) in _ESCAPED
        size = 1 if broken else len(text.encode("utf-8"))
        part = data[start : start + size]
        yield Character(start, part, None if broken else text)
        start += size


def byte_labels(data: bytes) -> list[str]:
    """Return a short label for every byte ``[N]``.

    The first byte of a character has the label of the character, the other bytes have a dot.
    """
    labels: list[str] = []
    for character in characters(data):
        labels.append(character.label)
        labels.extend([CONTINUATION_LABEL] * (len(character.data) - 1))
    return labels


def byte_roles(data: bytes) -> list[str]:
    """Return a description in words of the role of every byte ``[N]`` in UTF-8."""
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
    """Return the class of every byte ``[N]``.

    Letters and digits are those of ASCII. A letter is inside a word if the character before it is a
    letter of any script, a combining mark, or an apostrophe after a letter. White space except line
    ends has the class space; other control bytes have the class punctuation. Bytes that are not
    valid UTF-8 are continuation bytes from 80 to BF and lead bytes from C0 on.
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
    """Return whether a letter right after ``text`` is inside a word."""
    if text is None:
        return False
    if text in "'’":
        return in_word
    return text.isalpha() or unicodedata.category(text)[0] == "M"
