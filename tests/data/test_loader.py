"""Batches do not depend on processes, workers or pauses; faults are told in words."""

import json
import logging
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import torch

from bytelatent.data.args import DataArgs
from bytelatent.data.batch import Batch
from bytelatent.data.loader import Loader
from bytelatent.patching.patcher import Patcher, PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET, PAD_ID
from tests.data.shards import FORMATS, data_args, fake_entropies, numbered, write_shard

ENTROPY = Patcher(PatcherArgs(threshold=100.0))
SPACE = Patcher(PatcherArgs(patching_mode="space"))


@pytest.fixture
def root(tmp_path):
    """Three sources: one file, four chunks, and fewer documents than lanes."""
    write_shard(tmp_path / "train" / "a.jsonl", numbered(30, name="a"))
    for chunk in range(4):
        texts = numbered(9, name=f"b{chunk}.", seed=chunk)
        write_shard(tmp_path / "train" / f"b.chunk.{chunk}.jsonl.gz", texts)
    write_shard(tmp_path / "train" / "c" / "0.parquet", numbered(3, name="c", longest=60))
    return tmp_path


def mixed(root, **changes) -> DataArgs:
    given = {"sources": {"a": 2, "b": 1, "c": 1}, "shuffle_block": 7}
    return data_args(root, **{**given, **changes})


def same(one: Batch, other: Batch) -> bool:
    def equal(x: torch.Tensor | None, y: torch.Tensor | None) -> bool:
        return x is y if x is None or y is None else torch.equal(x, y)

    return one.sources == other.sources and all(
        equal(getattr(one, name), getattr(other, name)) for name in vars(one) if name != "sources"
    )


def take(loader: Loader, count: int) -> list[Batch]:
    return [next(loader) for _ in range(count)]


def joined(parts: list[Batch]) -> torch.Tensor:
    """Tokens of the global batch of the batches of all ranks."""
    return torch.stack([part.tokens_BS for part in parts], dim=1).flatten(0, 1)


def test_a_batch(root) -> None:
    batch = next(Loader(mixed(root), "train"))
    assert batch.tokens_BS.shape == batch.targets_BS.shape == batch.counted_BS.shape == (4, 16)
    assert batch.tokens_BS.dtype == batch.targets_BS.dtype == torch.int64
    assert torch.equal(batch.tokens_BS[:, 1:], batch.targets_BS[:, :-1])
    assert torch.equal(batch.counted_BS, batch.targets_BS >= OFFSET)
    assert (batch.tokens_BS[:, 0] == BOS_ID).all()
    assert batch.entropies_BS is None and batch.patch_lengths_BP is None
    assert len(batch.sources) == 4 and set(batch.sources) <= {"a", "b", "c"}
    assert same(batch.to("cpu"), batch)
    assert batch.to("meta").tokens_BS.device.type == "meta"


