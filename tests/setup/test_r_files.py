"""Strings of R's lazy-load files: headers of both versions, encodings, files that were cut off."""

from __future__ import annotations

import importlib
import struct
import sys
import zlib
from pathlib import Path

import pytest

SETUP = str(Path(__file__).parents[2] / "setup")
sys.path.insert(0, SETUP)  # a folder of scripts, not an installed package
try:
    extract = importlib.import_module("corpus.extract")
finally:
    sys.path.remove(SETUP)

LATIN1, UTF8, ASCII = 0x4000, 0x8000, 0x40000


def lazy_load(version: int, *strings: bytes, encoding: bytes = b"", flags: int = ASCII) -> bytes:
    """One stored object of an R lazy-load file: a character vector."""
    header = b"X\n" + struct.pack(">3i", version, 0x40202, 0x20300)
    if version == 3:
        header += struct.pack(">i", len(encoding)) + encoding
    vector = struct.pack(">2i", 16, len(strings))
    words = b"".join(struct.pack(">Ii", flags | 9, len(s)) + s for s in strings)
    raw = header + vector + words + bytes(8)
    return struct.pack(">I", len(raw)) + zlib.compress(raw)


def test_r_strings_are_read_from_a_lazy_load_file() -> None:
    data = lazy_load(2, b"It is a truth", b"") + lazy_load(2, "Café".encode(), flags=UTF8)
    assert list(extract.r_character_vectors(data)) == [["It is a truth", ""], ["Café"]]


@pytest.mark.parametrize("encoding", [b"UTF-8", b"ISO-8859-1", b"US-ASCII"])
def test_the_first_strings_stand_behind_a_header_of_any_length(encoding: bytes) -> None:
    data = lazy_load(3, b"PRIDE AND PREJUDICE", b"", b"By Jane Austen", encoding=encoding)
    (strings,) = extract.r_character_vectors(data)
    assert strings == ["PRIDE AND PREJUDICE", "", "By Jane Austen"]


@pytest.mark.parametrize("version", [2, 3])
def test_strings_in_latin_1_keep_their_letters(version: int) -> None:
    data = lazy_load(version, "Café".encode("latin-1"), encoding=b"UTF-8", flags=LATIN1)
    assert list(extract.r_character_vectors(data)) == [["Café"]]


def test_an_unknown_r_serialisation_is_refused() -> None:
    with pytest.raises(ValueError, match="of version 2 or 3"):
        list(extract.r_character_vectors(lazy_load(4, b"x")))


@pytest.mark.parametrize("version", [2, 3])
def test_a_file_that_was_cut_off_is_refused(version: int) -> None:
    strings = [b"%d. It is a truth universally acknowledged" % number for number in range(50)]
    first = lazy_load(version, b"whole", encoding=b"UTF-8")
    data = first + lazy_load(version, *strings, encoding=b"UTF-8")
    assert len(list(extract.r_character_vectors(data))) == 2
    for size in range(len(first) + 1, len(data)):
        with pytest.raises(ValueError, match="cut off"):
            list(extract.r_character_vectors(data[:size]))
