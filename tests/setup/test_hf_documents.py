"""What `setup/download_prepare_hf_data.py` takes for a document, and for a whole file."""

from __future__ import annotations

import gzip
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from backports import zstd

from bytelatent.data.formats import open_shard
from bytelatent.data.readers import BadRecordError
from bytelatent.files import read_json, write_json

SETUP = str(Path(__file__).parents[2] / "setup")
sys.path.insert(0, SETUP)  # a folder of scripts, not an installed package
try:
    command = importlib.import_module("download_prepare_hf_data")
finally:
    sys.path.remove(SETUP)


def json_lines(values: list[Any]) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def documents(first: int, last: int) -> list[Any]:
    return [{"text": f"document {number}"} for number in range(first, last)]


def run(tmp_path: Path, *words: str) -> int:
    places = ("--from-folder", str(tmp_path / "in"), "--data_dir", str(tmp_path / "out"))
    sizes = ("--nchunks", "1", "--validation", "1")
    return int(command.main(["fineweb_edu", "0.2", *places, *sizes, *words]))


def result(tmp_path: Path) -> list[str]:
    files = (tmp_path / "out").rglob("*.jsonl")
    lines = [line for path in files for line in path.read_bytes().split(b"\n") if line]
    return sorted(json.loads(line)["text"] for line in lines)


def record(tmp_path: Path) -> Any:
    return read_json(tmp_path / "out" / "fineweb_edu.shuffle.json")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstd.compress)])
@pytest.mark.parametrize("missing", [1, 20, 0.5])
def test_a_file_that_was_cut_off_is_named(
    tmp_path: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    ending: str,
    pack: Any,
    missing: float,
) -> None:
    whole = pack(json_lines(documents(0, 1000))) + pack(json_lines(documents(1000, 2000)))
    lost = missing if missing >= 1 else int(len(whole) * missing * 1.2)
    (folder / f"a.jsonl.{ending}").write_bytes(whole[: -int(lost)])
    assert run(tmp_path) == 1
    assert f"a.jsonl.{ending} cannot be read" in capsys.readouterr().err
    assert not result(tmp_path)
    (folder / f"a.jsonl.{ending}").write_bytes(whole)
    assert run(tmp_path) == 0
    assert len(result(tmp_path)) == 2000


def test_a_stream_of_arrow_that_was_cut_off_is_named(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pa.table({"text": ["a", "b"]})
    with (
        pa.OSFile(str(folder / "a.arrow"), "wb") as file,
        pa.ipc.new_stream(file, rows.schema) as writer,
    ):
        writer.write_table(rows)
    data = (folder / "a.arrow").read_bytes()
    (folder / "a.arrow").write_bytes(data[:-8])
    assert run(tmp_path) == 1
    assert "a.arrow cannot be read: it is cut off" in capsys.readouterr().err


NO_DOCUMENTS: list[Any] = [
    "stray",
    ["stray"],
    3,
    None,
    {},
    {"content": "x"},
    {"text": None},
    {"text": 3},
    {"text": 2.5},
    {"text": True},
    {"text": {"a": 1}},
    {"text": ["a", "b"]},
    {"text": "\ud800"},
]


@pytest.mark.parametrize("line", NO_DOCUMENTS, ids=map(json.dumps, NO_DOCUMENTS))
@pytest.mark.parametrize("place", [0, 3, 150])
def test_what_is_no_document_is_named_or_left_out_and_counted(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], line: Any, place: int
) -> None:
    lines = documents(0, 200)
    lines.insert(place, line)
    path = folder / "a.jsonl"
    path.write_bytes(json_lines(lines))
    # The loader refuses the same line with the same words.
    shard = open_shard(path)
    with pytest.raises(BadRecordError) as refusal:
        shard.document(list(shard.records())[place])
    shard.close()
    assert run(tmp_path) == 1
    error = capsys.readouterr().err
    assert str(refusal.value) in error and f"line {place + 1}: " in error
    assert "--on-bad-line skip" in error
    assert run(tmp_path, "--on-bad-line", "skip") == 0
    assert result(tmp_path) == sorted(one["text"] for one in documents(0, 200))
    assert record(tmp_path)["documents"] == 200
    assert record(tmp_path)["bad_lines"] == 1
    assert 'left out {"bad_lines": 1} of 201 records' in capsys.readouterr().out


def test_texts_keep_every_character(tmp_path: Path, folder: Path) -> None:
    """Also those that look like JSON, numbers and nulls."""
    texts = ['{"text": "x"}', "null", "3", "true", '"quoted"', "  ", "a\0b", "é\u2028漢\r\n\ufeff"]
    (folder / "a.jsonl").write_bytes(json_lines([{"text": text} for text in texts]))
    assert run(tmp_path) == 0
    assert result(tmp_path) == sorted(texts)


@pytest.mark.parametrize(
    "kind",
    [pa.string_view(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
    ids=["view", "large", "category"],
)
@pytest.mark.parametrize("ending", ["arrow", "parquet"])
def test_tables_as_other_programs_write_them(
    tmp_path: Path, folder: Path, kind: pa.DataType, ending: str
) -> None:
    texts = pa.array(["a", None, "é", "a", "b"], pa.string())
    if pa.types.is_dictionary(kind):
        texts = texts.dictionary_encode()
    rows = pa.table({"text": texts.cast(kind)})
    path = folder / f"a.{ending}"
    if ending == "parquet":
        pa.parquet.write_table(rows, path)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows)
    pa.parquet.write_table(pa.table({"text": pa.nulls(3)}), folder / "nulls.parquet")
    assert run(tmp_path, "--on-bad-line", "skip") == 0
    assert result(tmp_path) == ["a", "a", "b", "é"]
    assert record(tmp_path)["bad_lines"] == 4


def test_empty_texts_alone_are_an_error(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.jsonl").write_bytes(json_lines([{"text": ""}] * 5))
    assert run(tmp_path) == 1
    assert "fineweb_edu: no record of 1 files has a text" in capsys.readouterr().err


def test_hidden_files_and_folders_are_left_out(tmp_path: Path, folder: Path) -> None:
    """The cache of a download, in the folder or below it."""
    (folder / "a.jsonl").write_bytes(json_lines(documents(0, 5)))
    for name in (".cache/b.jsonl", "data/.cache/c.jsonl", "data/.d.jsonl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(json_lines(documents(5, 9)))
    assert run(tmp_path) == 0
    assert len(result(tmp_path)) == 5


def test_a_file_that_has_changed_is_another_shuffle(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "a.jsonl"
    path.write_bytes(json_lines(documents(0, 20)))
    assert run(tmp_path) == 0
    before = result(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"document 17", b"document 71"))
    assert run(tmp_path) == 1
    assert "was made here with other fingerprints" in capsys.readouterr().err
    assert result(tmp_path) == before
    # A record of an older version has no fingerprints.
    old = {key: value for key, value in record(tmp_path).items() if key != "fingerprints"}
    write_json(tmp_path / "out" / "fineweb_edu.shuffle.json", old)
    assert run(tmp_path) == 0
    assert "nothing to do" in capsys.readouterr().out
