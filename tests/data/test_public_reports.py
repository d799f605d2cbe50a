"""What other loaders were reported to do wrong, tried on this one; each test names its report."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet
import pytest
from backports import zstd

from bytelatent.data.formats import open_shard, read_shard
from bytelatent.data.loader import Loader
from bytelatent.data.readers import BadRecordError
from tests.data.shards import data_args, lines, numbered, write_shard


def loader_of(root, state: dict | None = None, **changes) -> Loader:
    loader = Loader(data_args(root, shuffle_block=4, **changes), "train")
    if state is not None:
        loader.load_state_dict(json.loads(json.dumps(state)))
    return loader


@pytest.mark.parametrize("workers", [0, 1])
def test_a_second_resume_goes_on_as_the_first(tmp_path, workers) -> None:
    """pytorch/torchtitan#3907: a resumed data set saved its old position."""
    write_shard(tmp_path / "train" / "a.jsonl", numbered(30, longest=40))
    straight = loader_of(tmp_path)
    rows = [next(straight).tokens_BS.tolist() for _ in range(20)]
    state, found = None, []
    for _ in range(5):
        loader = loader_of(tmp_path, state, workers=workers)
        found += [next(loader).tokens_BS.tolist() for _ in range(4)]
        state = loader.state_dict()
        loader.close()
    assert found == rows


def test_a_state_at_the_end_of_an_epoch_goes_on(tmp_path) -> None:
    """pytorch/torchtitan#1357: a state saved after an epoch began the data anew."""
    write_shard(tmp_path / "train" / "a.jsonl", numbered(9, longest=20))
    straight = loader_of(tmp_path)
    states, rows = [], []
    for _ in range(60):
        states.append(straight.state_dict())
        rows.append(next(straight).tokens_BS.tolist())
    epochs = [state["0"]["sources"]["a"]["epoch"] for state in states]
    assert max(epochs) >= 3
    for index in [i for i in range(1, 55) if epochs[i] > epochs[i - 1]]:
        for start in (index - 1, index):
            again = loader_of(tmp_path, states[start])
            found = [next(again).tokens_BS.tolist() for _ in range(4)]
            assert found == rows[start : start + 4]


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_a_byte_order_mark_changes_nothing(tmp_path, ending) -> None:
    """huggingface/datasets#8241: a file with a mark was read with another schema."""
    path = write_shard(tmp_path / f"a{ending}", ["one", "two"])
    plain = [document.data for document in read_shard(path)]
    pack = {".gz": gzip.compress, ".zst": zstd.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(b"\xef\xbb\xbf" + lines(["one", "two"])))
    assert [document.data for document in read_shard(path)] == plain


@pytest.mark.parametrize("size", [1, 5, 12])
def test_half_an_uploaded_line_is_named(tmp_path, size) -> None:
    """huggingface/datatrove#78: the half-uploaded end of a file, in the middle of a character."""
    path = tmp_path / "a.jsonl"
    whole = json.dumps({"text": "漢字漢字"}, ensure_ascii=False).encode()
    path.write_bytes(lines(["one"]) + whole[: 10 + size])
    shard = open_shard(path)
    first, half = shard.records()
    assert shard.document(first).data == b"one"
    with pytest.raises(BadRecordError, match=r"a\.jsonl, line 2: no JSON"):
        shard.document(half)
    shard.close()


@pytest.mark.parametrize("line", ['{"text": "a"}TRAILER', '{"text": "a"}{"text": "b"}'])
def test_what_follows_an_object_is_not_passed_over(tmp_path, line) -> None:
    """duckdb/duckdb#23120: an object with something behind it was taken."""
    (tmp_path / "a.jsonl").write_text(line + "\n")
    with pytest.raises(BadRecordError, match=r"line 1: no JSON .*Extra data"):
        list(read_shard(tmp_path / "a.jsonl"))


def test_line_separators_of_unicode_end_no_line(tmp_path) -> None:
    """huggingface/datasets#4149: lines were split where a text has a separator."""
    texts = ["a\u2028b", "c\u0085d", "e\x0bf\x0cg", "h\ri"]
    data = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    (tmp_path / "a.jsonl").write_bytes(data.encode())
    assert [document.data.decode() for document in read_shard(tmp_path / "a.jsonl")] == texts


def test_memory_does_not_grow_with_a_parquet_file(tmp_path) -> None:
    """apache/arrow#39808: batches that were used up stayed in memory."""
    texts = [f"{number} " + "x" * 200_000 for number in range(600)]
    small_pages = {"use_dictionary": False, "write_batch_size": 16}
    pa.parquet.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", **small_pages)
    before, most = pa.total_allocated_bytes(), 0
    for _ in read_shard(tmp_path / "a.parquet"):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 80_000_000, "of 120 MB"


def test_folders_and_other_files_beside_the_chunks_are_no_trouble(tmp_path) -> None:
    """Lightning-AI/litgpt#1413: a folder among the files of a corpus was opened as a file."""
    write_shard(tmp_path / "train" / "a" / "0.jsonl", ["one"])
    (tmp_path / "train" / "a" / "1.jsonl").mkdir()
    loader = loader_of(tmp_path, batch_size=1)
    assert next(loader).tokens_BS.tolist()
    loader.close()
