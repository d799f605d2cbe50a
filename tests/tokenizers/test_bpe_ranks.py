"""Merges by rank: as they are defined, of long words too, and from files that are whole."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytelatent.tokenizers.bpe_ranks import LONGEST, Ranks

LETTERS = b"abc"


def records(tokens: list[bytes]) -> bytes:
    """Tokens in the order of their ranks."""
    return struct.pack("<I", len(tokens)) + b"".join(
        struct.pack("<H", len(token)) + token + struct.pack("<I", rank)
        for rank, token in enumerate(tokens)
    )


def by_definition(tokens: list[bytes], word: bytes) -> list[int]:
    """Merge the neighbours of lowest rank, the first of equals, until none make up a token."""
    if word in tokens:
        return [len(word)]
    parts = [word[place : place + 1] for place in range(len(word))]
    while True:
        merged = [one + other for one, other in pairwise(parts)]
        ranks = [tokens.index(token) for token in merged if token in tokens]
        if not ranks:
            return [len(part) for part in parts]
        place = merged.index(tokens[min(ranks)])
        parts[place : place + 2] = [merged[place]]


some = st.text(LETTERS.decode(), min_size=2, max_size=4).map(str.encode)


@given(st.lists(some, unique=True, max_size=12), st.text("abc", min_size=1, max_size=24))
def test_as_defined(merges: list[bytes], word: str) -> None:
    """Whatever the tokens: also those that no merge leads to, as Llama 3 has some."""
    tokens = [bytes([letter]) for letter in LETTERS] + merges
    assert Ranks(records(tokens)).lengths(word.encode()) == by_definition(tokens, word.encode())


def test_ranks_are_those_of_the_file() -> None:
    tokens = [b"a", b"b", b"ab", b"a" * LONGEST]
    ranks = Ranks(records(tokens))
    assert [ranks.rank(token) for token in tokens] == [0, 1, 2, 3]
    assert [ranks.rank(token) for token in (b"", b"c", b"ba", b"a" * (LONGEST + 1))] == [None] * 4


def test_long_words() -> None:
    """Steps grow as ``n log n``: with quadratic ones this would take minutes."""
    tokens = [b"a", b"b", b"aa", b"aaaa", b"ab"]
    assert Ranks(records(tokens)).lengths(b"a" * 60_000 + b"b") == [4] * 15_000 + [1]


GOOD = records([b"a", b"bc"])


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x00",
        struct.pack("<I", 0),
        GOOD[:-1],
        GOOD + b"\x00",
        struct.pack("<I", 10**9) + GOOD[4:],
        struct.pack("<IH", 2, 0) + GOOD[6:],
        struct.pack("<IH", 2, LONGEST + 1) + bytes(600),
        b"one line of text\n",
    ],
)
def test_damaged_files(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="no ranks"):
        Ranks(damaged)
