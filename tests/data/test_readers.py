"""Shards of every format give the same documents, from any place on; faults are named."""

import gzip
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from bytelatent.data.formats import open_shard, read_shard
from bytelatent.data.readers import BadRecordError, Document
from tests.data.shards import FORMATS, fake_entropies, lines, numbered, table, write_shard

TEXTS = ["", "abc", "é漢\n\u2028x", '{"text": 1}', *numbered(20)]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("entropies", [False, True])
def test_every_format_gives_the_same_documents(tmp_path, ending, entropies) -> None:
    path = write_shard(tmp_path / f"a{ending}", TEXTS, entropies)
    found = list(read_shard(path))
    assert [document.data.decode() for document in found] == TEXTS
    for document, text in zip(found, TEXTS, strict=True):
        if entropies:
            assert document.entropies is not None and document.entropies.dtype == np.float32
            assert document.entropies.tolist() == fake_entropies(text)
        else:
            assert document.entropies is None


@pytest.mark.parametrize("ending", FORMATS)
def test_reading_starts_at_any_record(tmp_path, ending) -> None:
    path = write_shard(tmp_path / f"a{ending}", TEXTS)
    for first in range(len(TEXTS) + 2):
        shard = open_shard(path, block_size=4)
        found = [shard.document(record).data.decode() for record in shard.records(first)]
        assert found == TEXTS[first:]
        shard.close()


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [4, 0, 5, 1, 4, 0, 2, 1, 3], [6, 7, 5]])
def test_blocks_come_in_any_order(tmp_path, ending, order) -> None:
    shard = open_shard(write_shard(tmp_path / f"a{ending}", TEXTS), block_size=4)
    for block in order:
        found = [shard.document(record).data.decode() for record in shard.block(block)]
        assert found == TEXTS[4 * block : 4 * block + 4]
    shard.close()


def test_lanes_far_apart_in_a_shard_do_not_read_it_from_the_start_again(tmp_path) -> None:
    shard = open_shard(write_shard(tmp_path / "a.jsonl.gz", numbered(40)), block_size=2)
    begun = []
    read = shard.read
    shard.read = lambda first: begun.append(first) or read(first)  # type: ignore[method-assign]
    for block in range(10):
        shard.block(block + 10)
        shard.block(block)
    assert begun == [20, 0]
    shard.close()


