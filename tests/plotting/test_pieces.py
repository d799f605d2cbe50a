"""Pieces of a text that is cut into patches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytelatent.plotting.pieces import PieceKind, pieces


def shown(data, lengths):
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    found = pieces(data, list(zip(starts, lengths, strict=True)))
    return [(piece.patch, piece.kind.name, piece.text) for piece in found]


@pytest.mark.parametrize(
    ("text", "lengths", "expected"),
    [
        ("", [], []),
        ("é", [2], [(0, "TEXT", "é")]),
        ("é", [1, 1], [(0, "CUT", "é"), (1, "BYTE", "A9")]),
        ("😀", [2, 2], [(0, "CUT", "😀"), (1, "BYTE", "98"), (1, "BYTE", "80")]),
        ("\u200d", [1, 2], [(0, "BYTE", "E2"), (1, "BYTE", "80"), (1, "BYTE", "8D")]),
        ("\u202e", [3], [(0, "BYTE", "U+202E")]),
        ("a\n", [1, 1], [(0, "TEXT", "a"), (1, "LINE_END", "⏎")]),
        ("e\u0301", [3], [(0, "TEXT", "e\u0301")]),
        ("e\u0301", [1, 2], [(0, "TEXT", "e"), (1, "TEXT", "\u0301")]),
    ],
)
def test_pieces(text, lengths, expected):
    assert shown(text.encode(), lengths) == expected


def test_bytes_that_are_no_text_stand_as_numbers():
    assert shown(b"\xffa\x00", [1, 2]) == [
        (0, "BYTE", "FF"),
        (1, "TEXT", "a"),
        (1, "BYTE", "00"),
    ]


@given(st.binary(max_size=30), st.data())
def test_every_patch_is_shown_in_order(data, draw):
    lengths = []
    while sum(lengths) < len(data):
        lengths.append(draw.draw(st.integers(1, min(4, len(data) - sum(lengths)))))
    patches = [patch for patch, _, _ in shown(data, lengths)]
    assert patches == sorted(patches)
    assert set(patches) == set(range(len(lengths)))


@given(st.text(max_size=20))
def test_uncut_text_is_shown_whole(text):
    data = text.encode()
    found = pieces(data, [(0, len(data))] if data else [])
    plain = "".join(piece.text for piece in found if piece.kind is PieceKind.TEXT)
    assert plain == "".join(c for c in text if c in plain)
