"""Lanes read every document once an epoch, and go on from any token."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytelatent.data.sources import Source
from bytelatent.data.streams import DocumentStream, Position, TokenStream
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET
from tests.data.shards import data_args, numbered, write_shard


def source_of(root, counts, **changes) -> Source:
    paths = [
        write_shard(root / f"{chunk}.jsonl", numbered(count, name=f"{chunk}."))
        for chunk, count in enumerate(counts)
    ]
    return Source("a", paths, data_args(root, **changes), open_files=2)


def epoch_of(stream: DocumentStream, epoch: int) -> list[bytes]:
    """The documents of an epoch; the stream must stand before it."""
    found = []
    while True:
        position, document = stream.next()
        if position.epoch > epoch:
            return found
        if position.epoch == epoch:
            found.append(document.data)


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(0, 13), min_size=1, max_size=5).filter(sum),
    lanes=st.integers(1, 9),
    block=st.integers(1, 6),
)
def test_every_document_is_read_once_an_epoch_by_one_lane(
    tmp_path_factory, counts, lanes, block
) -> None:
    source = source_of(tmp_path_factory.mktemp("source"), counts, shuffle_block=block)
    everything = sorted(t.encode() for c, n in enumerate(counts) for t in numbered(n, name=f"{c}."))
    owned: list[bytes] = []
    for lane in range(lanes):
        stream = DocumentStream(source, lane, lanes, Position(), [])
        first = epoch_of(stream, 0)
        stream = DocumentStream(source, lane, lanes, Position(), [])
        second = epoch_of(stream, 1)
        assert sorted(first) == sorted(second)
        if stream.position.everything:
            assert sorted(first) == everything
        else:
            owned += first
    assert sorted(owned) == everything
    source.close()


def test_epochs_and_seeds_have_their_own_orders(tmp_path) -> None:
    orders = []
    for seed in (3, 3, 4):
        source = source_of(tmp_path, [40, 40], seed=seed)
        stream = DocumentStream(source, 0, 1, Position(), [])
        first = epoch_of(stream, 0)
        orders += [first, epoch_of(DocumentStream(source, 0, 1, Position(), []), 1)]
        source.close()
    assert orders[0] == orders[2] and orders[1] == orders[3]
    assert len({tuple(order) for order in orders}) == 4
    assert orders[0] != sorted(orders[0])


def test_documents_stay_in_their_block(tmp_path) -> None:
    source = source_of(tmp_path, [50], shuffle_block=10)
    found = epoch_of(DocumentStream(source, 0, 1, Position(), []), 0)
    numbers = [int(document.split(b":")[0].split(b".")[1]) for document in found]
    assert [number // 10 for number in numbers] == [n // 10 for n in range(50)]
    assert numbers != list(range(50))
    source.close()


@pytest.mark.parametrize("step", [1, 7, 40])
def test_a_stream_goes_on_from_any_token(tmp_path, step) -> None:
    source = source_of(tmp_path, [6, 3], shuffle_block=2, on_bad_line="skip")
    with (tmp_path / "0.jsonl").open("a") as file:
        file.write("bad\n" * 3)
    stream = TokenStream(DocumentStream(source, 1, 2, Position(), []))
    saved, rows = [], []
    for _ in range(400 // step):
        saved.append(json.dumps(asdict(stream.position)))
        rows.append(stream.peek(step + 1)[0].tolist())
        stream.advance(step)
    assert stream.position.epoch >= 2
    for index in range(0, len(saved), 5):
        position = Position(**json.loads(saved[index]))
        again = TokenStream(DocumentStream(source, 1, 2, position, []), position.offset)
        assert again.position == position
        for row in rows[index : index + 20]:
            assert again.peek(step + 1)[0].tolist() == row
            again.advance(step)
    source.close()


def test_counts_of_documents_and_bad_lines_do_not_depend_on_pauses(tmp_path) -> None:
    source = source_of(tmp_path, [9], shuffle_block=4, on_bad_line="skip")
    with (tmp_path / "0.jsonl").open("a") as file:
        file.write("bad\n" * 3)
    straight = TokenStream(DocumentStream(source, 0, 1, Position(), []))
    position = Position()
    for _ in range(300):
        paused = TokenStream(DocumentStream(source, 0, 1, position, []), position.offset)
        for stream in (straight, paused):
            stream.peek(6)
            stream.advance(5)
        position = paused.position
        assert position == straight.position
    assert 9 * position.epoch <= position.documents <= 9 * position.epoch + 9
    assert 3 * position.epoch <= position.bad <= 3 * position.epoch + 3
    source.close()


def test_tokens_are_documents_between_bos_and_eos(tmp_path) -> None:
    source = source_of(tmp_path, [5])
    documents = DocumentStream(source, 0, 1, Position(), [])
    expected = [
        token
        for _ in range(9)
        for token in [BOS_ID, *(b + OFFSET for b in documents.next()[1].data), EOS_ID]
    ]
    stream = TokenStream(DocumentStream(source, 0, 1, Position(), []))
    row, entropies = stream.peek(len(expected))
    assert row.tolist() == expected
    assert entropies is None
    source.close()


def test_entropies_stay_beside_their_tokens(tmp_path) -> None:
    path = write_shard(tmp_path / "a.arrow", numbered(12, longest=70), entropies=True)
    source = Source("a", [path], data_args(tmp_path), open_files=1)
    stream = TokenStream(DocumentStream(source, 0, 1, Position(), []))
    places = 0
    for _ in range(200):
        row, entropies = stream.peek(8)
        assert entropies is not None
        for token, value in zip(row[:7], entropies[:7], strict=True):
            if token == BOS_ID:
                assert value == 99
                places = 0
            elif token == EOS_ID:
                assert value == 0
            else:
                assert value == token - OFFSET + places % 64 / 64
                places += 1
        stream.advance(7)
    source.close()


def test_entropies_are_given_if_all_documents_have_them(tmp_path) -> None:
    with_them = write_shard(tmp_path / "0.arrow", ["a" * 20], entropies=True)
    without = write_shard(tmp_path / "1.jsonl", ["b" * 20])
    source = Source("a", [with_them, without], data_args(tmp_path), open_files=2)
    stream = TokenStream(DocumentStream(source, 0, 1, Position(), []))
    for _ in range(40):
        row, entropies = stream.peek(6)
        assert (entropies is None) == (ord("b") + OFFSET in row or row[-1] == BOS_ID)
        stream.advance(5)
    source.close()


def test_bad_lines_are_noted_or_fatal(tmp_path) -> None:
    (tmp_path / "0.jsonl").write_text('{"text": "a"}\nbad\n{"text": "b"}\n')
    notes: list[str] = []
    args = data_args(tmp_path, on_bad_line="skip")
    source = Source("a", [tmp_path / "0.jsonl"], args, open_files=1)
    stream = DocumentStream(source, 0, 1, Position(), notes)
    assert sorted(epoch_of(stream, 0)) == [b"a", b"b"]
    assert stream.position.bad == len(notes)
    assert "0.jsonl, line 2: no JSON" in notes[0]
    source.args = data_args(tmp_path, on_bad_line="error")
    with pytest.raises(ValueError, match=r"0\.jsonl, line 2: no JSON"):
        epoch_of(DocumentStream(source, 0, 1, Position(), []), 0)
    source.close()


def test_a_source_of_bad_lines_only_is_named(tmp_path) -> None:
    (tmp_path / "0.jsonl").write_text("bad\n" * 3)
    source = Source("a", [tmp_path / "0.jsonl"], data_args(tmp_path, on_bad_line="skip"), 1)
    for lane in range(5):
        with pytest.raises(ValueError, match="'a' holds no usable document"):
            DocumentStream(source, lane, 5, Position(), []).next()
    source.close()


def test_a_position_is_small() -> None:
    assert len(json.dumps(asdict(replace(Position(), documents=10**9)))) < 150
    assert np.array(list(asdict(Position()).values())).sum() == 0
