"""`setup/download_prepare_hf_data.py` on small files made here: no network."""

from __future__ import annotations

import gzip
import importlib
import itertools
import json
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from backports import zstd

from bytelatent.files import read_json

SETUP = str(Path(__file__).parents[2] / "setup")
sys.path.insert(0, SETUP)  # a folder of scripts, not an installed package
try:
    command = importlib.import_module("download_prepare_hf_data")
    documents = importlib.import_module("hf_data.documents")
    shuffle = importlib.import_module("hf_data.shuffle")
finally:
    sys.path.remove(SETUP)

ROWS = 300  # of each file
LAYOUT = ("a/0.parquet", "a/1.parquet", "b.jsonl", "c.jsonl.gz", "d.jsonl.zst")


def text_of(file: int, row: int) -> str:
    return f'Zeile {row} der Datei {file}: "ü"\n' + "x" * (row % 97)


def write_texts(path: Path, texts: list[Any]) -> Path:
    """A file of the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pa.parquet.write_table(pa.table({"text": texts}), path, row_group_size=100)
    else:
        data = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
        pack = {".gz": gzip.compress, ".zst": zstd.compress}.get(path.suffix, bytes)
        path.write_bytes(pack(data))
    return path


def write_files(folder: Path) -> set[str]:
    """A file of each format; row 7 of each has an empty text. Returns the texts."""
    for number, name in enumerate(LAYOUT):
        write_texts(folder / name, ["" if r == 7 else text_of(number, r) for r in range(ROWS)])
    return {text_of(f, row) for f in range(len(LAYOUT)) for row in range(ROWS) if row != 7}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files")
    write_files(path)
    return path


@pytest.fixture(autouse=True)
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many buckets and many flushes for little text."""
    monkeypatch.setattr(shuffle, "BUCKET_SHARE", 0.00005)
    monkeypatch.setattr(shuffle, "READER_SHARE", 0.9998)


def job(folder: Path, out: Path, **more: Any) -> Any:
    about = {"seed": 42, "chunks": 4, "validation": 50, "memory": 200_000_000, **more}
    return shuffle.Shuffle("made", documents.find_files(folder), out, **about)


def run(folder: Path, out: Path, **more: Any) -> dict[str, bytes]:
    shuffle.shuffle(job(folder, out, **more), say=lambda _: None)
    return contents(out)


def contents(out: Path) -> dict[str, bytes]:
    files = [path for path in out.rglob("*") if path.is_file() and path.suffix == ".jsonl"]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def texts(data: bytes) -> list[str]:
    return [json.loads(line)["text"] for line in data.splitlines()]


@pytest.fixture(scope="module")
def wanted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed run gives."""
    return run(folder, tmp_path_factory.mktemp("wanted"))


# The result


def test_every_document_comes_once_in_another_order(
    folder: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    assert sorted(wanted) == [
        *(f"train/made.chunk.{number:02d}.jsonl" for number in range(4)),
        "valid/made.jsonl",
    ]
    found = [text for data in wanted.values() for text in texts(data)]
    assert len(found) == len(set(found)) and set(found) == write_files(tmp_path)
    assert len(texts(wanted["valid/made.jsonl"])) == 50
    sizes = [len(texts(wanted[f"train/made.chunk.{number:02d}.jsonl"])) for number in range(4)]
    assert min(sizes) > 250  # of 1445, the chunks differ by chance
    first = texts(wanted["train/made.chunk.01.jsonl"])[:40]
    assert len({text.split(" der ")[1][:7] for text in first}) == len(LAYOUT)  # all files mixed
    rows = [text.split(" ")[1] for text in found]
    assert sum(one == other for one, other in itertools.pairwise(rows)) < 30  # by chance 5


def test_the_seed_decides_the_order_and_the_memory_does_not(
    folder: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    assert run(folder, tmp_path / "rich", memory=2_000_000_000) == wanted
    other = run(folder, tmp_path / "other", seed=43)
    assert other.keys() == wanted.keys()
    assert all(other[name] != wanted[name] for name in wanted)


def test_only_the_results_and_their_record_remain(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path, validation=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.shuffle.json", "train"]
    record = read_json(tmp_path / "made.shuffle.json")
    assert (record["documents"], record["empty"]) == (len(LAYOUT) * (ROWS - 1), len(LAYOUT))
    assert record["complete"] and tuple(record["files"]) == LAYOUT


def test_there_are_more_buckets_than_chunks_and_more_flushes_than_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes: list[int] = []
    append = shuffle.BucketWriter._append

    def noted(writer: Any) -> None:
        flushes.append(len(writer._lines))
        append(writer)

    monkeypatch.setattr(shuffle.BucketWriter, "_append", noted)
    run(folder, tmp_path)
    assert len(flushes) > 2 * len(LAYOUT) and flushes[0] >= 8


# Kills


class Killed(BaseException):
    """Stands for a kill: nobody catches it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int) -> None:
    """Makes the `call`-th call of a function the last thing that happens, when it is half done."""
    function, left = getattr(owner, name), [call]

    def killed(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        result = function(*arguments, **named)
        if not left[0]:
            raise Killed
        return result

    monkeypatch.setattr(owner, name, killed)


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (shuffle.BucketWriter, "_append", 1),
        (shuffle.BucketWriter, "_append", 6),
        (shuffle.BucketWriter, "finish_file", 3),
        (shuffle, "write_validation", 1),
        (shuffle, "sorted_lines", 9),
        (shuffle, "write_chunk", 2),
        (shuffle, "buckets_of", 3),
    ],
)
def test_a_killed_run_goes_on_to_the_same_bytes(
    folder: Path,
    wanted: dict[str, bytes],
    tmp_path: Path,
    owner: Any,
    name: str,
    call: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, owner, name, call)
        with pytest.raises(Killed):
            run(folder, tmp_path)
    assert contents(tmp_path) != wanted
    for bucket in list(tmp_path.glob(".made.shuffle/bucket.*"))[:3]:  # torn off while writing
        with bucket.open("ab") as file:
            file.write(b"0123")
    (tmp_path / "train").mkdir(exist_ok=True)
    (tmp_path / "train" / ".made.chunk.03.abc.tmp.jsonl").write_bytes(b"half")
    assert run(folder, tmp_path) == wanted
    assert not list(tmp_path.glob(".made*")) and not list(tmp_path.rglob("*.tmp*"))


