"""Held-out documents: which ones, how much of them, and in which pieces."""

from itertools import pairwise

import numpy as np
import pytest

from bytelatent.data.documents import tokenize
from bytelatent.data.held_out import cut_pieces, held_out, spread
from bytelatent.data.ragged import fill_up, length_batches
from bytelatent.tokenizers.constants import PAD_ID
from tests.data.shards import write_shard
from tests.tiny import write_corpus


def test_sources_with_language_and_kind(tmp_path) -> None:
    found = held_out(write_corpus(tmp_path), "test")
    assert [(one.source, one.language, one.kind) for one in found] == [
        ("programs", "python", "code"),
        ("songs", "en", "prose"),
        ("vers", "fr", "prose"),
    ]
    assert all(len(one.documents) == 3 for one in found)
    assert found[0].documents[0].startswith(b"def f2000(x)")


def test_without_a_manifest_and_with_any_format(tmp_path) -> None:
    write_shard(tmp_path / "test" / "a.chunk.0.jsonl.gz", ["one", "two"])
    write_shard(tmp_path / "test" / "a.chunk.1.jsonl.gz", ["three"])
    write_shard(tmp_path / "test" / "b" / "x.arrow", ["four"], entropies=True)
    (tmp_path / "test" / "notes.txt").write_text("no source")
    found = held_out(tmp_path, "test")
    assert [(one.source, one.documents) for one in found] == [
        ("a", [b"one", b"two", b"three"]),
        ("b", [b"four"]),
    ]
    assert {(one.language, one.kind) for one in found} == {("unknown", "unknown")}
    assert [one.source for one in held_out(tmp_path, "test", ["b"])] == ["b"]


def test_the_limit_is_shared_by_documents_from_everywhere() -> None:
    long = [bytes([65 + n]) * 5000 for n in range(10)]
    assert spread(long, 100_000) == long
    found = spread(long, 6000)
    assert [one[:1] for one in found] == [b"A", b"D", b"G"]
    assert [len(one) for one in found] == [2000] * 3
    found = spread([b"x" * 5000, b"short", b"y" * 5000], 9000)
    assert [len(one) for one in found] == [4497, 5, 4498]
    words = [b"%d" % n for n in range(100_000)]
    found = spread(words, 5000)
    assert 4000 < sum(map(len, found)) <= 5000
    assert int(found[0]) == 0 and int(found[-1]) > 90_000


@pytest.mark.parametrize("limit", range(1, 16))
def test_the_limit_cuts_between_characters(tmp_path, limit) -> None:
    write_shard(tmp_path / "test" / "a.jsonl", ["abc", "", "déé", "later né"])
    documents = held_out(tmp_path, "test", limit=limit)[0].documents
    assert 0 < sum(map(len, documents)) <= limit
    assert all(document.decode() for document in documents)


def test_not_all_of_a_large_source_is_read(tmp_path) -> None:
    path = write_shard(tmp_path / "test" / "a.jsonl", ["x" * 100] * 20)
    path.write_text(path.read_text() + "no JSON\n")
    assert sum(map(len, held_out(tmp_path, "test", limit=10)[0].documents)) == 10
    with pytest.raises(ValueError, match="line 21"):
        held_out(tmp_path, "test", limit=50)


def test_what_is_missing_or_empty_is_named(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"test holds no source"):
        held_out(tmp_path, "test")
    write_shard(tmp_path / "test" / "a.jsonl", [""])
    with pytest.raises(ValueError, match="source 'a' holds no text"):
        held_out(tmp_path, "test")
    with pytest.raises(ValueError, match="no file for 'b'"):
        held_out(tmp_path, "test", ["b"])
    (tmp_path / "manifest.json").write_text('{"sources": [{"source": "a"}]}')
    with pytest.raises(ValueError, match=r"manifest.json is no corpus manifest"):
        held_out(tmp_path, "test")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10, 100])
@pytest.mark.parametrize("text", ["", "plain text of some length", "né 中文 🙂 né 中文 🙂", "中"])
def test_pieces_hold_every_byte_once(text, size) -> None:
    data = text.encode()
    pieces = cut_pieces(data, size)
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= size for piece in pieces)
    if size >= 7:
        assert "".join(piece.decode() for piece in pieces) == text


def test_pieces_end_before_a_blank_where_they_can() -> None:
    text = b"the quick  brown fox\njumps over a lazylazylazylazylazy dog"
    pieces = cut_pieces(text, 12, at_blanks=True)
    assert b"".join(pieces) == text
    assert pieces[0] == b"the quick" and pieces[1].startswith(b"  brown")
    assert all(0 < len(piece) <= 12 for piece in pieces)
    inside = [a[-1:] + b[:1] for a, b in pairwise(pieces) if b[0] not in b" \n"]
    assert inside and all(byte in b"lazy" for cut in inside for byte in cut), "one word is too long"
    data = "中文中文中文中文 é".encode()
    pieces = cut_pieces(data, 7, at_blanks=True)
    assert b"".join(pieces) == data and all(piece.decode() for piece in pieces)


def test_pieces_are_of_about_equal_size() -> None:
    assert [len(piece) for piece in cut_pieces(b"x" * 1001, 1000)] == [501, 500]
    assert [len(piece) for piece in cut_pieces(b"x" * 1000, 1000)] == [1000]


def test_batches_hold_every_row_once_within_the_limit() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 50).tolist()
    batches = list(length_batches(lengths, 100))
    assert sorted(index for batch in batches for index in batch) == list(range(50))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 100 for batch in batches)
    assert list(length_batches([500, 3], 100)) == [[1], [0]]


def test_shorter_rows_are_filled_up_at_the_end() -> None:
    tokens = fill_up([tokenize(b"abc"), tokenize(b"")])
    assert tokens.tolist() == [[1, 101, 102, 103, 2], [1, 2, PAD_ID, PAD_ID, PAD_ID]]
