"""A file that was cut off or damaged is told from a whole one, wherever the cut is."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from backports import zstd

from bytelatent.data.formats import read_shard
from tests.data.shards import FORMATS, lines, numbered, table, write_shard

TEXTS = numbered(40, longest=60)


@pytest.mark.parametrize("ending", FORMATS[1:])
def test_a_file_cut_off_at_any_byte_is_refused(tmp_path, ending) -> None:
    whole = write_shard(tmp_path / f"whole{ending}", TEXTS[:12]).read_bytes()
    path = tmp_path / f"a{ending}"
    for size in range(0, len(whole), 1 if len(whole) < 1000 else 3):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"a{ending} cannot be read: "):
            list(read_shard(path))


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_an_arrow_stream_cut_off_between_its_batches_is_refused(tmp_path, batches) -> None:
    rows = table(TEXTS)
    path = tmp_path / "a.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        for batch in rows.to_batches(max_chunksize=5)[:batches]:
            writer.write_batch(batch)
    assert len(list(read_shard(path))) == 5 * batches
    path.write_bytes(path.read_bytes()[:-8])  # the mark of the end
    with pytest.raises(ValueError, match=r"a\.arrow cannot be read: .*cut off"):
        list(read_shard(path))


def test_an_old_end_of_a_stream_is_known(tmp_path) -> None:
    rows = table(TEXTS)
    options = pa.ipc.IpcWriteOptions(use_legacy_format=True)
    path = tmp_path / "a.arrow"
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_stream(file, rows.schema, options=options) as writer,
    ):
        writer.write_table(rows)
    assert len(list(read_shard(path))) == len(TEXTS)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"a\.arrow cannot be read: .*cut off"):
        list(read_shard(path))


def test_a_second_stream_behind_the_first_is_not_passed_over(tmp_path) -> None:
    path = write_shard(tmp_path / "a stream.arrow", TEXTS)
    path.write_bytes(2 * path.read_bytes())
    with pytest.raises(ValueError, match=r"cannot be read: .*bytes behind its end"):
        list(read_shard(path))


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstd.compress)])
def test_several_members_and_frames_are_one_file(tmp_path, ending, pack) -> None:
    path = tmp_path / f"a.jsonl.{ending}"
    first, second = pack(lines(TEXTS[:20])), pack(lines(TEXTS[20:]))
    path.write_bytes(first + second)
    assert [document.data.decode() for document in read_shard(path)] == TEXTS
    path.write_bytes((first + second)[:-20])
    with pytest.raises(ValueError, match="cannot be read"):
        list(read_shard(path))


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst", ".arrow", ".parquet"])
def test_an_empty_file_is_no_archive_and_no_table(tmp_path, ending) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"a\{ending} cannot be read: "):
        list(read_shard(path))


def test_a_parquet_file_with_other_bytes_in_a_page_is_refused(tmp_path) -> None:
    """Pages may carry a checksum; a copy with holes has the right size and the right end."""
    path = tmp_path / "a.parquet"
    random = np.random.default_rng(0)
    texts = [random.bytes(50).hex() for _ in range(200)]
    pa.parquet.write_table(
        pa.table({"text": texts}),
        path,
        write_page_checksum=True,
        compression="none",
        use_dictionary=False,
    )
    data = bytearray(path.read_bytes())
    place = data.index(texts[100].encode())
    data[place : place + 40] = b"0" * 40
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.parquet cannot be read: .*[Cc][Rr][Cc]"):
        list(read_shard(path))
