"""Text cut into patches, as pieces that a page or an image can show.

A patch may end inside a character. Then the character is shown, marked, in the patch of its first
byte, and its further bytes are shown as numbers in their patches: "é" is C3 A9; patches of 1 and 1
byte show "é" (cut) and "A9". Combining marks are shown with the character before them.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from bytelatent.tokenizers.characters import Character, characters

_JOINERS = "\u200c\u200d"
_LINE_END = "\n"


class PieceKind(Enum):
    """Way in which a piece is shown."""

    TEXT = "text"
    """Text that is shown unchanged."""
    CUT = "cut"
    """A character whose further bytes belong to later patches."""
    BYTE = "byte"
    """A byte value: for what is not printable, is no UTF-8, or is the rest of a character."""
    LINE_END = "line end"


@dataclass(frozen=True)
class Piece:
    """A piece of a text that is shown as one unit.

    Attributes:
        patch: index of its patch, 0 for the first byte's.
        kind: how the piece is shown.
        text: text that is shown.
    """

    patch: int
    kind: PieceKind
    text: str


def pieces(data: bytes, patches: list[tuple[int, int]]) -> Iterator[Piece]:
    """Cut a text into pieces that can be shown as one unit, and yield them in order.

    Args:
        data: any bytes.
        patches: ``(start, length)`` of each patch in bytes; together they cover ``data``.
    """
    owner = [number for number, (_, length) in enumerate(patches) for _ in range(length)]
    waiting: list[Piece] = []
    for character in characters(data):
        for piece in _pieces_of(character, owner):
            if waiting and not _clings(piece, waiting[0]):
                yield _joined(waiting)
                waiting = []
            waiting.append(piece)
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Piece]) -> Piece:
    """Return a piece with the combining marks behind it as one piece."""
    text = "".join(part.text for part in parts)
    return parts[0] if len(parts) == 1 else Piece(parts[0].patch, PieceKind.TEXT, text)


def _clings(piece: Piece, before: Piece) -> bool:
    """Return whether a piece is a combining mark or joiner that belongs to the text before it."""
    both_text = piece.kind is before.kind is PieceKind.TEXT and piece.patch == before.patch
    return both_text and (piece.text in _JOINERS or unicodedata.category(piece.text)[0] == "M")


def _pieces_of(character: Character, owner: list[int]) -> Iterator[Piece]:
    indices = range(character.start, character.start + len(character.data))
    patch = owner[indices[0]]
    if patch == owner[indices[-1]]:
        yield _whole(character, patch)
        return
    readable = (
        character.text is not None and _printable(character.text) and character.text not in _JOINERS
    )
    if readable:
        yield Piece(patch, PieceKind.CUT, character.label)
    for place, byte in zip(indices, character.data, strict=True):
        if not readable or owner[place] != patch:
            yield Piece(owner[place], PieceKind.BYTE, f"{byte:02X}")


def _whole(character: Character, patch: int) -> Piece:
    text = character.text
    if text == _LINE_END:
        return Piece(patch, PieceKind.LINE_END, character.label)
    if text is None or not _printable(text):
        return Piece(patch, PieceKind.BYTE, character.label)
    return Piece(patch, PieceKind.TEXT, text)


def _printable(text: str) -> bool:
    """Return whether a character can be shown without moving or hiding its neighbours."""
    kind = unicodedata.category(text)
    return text in _JOINERS or (kind[0] != "C" and kind not in ("Zl", "Zp"))