def test_blank_lines_are_no_records_and_do_not_shift_line_numbers(tmp_path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\n{"text": "a"}\r\n  \n\n{"text": "b"}\n{"text": 1}')
    shard = open_shard(path, block_size=1)
    assert [number for number, _ in shard.records()] == [2, 5, 6]
    assert [number for number, _ in shard.block(1)] == [5]
    assert [number for number, _ in shard.records(2)] == [6]
    assert not shard.block(3)
    shard.close()


BAD_LINES = {
    "{": "no JSON",
    "[1]": "no JSON object but list",
    '"a"': "no JSON object but str",
    '{"txt": "a"}': "no 'text'",
    '{"text": 3}': "'text' is no string but int",
    '{"text": null}': "'text' is no string but NoneType",
    '{"text": "\\ud800"}': "surrogates not allowed",
    "[" * 100_000: "recursion",
    '{"text": "ab", "entropies": [1, 2, 3]}': "3 entropies for 2 bytes",
    '{"text": "ab", "entropies": [1, 2, "x", 3]}': "could not convert",
    '{"text": "ab", "entropies": [1, NaN, 1, 3]}': "not finite",
    '{"text": "ab", "entropies": 3}': "1 entropies for 2 bytes",
    '{"text": "ab", "entropies": [[1, 2], [3, 4]]}': "4 entropies for 2 bytes",
}


@pytest.mark.parametrize(("line", "words"), BAD_LINES.items())
@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_a_bad_line_is_named(tmp_path, line, words, ending) -> None:
    path = tmp_path / f"a{ending}"
    text = (lines(["one"]).decode() + line + "\n" + lines(["two"]).decode()).encode()
    path.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
    shard = open_shard(path)
    good, bad, last = shard.records()
    assert [shard.document(record).data for record in (good, last)] == [b"one", b"two"]
    with pytest.raises(BadRecordError, match=rf"(?s)a\{ending}, line 2: .*{words}"):
        shard.document(bad)
    shard.close()


def test_a_line_that_is_no_utf8_is_bad(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "\xff"}\n')
    with pytest.raises(BadRecordError, match=r"a\.jsonl, line 1: no JSON .*can't decode"):
        list(read_shard(tmp_path / "a.jsonl"))


def test_bad_rows_of_tables_are_named(tmp_path) -> None:
    rows = table(["a", None, "c"], entropies=True)
    wrong = pa.array([[1.0, 2, 3], [], [1.0]], pa.list_(pa.float32()))
    pa.parquet.write_table(rows.set_column(2, "entropies", wrong), tmp_path / "a.parquet")
    shard = open_shard(tmp_path / "a.parquet")
    first, null, short = shard.records()
    assert shard.document(first).data == b"a"
    with pytest.raises(BadRecordError, match=r"a\.parquet, row 2: 'text' is null"):
        shard.document(null)
    with pytest.raises(BadRecordError, match=r"row 3: 1 entropies for 1 bytes"):
        shard.document(short)
    shard.close()


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("text", pa.array([1, 2]), "column 'text' holds no text but int64"),
        ("txt", pa.array(["a", "b"]), "no column 'text' but txt, entropies"),
        ("text", pa.array(["a", "b"]), "column 'entropies' holds no list of floats but int64"),
    ],
)
@pytest.mark.parametrize("ending", [".arrow", ".parquet"])
def test_tables_of_other_columns_are_refused(tmp_path, column, values, words, ending) -> None:
    rows = pa.table({column: values, "entropies": pa.array([1, 2])})
    path = tmp_path / f"a{ending}"
    if ending == ".parquet":
        pa.parquet.write_table(rows, path)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows)
    with pytest.raises(ValueError, match=rf"a\{ending} cannot be read: .*{words}"):
        list(read_shard(path))


@pytest.mark.parametrize("ending", FORMATS[1:])
def test_a_damaged_file_is_named(tmp_path, ending) -> None:
    path = write_shard(tmp_path / f"a{ending}", numbered(200, longest=200))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"a{ending} cannot be read: "):
        list(read_shard(path))


def test_other_float_types_and_large_columns_are_read(tmp_path) -> None:
    columns = {
        "text": pa.array(["ab", "c"], pa.large_string()),
        "entropies": pa.array([[1, 2, 3, 4], [5, 6, 7]], pa.large_list(pa.float64())),
    }
    pa.parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = list(read_shard(tmp_path / "a.parquet"))
    assert [d.entropies.tolist() for d in found] == [[1, 2, 3, 4], [5, 6, 7]]


def test_a_text_may_have_another_name(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"content": "abc", "text": 1}) + "\n")
    assert [d.data for d in read_shard(tmp_path / "a.jsonl", "content")] == [b"abc"]
    with pytest.raises(ValueError, match="no 'body'"):
        list(read_shard(tmp_path / "a.jsonl", "body"))


def test_a_missing_package_is_named(tmp_path, monkeypatch) -> None:
    path = write_shard(tmp_path / "a.arrow", ["a"])
    for name in ("pyarrow", "pyarrow.ipc", "pyarrow.types"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=r"needs pyarrow \(pip install 'bytelatent\[data\]'\)"):
        list(read_shard(path))


def test_an_unknown_format_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"a\.csv: not one of the formats \.jsonl, "):
        open_shard(tmp_path / "a.csv")


def test_a_document_checks_its_entropies() -> None:
    Document(b"ab", np.array([1, 2, 3, np.nan], np.float32))  # the one at EOS means nothing
    with pytest.raises(ValueError, match="2 entropies for 1 bytes"):
        Document(b"a", np.zeros(2, np.float32))