def test_finished_chunks_are_left_alone_and_missing_ones_come_back(
    folder: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    run(folder, tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jsonl")}
    said: list[str] = []
    shuffle.shuffle(job(folder, tmp_path), said.append)
    assert said == ["made: finished before, nothing to do"]
    (tmp_path / "train" / "made.chunk.02.jsonl").unlink()
    (tmp_path / "valid" / "made.jsonl").unlink()
    assert run(folder, tmp_path) == wanted
    changed = {path.name for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert changed == {"made.chunk.02.jsonl", "made.jsonl"}


def test_a_chunk_that_vanished_before_the_end_is_made_again(
    folder: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, shuffle, "write_chunk", 3)
        with pytest.raises(Killed):
            run(folder, tmp_path)
    (tmp_path / "train" / "made.chunk.00.jsonl").unlink()  # its buckets are gone
    assert run(folder, tmp_path) == wanted


# Mistakes


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"memory": 100_000_000}, "MEMORY is 0.1 GB; give at least 0.2"),
        ({"chunks": 0}, "--nchunks is 0; it must be 1 or more"),
        ({"validation": -1}, "--validation is -1"),
        ({"seed": -1}, "--seed is -1; it must be 0 or more"),
        ({"validation": 5000}, "only 1495 documents; keep fewer than 5000"),
    ],
)
def test_impossible_settings_are_refused(
    folder: Path, tmp_path: Path, more: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run(folder, tmp_path, **more)


def test_a_folder_with_another_shuffle_is_left_alone(folder: Path, tmp_path: Path) -> None:
    before = run(folder, tmp_path)
    with pytest.raises(ValueError, match=r"made\.shuffle\.json says .* with other seed, chunks;"):
        run(folder, tmp_path, seed=1, chunks=2)
    assert contents(tmp_path) == before


def test_a_run_that_was_refused_is_not_in_the_way(
    folder: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="--validation is 5000, but there are only 1495"):
        run(folder, tmp_path, validation=5000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle.BucketWriter, "add", None)  # what was read is not read again
        assert run(folder, tmp_path) == wanted


@pytest.mark.parametrize("more", [{"seed": 1}, {"chunks": 6}, {"validation": 3}])
def test_a_killed_run_gives_way_to_one_with_other_settings(
    folder: Path, wanted: dict[str, bytes], tmp_path: Path, more: dict[str, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, shuffle, "write_chunk", 3)
        with pytest.raises(Killed):
            run(folder, tmp_path, **more)
    assert run(folder, tmp_path) == wanted
    assert not list(tmp_path.glob(".made*"))


def test_what_was_complete_once_is_not_replaced(
    folder: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    run(folder, tmp_path)
    (tmp_path / "train" / "made.chunk.02.jsonl").unlink()
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, shuffle, "fill_buckets", 1)
        with pytest.raises(Killed):
            run(folder, tmp_path)
    with pytest.raises(ValueError, match="with other seed"):
        run(folder, tmp_path, seed=1)
    assert run(folder, tmp_path) == wanted


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.parquet", b"PAR1 something PAR1", r"x\.parquet cannot be read"),
        ("x.jsonl", b'{"text": "a"}\n{"text": \n', r"x\.jsonl, line 2: no JSON"),
        ("x.jsonl", b'{"content": "a"}\n', r"x\.jsonl, line 1: no 'text'; --on-bad-line skip"),
        ("x.jsonl.gz", b"not gzip", r"x\.jsonl\.gz cannot be read"),
        ("x.txt", b"text", r"holds no file that ends in \.jsonl, "),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "in", tmp_path / "out")


def test_a_parquet_without_texts_is_named(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"number": [1]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet cannot be read: it has no column 'text'"):
        run(tmp_path, tmp_path / "out")


def test_too_small_a_disk_is_noticed_before_anything_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shuffle.shutil, "disk_usage", lambda _: usage(10, 9, 1))
    with pytest.raises(ValueError, match=r"takes about 0\.0 GB in .*, where 0\.0 GB are free"):
        run(folder, tmp_path)
    assert not list(tmp_path.rglob("bucket.*"))
