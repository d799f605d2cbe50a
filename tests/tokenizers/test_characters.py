"""Bytes as characters, labels, roles and classes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytelatent.tokenizers.characters import (
    ByteClass,
    byte_classes,
    byte_labels,
    byte_roles,
    characters,
)

CLASSES = {
    "W": ByteClass.WORD_START,
    "w": ByteClass.IN_WORD,
    "_": ByteClass.SPACE,
    ".": ByteClass.PUNCTUATION,
    "9": ByteClass.DIGIT,
    "n": ByteClass.NEWLINE,
    "L": ByteClass.UTF8_LEAD,
    "c": ByteClass.UTF8_CONTINUATION,
}


@given(st.binary(max_size=40))
def test_every_byte_has_one_character_label_role_and_class(data):
    found = list(characters(data))
    assert b"".join(character.data for character in found) == data
    assert [character.start for character in found] == [
        sum(len(before.data) for before in found[:i]) for i in range(len(found))
    ]
    for values in (byte_labels(data), byte_roles(data), byte_classes(data)):
        assert len(values) == len(data)
    assert all(label and label.isprintable() for label in byte_labels(data))


@given(st.text(max_size=20))
def test_valid_text_is_cut_into_its_characters(text):
    assert "".join(c.text or "?" for c in characters(text.encode())) == text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"It isn't.", "Ww_Wwwww."[:6] + ".w."),
        (b"a 1b\r\n\tc", "W_9WnnW"[:4] + "nn_W"),
        ("été n’a".encode(), "LcwLc_WLccw"),
        ("—a “b”".encode(), "LccW_LccWLcc"),
        (b"\xc3\x28a\x80b\xffc", "L.WcWLW"),
        (b"\x00a", ".W"),
        ("e\u0301a".encode(), "WLcw"),
    ],
)
def test_classes(data, expected):
    assert byte_classes(data) == [CLASSES[sign] for sign in expected]


def test_labels_show_what_cannot_be_seen():
    assert byte_labels("a \n\té\x00".encode()) == ["a", "␣", "⏎", "⇥", "é", "·", "00"]
    assert byte_labels(b"\xff\xe2\x80\xae"[:1]) == ["FF"]
    assert byte_labels("\u202e\u0301".encode()) == ["U+202E", "·", "·", "◌\u0301", "·"]


def test_roles():
    assert byte_roles("aé".encode() + b"\xff") == [
        "ASCII",
        "lead byte of a 2-byte character",
        "continuation, byte 2 of 2",
        "not valid UTF-8",
    ]
