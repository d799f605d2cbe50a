"""The files behind the name of a source."""

import pytest

from bytelatent.data.sources import Source, find_chunks
from tests.data.shards import data_args, numbered, write_shard


def names(root, name="a") -> list[str]:
    return [str(path.relative_to(root / "train")) for path in find_chunks(root, "train", name)]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["a.jsonl"], ["a.jsonl"]),
        (["a.jsonl.zst"], ["a.jsonl.zst"]),
        (["a.parquet"], ["a.parquet"]),
        (
            ["a.chunk.10.jsonl", "a.chunk.2.jsonl", "a.chunk.00.jsonl"],
            ["a.chunk.00.jsonl", "a.chunk.2.jsonl", "a.chunk.10.jsonl"],
        ),
        (["a/10.arrow", "a/9.arrow", "a/README.md", "a/.tmp.arrow"], ["a/9.arrow", "a/10.arrow"]),
        (["a/x.jsonl", "a/y.parquet"], ["a/x.jsonl", "a/y.parquet"]),
        (["a.jsonl", "ab.jsonl", "a.b.jsonl", "a.jsonl.txt", "xa.jsonl"], ["a.jsonl"]),
    ],
)
def test_the_files_of_a_source(tmp_path, files, found) -> None:
    for file in files:
        path = tmp_path / "train" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert names(tmp_path) == found


def test_a_name_may_have_folders_and_dots(tmp_path) -> None:
    for name in ("en/a.v1", "en/a"):
        write_shard(tmp_path / "train" / f"{name}.jsonl", ["x"])
        assert names(tmp_path, name) == [f"{name}.jsonl"]


@pytest.mark.parametrize("files", [[], ["b.jsonl"], ["a/README.md"], ["a.chunk.x.jsonl"]])
def test_a_missing_source_is_named(tmp_path, files) -> None:
    for file in files:
        path = tmp_path / "train" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(ValueError, match=r"no file for 'a': neither .*train/a\.jsonl "):
        names(tmp_path)


@pytest.mark.parametrize("other", ["a.arrow", "a.chunk.0.jsonl", "a/0.jsonl"])
def test_two_forms_of_a_source_are_refused(tmp_path, other) -> None:
    write_shard(tmp_path / "train" / "a.jsonl", ["x"])
    write_shard(tmp_path / "train" / other, ["x"])
    with pytest.raises(ValueError, match=r"'a' is ambiguous, keep one of .*a\.jsonl"):
        names(tmp_path)


def test_an_empty_source_is_named(tmp_path) -> None:
    paths = [write_shard(tmp_path / f"{i}.jsonl", []) for i in range(3)]
    with pytest.raises(ValueError, match=r"'a' holds no document \(.*0\.jsonl and 2 more\)"):
        Source("a", paths, data_args(tmp_path), open_files=1).check()
    write_shard(paths[2], ["x"])
    Source("a", paths, data_args(tmp_path), open_files=1).check()


def test_few_files_are_open_at_a_time(tmp_path) -> None:
    paths = [write_shard(tmp_path / f"{i}.jsonl", numbered(3)) for i in range(5)]
    source = Source("a", paths, data_args(tmp_path), open_files=2)
    shards = [source.shard(chunk) for chunk in range(5)]
    for shard in shards:
        shard.document(shard.block(0)[0])
    source.shard(4), source.shard(3)
    assert source.shard(4) is shards[4]
    assert source.shard(0) is not shards[0]
    source.close()
    for shard in shards:
        shard.close()
