"""A saved state knows the files that it belongs to, wherever they lie."""

import json
import shutil

import pytest

from bytelatent.data.loader import Loader
from bytelatent.files import fingerprint
from tests.data.shards import data_args, lines, numbered, write_shard

TEXTS = [f"document {number} " * (number % 5 + 1) for number in range(30)]


@pytest.fixture
def root(tmp_path):
    write_shard(tmp_path / "corpus" / "train" / "a" / "0.jsonl", TEXTS)
    write_shard(tmp_path / "corpus" / "train" / "a" / "1.jsonl.zst", TEXTS)
    write_shard(tmp_path / "corpus" / "train" / "b.parquet", numbered(20))
    return tmp_path / "corpus"


def loader_of(root, **changes) -> Loader:
    sources = {"sources": {"a": 1, "b": 1}, "shuffle_block": 4, "batch_size": 2}
    return Loader(data_args(root, **(sources | changes)), "train")


def saved_after(root, steps: int) -> dict:
    loader = loader_of(root)
    for _ in range(steps):
        next(loader)
    loader.close()
    return json.loads(json.dumps(loader.state_dict()))


def lose_documents(path) -> None:
    path.write_bytes(lines(TEXTS[:20]))


def change_a_letter(path) -> None:
    path.write_bytes(path.read_bytes().replace(b"document 17", b"document 71", 1))


@pytest.mark.parametrize("change", [lose_documents, change_a_letter])
def test_a_changed_file_is_named(root, change) -> None:
    state = saved_after(root, 5)
    change(root / "train" / "a" / "0.jsonl")
    with pytest.raises(ValueError, match=r"data\.sources: .*0\.jsonl .*data\.on_changed_file=warn"):
        loader_of(root).load_state_dict(state)


def test_a_change_can_be_accepted_and_is_said_once(root, caplog) -> None:
    state = saved_after(root, 5)
    lose_documents(root / "train" / "a" / "0.jsonl")
    loader = loader_of(root, on_changed_file="warn")
    loader.load_state_dict(state)
    assert [message for message in caplog.messages if "0.jsonl" in message]
    next(loader)
    caplog.clear()
    again = loader_of(root)
    again.load_state_dict(loader.state_dict())  # the files of now are the ones that count
    assert not caplog.messages
    loader.close()


def test_the_same_files_in_another_place_are_the_same(root, tmp_path) -> None:
    loader = loader_of(root)
    for _ in range(7):
        next(loader)
    state = loader.state_dict()
    shutil.copytree(root, tmp_path / "moved")  # with other times
    shutil.rmtree(root)
    moved = loader_of(tmp_path / "moved")
    moved.load_state_dict(state)
    assert next(moved).tokens_BS.tolist()


def test_a_state_without_fingerprints_is_taken(root) -> None:
    loader = loader_of(root)
    for _ in range(5):
        next(loader)
    state = {key: value for key, value in loader.state_dict().items() if key.isdigit()}
    assert len(state) == 2
    again = loader_of(root)
    again.load_state_dict(state)
    assert next(again).tokens_BS.tolist() == next(loader).tokens_BS.tolist()
    for one in (loader, again):
        one.close()


@pytest.mark.parametrize("steps", [1, 30, 200])
def test_shorter_files_are_read_on_when_a_change_is_accepted(root, steps) -> None:
    """Positions behind the end of a file or of a document are no trouble."""
    state = saved_after(root, steps)
    (root / "train" / "a" / "0.jsonl").write_bytes(lines(["x", "y", "z"]))
    write_shard(root / "train" / "a" / "1.jsonl.zst", ["v", "w"])
    write_shard(root / "train" / "b.parquet", ["q"] * 3)
    loader = loader_of(root, on_changed_file="warn")
    loader.load_state_dict(state)
    for _ in range(40):
        row = next(loader)
        letters = set(row.tokens_BS.flatten().tolist())
    assert letters <= {1, 2, *(ord(letter) + 4 for letter in "vwxyzq")}
    positions = [state["sources"]["a"] for state in _row_streams(loader)]
    assert not any(position["everything"] for position in positions)
    loader.close()


def _row_streams(loader: Loader) -> list[dict]:
    return [state for key, state in loader.state_dict().items() if key.isdigit()]


def test_a_fingerprint_reads_little_of_a_large_file(tmp_path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(10**12)  # with nothing in it, and no place on the disk
    first = fingerprint(path)
    with path.open("rb+") as file:
        file.seek(10**12 - 1)
        file.write(b"x")
    last = fingerprint(path)
    with path.open("rb+") as file:
        file.truncate(10**12 - 1)
    assert len({first, last, fingerprint(path)}) == 3


def test_a_fingerprint_is_that_of_the_bytes(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"text" * 100_000)
    (tmp_path / "c").write_bytes(b"texT" * 100_000)
    one, same, other = (fingerprint(tmp_path / name) for name in "abc")
    assert one == same != other
    with pytest.raises(ValueError, match="nowhere does not exist"):
        fingerprint(tmp_path / "nowhere")
