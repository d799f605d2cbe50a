"""Columns of text as other programs write them: other types of strings, nulls, several batches."""

from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from bytelatent.data.formats import open_shard, read_shard
from bytelatent.data.loader import Loader
from bytelatent.data.readers import BadRecordError
from tests.data.shards import data_args, write_shard

TEXTS = ["", "abc", "é漢\n\u2028x", "abc", "é", "the last one is longer than twelve bytes"]

DICTIONARY = pa.dictionary(pa.int32(), pa.string())
LARGE_DICTIONARY = pa.dictionary(pa.uint32(), pa.large_string())
TYPES = {
    "string": pa.string(),
    "large": pa.large_string(),
    "view": pa.string_view(),
    "category": DICTIONARY,
    "large category": LARGE_DICTIONARY,
}


def column(texts: list[str | None], kind: pa.DataType) -> pa.ChunkedArray:
    """Two chunks; those of a dictionary have dictionaries of their own."""
    halves = texts[: len(texts) // 2], texts[len(texts) // 2 :]
    arrays = []
    for half in halves:
        array = pa.array(half, pa.string())
        if pa.types.is_dictionary(kind):
            array = array.cast(kind.value_type).dictionary_encode()
        arrays.append(array.cast(kind))
    return pa.chunked_array(arrays, kind)


def write(path, columns: dict, **options) -> None:
    rows = pa.table(columns)
    if path.suffix == ".parquet":
        pa.parquet.write_table(rows, path, row_group_size=4)
        return
    new = pa.ipc.new_stream if "stream" in path.name else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, new(file, rows.schema, **options) as writer:
        for batch in rows.to_batches():
            writer.write_batch(batch)


@pytest.mark.parametrize("name", ["a.parquet", "stream.arrow"])
@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_every_type_of_string_is_read_from_any_row(tmp_path, name, kind) -> None:
    path = tmp_path / name
    write(path, {"id": list(range(len(TEXTS))), "text": column(TEXTS, kind)})
    assert [document.data.decode() for document in read_shard(path)] == TEXTS
    shard = open_shard(path)
    for first in range(len(TEXTS) + 1):
        records = shard.records(first)
        assert [shard.document(record).data.decode() for record in records] == TEXTS[first:]
    shard.close()


@pytest.mark.parametrize("kind", list(TYPES.values())[:3], ids=list(TYPES)[:3])
def test_every_type_of_string_is_read_from_a_file_of_arrow(tmp_path, kind) -> None:
    write(tmp_path / "a.arrow", {"text": column(TEXTS, kind)})
    assert [d.data.decode() for d in read_shard(tmp_path / "a.arrow")] == TEXTS


@pytest.mark.parametrize("delta", [False, True])
def test_a_file_of_arrow_with_a_dictionary_is_read(tmp_path, delta) -> None:
    first = pa.array([0, 1, None], pa.int32())
    texts = pa.chunked_array(
        [
            pa.DictionaryArray.from_arrays(first, pa.array(["a", "é"])),
            pa.DictionaryArray.from_arrays(first, pa.array(["a", "é", *(["x"] * delta)])),
        ]
    )
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=delta)
    write(tmp_path / "a.arrow", {"id": list(range(6)), "text": texts}, options=options)
    shard = open_shard(tmp_path / "a.arrow")
    records = list(shard.records())
    assert [shard.document(records[i]).data.decode() for i in (0, 1, 3, 4)] == ["a", "é"] * 2
    with pytest.raises(BadRecordError, match=r"row 3: 'text' is null"):
        shard.document(records[2])
    shard.close()


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_a_null_is_named_in_every_type(tmp_path, kind) -> None:
    write(tmp_path / "a.parquet", {"text": column(["a", None, None, "b"], kind)})
    shard = open_shard(tmp_path / "a.parquet")
    records = list(shard.records())
    assert [shard.document(records[i]).data for i in (0, 3)] == [b"a", b"b"]
    for number in (2, 3):
        with pytest.raises(BadRecordError, match=rf"row {number}: 'text' is null"):
            shard.document(records[number - 1])
    shard.close()


def test_a_null_inside_a_dictionary_is_a_null(tmp_path) -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None]))
    write(tmp_path / "stream.arrow", {"text": words})
    shard = open_shard(tmp_path / "stream.arrow")
    first, null = shard.records()
    assert shard.document(first).data == b"a"
    with pytest.raises(BadRecordError, match=r"row 2: 'text' is null"):
        shard.document(null)
    shard.close()


@pytest.mark.parametrize("name", ["1.parquet", "1.arrow", "1 stream.arrow"])
@pytest.mark.parametrize("kind", [pa.null(), pa.string(), pa.string_view()], ids=str)
def test_a_chunk_of_nulls_is_skipped_and_counted(tmp_path, name, kind) -> None:
    write_shard(tmp_path / "train" / "a" / "0.jsonl", [f"text {i}" for i in range(8)])
    write(tmp_path / "train" / "a" / name, {"text": pa.nulls(5, kind)})
    loader = Loader(data_args(tmp_path, on_bad_line="skip", sources={"a": 1}), "train")
    for _ in range(20):
        batch = next(loader)
        assert int(batch.sizes_BS.sum()) > 0
    assert loader.counters()["a"]["bad_lines"] >= 5
    loader.close()
    strict = Loader(data_args(tmp_path, sources={"a": 1}), "train")
    with pytest.raises(ValueError, match=r"row \d: 'text' is null"):
        list(islice(strict, 20))
    strict.close()


@pytest.mark.parametrize("kind", [pa.list_, pa.large_list, pa.list_view, pa.large_list_view])
@pytest.mark.parametrize("name", ["a.arrow", "stream.arrow"])
def test_entropies_are_read_from_every_type_of_list(tmp_path, kind, name) -> None:
    values = pa.array([[1, 2, 3, 4], None, [5, 6, 7]], kind(pa.float32()))
    texts = pa.array(["ab", "x", "c"], pa.string_view())
    write(tmp_path / name, {"text": texts, "entropies": values})
    shard = open_shard(tmp_path / name)
    records = list(shard.records())
    measured = [shard.document(records[i]).entropies for i in (0, 2)]
    assert [None if one is None else one.tolist() for one in measured] == [[1, 2, 3, 4], [5, 6, 7]]
    with pytest.raises(BadRecordError, match=r"row 2: 'entropies' is null"):
        shard.document(records[1])
    shard.close()


def test_text_of_a_table_that_is_no_utf8_is_bad(tmp_path) -> None:
    raw = pa.array([b"ok", b"\xff\xfe"], pa.binary())
    texts = pa.StringArray.from_buffers(2, raw.buffers()[1], raw.buffers()[2])
    write(tmp_path / "a.arrow", {"text": texts})
    shard = open_shard(tmp_path / "a.arrow")
    good, bad = shard.records()
    assert shard.document(good).data == b"ok"
    with pytest.raises(BadRecordError, match=r"row 2: .*can't decode byte 0xff"):
        shard.document(bad)
    shard.close()


def test_long_texts_are_decoded_a_few_rows_at_a_time(tmp_path) -> None:
    """A batch of rows of a parquet file has a bounded size in bytes, not only in rows."""
    random = np.random.default_rng(0)
    texts = [random.bytes(500_000).hex() for _ in range(64)]
    pa.parquet.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    shard = open_shard(tmp_path / "a.parquet")
    sizes = [batch.num_rows for _, batch in shard.batches(0)]  # type: ignore[attr-defined]
    assert sum(sizes) == 64 and max(sizes) <= 32
    assert [d.data.decode() for d in read_shard(tmp_path / "a.parquet")] == texts
    shard.close()
