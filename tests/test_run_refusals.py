"""What a run refuses before it begins, and what it leaves alone while it does."""

import errno
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from bytelatent.distributed import devices
from bytelatent.distributed.env import World
from bytelatent.training.args import TrainArgs
from bytelatent.training.checkpoint import CheckpointArgs, Checkpoints
from bytelatent.training.trainer import Trainer
from tests import tiny


def silent(_: object) -> None:
    """Report of a step, to nobody."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return tiny.write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory) -> TrainArgs:
    args = tiny.run_args(corpus, tmp_path_factory.mktemp("finished"), steps=4)
    assert Trainer(args, silent).run()
    return args


@pytest.fixture
def copied(finished, tmp_path) -> TrainArgs:
    """A finished run of four steps, which a test may spoil."""
    shutil.copytree(finished.dump_dir, tmp_path / "run")
    return finished.model_copy(update={"dump_dir": tmp_path / "run"})


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_making_a_trainer_writes_nothing(corpus, finished, tmp_path) -> None:
    Trainer(tiny.run_args(corpus, tmp_path / "new"), silent)
    assert not (tmp_path / "new").exists()
    before = contents(finished.dump_dir)
    Trainer(finished.model_copy(update={"steps": 8, "log_every": 1}), silent)
    assert contents(finished.dump_dir) == before


def test_fewer_steps_than_are_done_are_refused_and_nothing_is_written(finished) -> None:
    before = contents(finished.dump_dir)
    fewer = finished.model_copy(update={"steps": 3})
    with pytest.raises(ValueError, match="has done 4 steps, which is more than 3; give steps=4 or"):
        Trainer(fewer, silent).run()
    assert contents(finished.dump_dir) == before


def test_a_finished_run_keeps_its_settings(copied) -> None:
    before = contents(copied.dump_dir)
    (copied.dump_dir / "model" / "model.safetensors").unlink()
    other = copied.model_copy(update={"seed": 9, "divergence_factor": 7.0})
    assert Trainer(other, silent).run()
    after = contents(copied.dump_dir)
    assert after["model/model.safetensors"] == before["model/model.safetensors"]
    for name in ("config.yaml", "metrics.jsonl", "model/train_args.json"):
        assert after[name] == before[name], name


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "run.json does not exist"),
        ("", "run.json is no JSON"),
        ("{", "run.json is no JSON"),
        ("[]", "run.json holds no object with a step"),
        ('{"step": "4"}', "run.json holds no object with a step"),
        ('{"step": 4}', "run.json lacks 'data'"),
    ],
)
def test_a_broken_checkpoint_says_what_to_do(copied, content, words) -> None:
    folder = copied.dump_dir / "checkpoints" / "0000000004"
    if content is None:
        (folder / "run.json").unlink()
    else:
        (folder / "run.json").write_text(content)
    with pytest.raises(ValueError, match=words) as caught:
        Trainer(copied, silent)
    said = str(caught.value)
    assert said.startswith(f"the checkpoint {folder} cannot be read (")
    assert said.endswith("; remove it to go on from the one before")


def test_a_model_that_cannot_fit_is_refused_before_it_is_built(
    corpus, tmp_path, monkeypatch
) -> None:
    def built(*_: object) -> None:
        pytest.fail("the model is built")

    monkeypatch.setattr("bytelatent.training.trainer.place", built)
    shape = tiny.LM | {"sliding_window": 16, "dim": 2**19, "n_heads": 64}
    args = tiny.run_args(corpus, tmp_path / "run", entropy_model=shape)
    words = r"entropy_model: the model has [\d,]{15,} parameters, .* GiB on cpu, which has .* lower"
    with pytest.raises(ValueError, match=words):
        Trainer(args, silent)
    wide = tiny.BLT["global_model"] | {"dim": 2**19, "n_heads": 64}
    args = tiny.run_args(
        corpus,
        tmp_path / "run",
        blt=tiny.BLT | {"global_model": wide},
        patcher={"patching_mode": "space"},
    )
    with pytest.raises(ValueError, match=words.replace("entropy_model", "blt")):
        Trainer(args, silent)
    assert not (tmp_path / "run").exists()


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch) -> None:
    cpu, path = torch.device("cpu"), tmp_path / "memory.max"
    monkeypatch.setattr(devices, "CONTAINER_LIMIT", path)
    whole = devices.total_memory(cpu)
    assert whole is not None and whole > 2**28
    for text, total in (("max\n", whole), (f"{2**27}\n", 2**27), (f"{2**70}\n", whole)):
        path.write_text(text)
        assert devices.total_memory(cpu) == total


def test_a_full_disk_is_called_so(tmp_path, monkeypatch) -> None:
    """torch says "unexpected pos 704 vs 598" of it."""
    real = torch.distributed.checkpoint.filesystem.FileSystem.create_stream

    class Full:
        def __init__(self, stream) -> None:
            self.stream = stream

        def __getattr__(self, name: str):
            return getattr(self.stream, name)

        def write(self, data) -> int:
            if self.stream.tell() > 1000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.stream.write(data)

    @contextmanager
    def full(*inputs):
        with real(*inputs) as stream:
            yield Full(stream)

    monkeypatch.setattr(torch.distributed.checkpoint.filesystem.FileSystem, "create_stream", full)
    model = torch.nn.Linear(50, 50)
    checkpoints = Checkpoints(tmp_path, CheckpointArgs(), World())
    with pytest.raises(ValueError, match=r"cannot be written: No space left on device$"):
        checkpoints.save(1, model, [torch.optim.AdamW(model.parameters())], {})
    assert not list(tmp_path.iterdir())