def test_rows_of_a_lane_are_one_text(tmp_path) -> None:
    texts = numbered(11)
    write_shard(tmp_path / "train" / "a.jsonl", texts)
    loader = Loader(data_args(tmp_path, batch_size=1), "train")
    tokens = torch.cat([batch.tokens_BS[0] for batch in take(loader, 60)]).tolist()
    row = bytes(token - OFFSET if token >= OFFSET else 0 for token in tokens).split(b"\0\0")
    size = len(row) - 2
    counts = Counter(text.decode().strip("\0") for text in row[: size // 11 * 11])
    assert counts == dict.fromkeys(texts, size // 11) and size >= 22


def test_the_global_batch_does_not_depend_on_the_processes(root) -> None:
    args = mixed(root)
    alone = take(Loader(args, "train"), 40)
    for world in (2, 4):
        ranks = [Loader(args, "train", rank=rank, world=world) for rank in range(world)]
        for batch in alone:
            parts = [next(loader) for loader in ranks]
            assert torch.equal(joined(parts), batch.tokens_BS)
            assert [part.sources[0] for part in parts] == batch.sources[:world]


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_and_state_do_not_depend_on_the_workers(root, workers) -> None:
    ours, theirs = (Loader(mixed(root, workers=n), "train", patcher=SPACE) for n in (0, workers))
    for _ in range(15):
        assert same(next(ours), next(theirs))
        assert ours.state_dict() == theirs.state_dict()
        assert ours.counters() == theirs.counters()
    theirs.close()
    assert same(next(ours), next(theirs))
    theirs.close()


def test_workers_read_tables_with_entropies_too(tmp_path) -> None:
    for ending in (".arrow", ".parquet"):
        write_shard(tmp_path / "train" / "a" / f"0{ending}", numbered(40), entropies=True)
    ours, theirs = (
        Loader(data_args(tmp_path, workers=n), "train", patcher=ENTROPY) for n in (0, 2)
    )
    assert all(same(next(ours), next(theirs)) for _ in range(20))
    theirs.close()


END = """
import multiprocessing, sys, time
from pathlib import Path
from bytelatent.data.args import DataArgs
from bytelatent.data.loader import Loader
args = DataArgs(root_dir=Path(sys.argv[1]), sources={"a": 1}, seq_len=4096, workers=2)
loader = Loader(args, "train")
next(loader)
print(*[process.pid for process in multiprocessing.active_children()], flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("killed", [True, False])
def test_no_worker_outlives_the_program(root, killed) -> None:
    command = [sys.executable, "-c", END, str(root), "100" if killed else "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        workers = [Path(f"/proc/{pid}/stat") for pid in program.stdout.readline().split()]
        if killed:
            time.sleep(1)  # the workers have made more than a pipe holds and wait to hand it over
            program.kill()
        program.wait(timeout=240)
    assert len(workers) == 2
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and any(map(runs, workers)):
        time.sleep(0.05)
    assert not any(map(runs, workers))


def runs(stat: Path) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_workers_end_with_the_loader(root) -> None:
    loader = Loader(mixed(root, workers=2), "train")
    next(loader)
    assert len(multiprocessing.active_children()) == 2
    loader.close()
    loader.close()
    deadline = time.monotonic() + 120
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("before", [1, 2, 4])
@pytest.mark.parametrize("after", [1, 4])
def test_a_resumed_run_goes_on_with_the_next_batch(root, before, after) -> None:
    args = mixed(root)
    whole = take(Loader(args, "train"), 60)
    ranks = [Loader(args, "train", rank=rank, world=before) for rank in range(before)]
    for step in range(50):
        if step % 7 == 0:
            merged: dict = {}
            for loader in ranks:
                merged |= json.loads(json.dumps(loader.state_dict()))
            others = [Loader(args, "train", rank=rank, world=after) for rank in range(after)]
            for loader in others:
                loader.load_state_dict(merged)
                assert loader.state_dict().items() <= merged.items()
            for batch in whole[step : step + 10]:
                assert torch.equal(joined([next(loader) for loader in others]), batch.tokens_BS)
        for loader in ranks:
            next(loader)


def test_the_state_is_that_of_the_last_batch_not_of_what_is_read_ahead(root) -> None:
    loader = Loader(mixed(root, workers=2), "train")
    take(loader, 3)
    state = loader.state_dict()
    following = take(loader, 5)
    loader.load_state_dict(state)
    assert all(same(one, other) for one, other in zip(take(loader, 5), following, strict=True))
    loader.close()


def test_a_new_source_begins_anew_and_others_go_on(root) -> None:
    loader = Loader(mixed(root, sources={"a": 1}), "train")
    take(loader, 5)
    both = Loader(mixed(root, sources={"a": 1, "b": 1}), "train")
    both.load_state_dict(loader.state_dict())
    sources = both.state_dict()["0"]["sources"]
    assert sources["a"] == loader.state_dict()["0"]["sources"]["a"]
    assert sources["b"]["documents"] == sources["b"]["epoch"] == 0
    take(both, 5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 4}, r"data\.seed: the saved state was made with 3, now it is 4"),
        ({"shuffle_block": 8}, r"data\.shuffle_block: .* with 7, now it is 8"),
        ({"batch_size": 2}, r"data\.batch_size: .* with 4, now it is 2"),
    ],
)
def test_a_state_of_other_data_is_refused(root, changes, words) -> None:
    state = Loader(mixed(root), "train").state_dict()
    with pytest.raises(ValueError, match=words):
        Loader(mixed(root, **changes), "train").load_state_dict(state)


def test_the_state_of_one_of_several_processes_is_not_enough(root) -> None:
    state = Loader(mixed(root), "train", rank=1, world=2).state_dict()
    with pytest.raises(ValueError, match=r"no row stream 0, only 1, 3; it needs the states of all"):
        Loader(mixed(root), "train").load_state_dict(state)


def test_a_state_of_other_files_is_refused(root) -> None:
    state = Loader(mixed(root), "train").state_dict()
    write_shard(root / "train" / "b.chunk.4.jsonl.gz", ["x"])
    with pytest.raises(ValueError, match="'b' had 4 files when the state was saved, now 5"):
        Loader(mixed(root), "train").load_state_dict(state)


def test_fixed_batches_are_those_of_a_new_start(root) -> None:
    loader = Loader(mixed(root, workers=1), "train", rank=1, world=2)
    first = take(loader, 4)
    state = loader.state_dict()
    again = loader.fixed_batches(4)
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    assert loader.state_dict() == state
    loader.close()


def test_sources_are_drawn_by_weight(root) -> None:
    loader = Loader(mixed(root, sources={"a": 1, "b": 3, "none": 0}), "train")
    drawn = Counter(name for batch in take(loader, 500) for name in batch.sources)
    assert 0.72 < drawn["b"] / 2000 < 0.78
    other = Loader(mixed(root, seed=4), "train")
    assert not same(next(loader), next(other))


def test_counters_are_those_of_the_rows(root) -> None:
    loaders = [Loader(mixed(root), "train", rank=rank, world=2) for rank in range(2)]
    batches = [next(loader) for _ in range(300) for loader in loaders]
    ends = Counter(
        name
        for batch in batches
        for name, row in zip(batch.sources, batch.tokens_BS, strict=True)
        for _ in range(int((row == EOS_ID).sum()))
    )
    for name in "abc":
        both = [loader.counters()[name] for loader in loaders]
        assert sum(count["documents"] for count in both) == ends[name]
        assert sum(count["bad_lines"] for count in both) == 0
        assert min(count["epochs"] for count in both) >= 2
    # 36 documents in 4 chunks, a chunk for each lane
    epochs = sum(loader.counters()["b"]["epochs"] for loader in loaders) / 2
    assert 36 * epochs <= ends["b"] < 36 * (epochs + 1)


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_lines_are_counted_and_the_first_are_named(root, caplog, workers) -> None:
    with (root / "train" / "a.jsonl").open("a") as file:
        file.write("bad\n" * 10)
    args = mixed(root, on_bad_line="skip", sources={"a": 1}, workers=workers)
    loader = Loader(args, "train")
    with caplog.at_level(logging.WARNING):
        while loader.counters()["a"]["epochs"] < 2:
            next(loader)
    loader.close()
    assert loader.counters()["a"]["bad_lines"] >= 20
    assert len(caplog.messages) == 4
    assert "a.jsonl, line 3" in caplog.messages[0] and "no JSON" in caplog.messages[0]
    assert caplog.messages[3].startswith("further bad lines")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_line_stops_the_run_if_it_is_to(root, workers) -> None:
    with (root / "train" / "a.jsonl").open("a") as file:
        file.write("bad\n")
    loader = Loader(mixed(root, workers=workers), "train")
    for _ in range(2):  # and is not taken for the end of the data afterwards
        with pytest.raises(ValueError, match=r"^[^\n]*a\.jsonl, line 31: no JSON [^\n]*$"):
            take(loader, 200)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sources": {"none": 1}}, "no file for 'none'"),
        ({"sources": {"a": 0}}, "weights must be 0 or more and not all 0"),
        ({"sources": {"a": float("nan")}}, "weights must be 0 or more"),
        ({"max_patches": 4}, "max_patches goes with pack_by 'patches'"),
        ({"pack_by": "patches"}, "max_patches goes with pack_by 'patches'"),
        ({"pack_by": "patches", "max_patches": 4}, "packing by patches needs a patcher"),
        ({"batch_size": 3}, "3 rows cannot be shared evenly by 2 processes"),
        ({"shards": 1}, "Extra inputs"),
    ],
)
def test_unusable_options_are_named(root, changes, words) -> None:
    with pytest.raises(ValueError, match=words):
        Loader(mixed(root, **changes), "train", world=2)


@pytest.mark.parametrize("ending", FORMATS)
def test_entropies_and_patches_come_with_the_rows(tmp_path, ending) -> None:
    texts = numbered(20, longest=80)
    write_shard(tmp_path / "train" / "a" / f"0{ending}", texts, entropies=True)
    loader = Loader(data_args(tmp_path, seq_len=64), "train", patcher=ENTROPY)
    known = {value: BOS_ID for value in (99.0,)}
    for text in texts:
        nats = fake_entropies(text)[1:-1]
        known |= {v: byte + OFFSET for v, byte in zip(nats, text.encode(), strict=True)}
    for batch in take(loader, 20):
        assert batch.entropies_BS is not None and batch.patch_lengths_BP is not None
        for token, nats in zip(
            batch.tokens_BS.flatten(), batch.entropies_BS.flatten(), strict=True
        ):
            assert (nats == 0) if token == EOS_ID else (known[float(nats)] == token)
        assert batch.patch_lengths_BP.sum(dim=1).tolist() == [65] * 4
        assert (batch.patch_lengths_BP[:, 0] == 1).all()


def test_patches_are_left_to_the_caller_where_entropies_are_missing(root) -> None:
    write_shard(root / "train" / "d.arrow", numbered(20), entropies=True)
    for sources, has in (({"a": 1}, False), ({"d": 1}, True)):
        batch = next(Loader(data_args(root, sources=sources), "train", patcher=ENTROPY))
        assert (batch.entropies_BS is not None) == (batch.patch_lengths_BP is not None) == has
    packed = data_args(root, pack_by="patches", max_patches=4)
    with pytest.raises(ValueError, match="'a' brings no entropies, which patching mode 'entropy'"):
        next(Loader(packed, "train", patcher=ENTROPY))


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_by_patches_are_one_text(root, workers) -> None:
    args = mixed(root, pack_by="patches", max_patches=4, sources={"a": 1}, workers=workers)
    loader = Loader(args, "train", patcher=SPACE)
    batches = take(loader, 50)
    state = loader.state_dict()
    reference = Loader(mixed(root, sources={"a": 1}), "train")
    straight = torch.cat([batch.tokens_BS for batch in take(reference, 50)], dim=1)
    for lane in range(4):
        rows = [batch.tokens_BS[lane] for batch in batches]
        text = torch.cat([row[row != PAD_ID] for row in rows])
        assert torch.equal(text, straight[lane, : len(text)])
        assert any(int((row == PAD_ID).sum()) for row in rows)
    for batch in batches:
        assert batch.patch_lengths_BP is not None
        assert batch.patch_lengths_BP.shape == (4, 5)
        assert batch.patch_lengths_BP.sum(dim=1).tolist() == [17] * 4
        assert not batch.counted_BS[batch.tokens_BS == PAD_ID].any()
    following = take(loader, 5)
    loader.load_state_dict(state)
    assert all(same(one, other) for one, other in zip(take(loader, 5), following, strict=True))
    loader.close()
