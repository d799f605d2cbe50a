"""Two processes train what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bytelatent.distributed.env import World
from bytelatent.metrics import read_metrics
from bytelatent.training.trainer import Trainer
from tests.distributed.runs import OPTIMIZERS, settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found(corpus, tmp_path_factory) -> Path:
    """The folder of runs under torchrun."""
    folder = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "tests/distributed/runs.py", str(corpus), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    return folder


def losses(folder: Path) -> list[float]:
    return [x["loss"] for x in read_metrics(folder / "metrics.jsonl") if "loss" in x]


def held_out(folder: Path) -> list[float]:
    lines = read_metrics(folder / "metrics.jsonl")
    return [x["valid_bits_per_byte"] for x in lines if "valid_bits_per_byte" in x]


@pytest.mark.parametrize(
    "way", ["whole", "cut", "replicas", "parts", "whole_muon", "cut_muon", "replicas_muon"]
)
def test_the_same_losses_as_one_process(corpus, found, tmp_path, way) -> None:
    extra = OPTIMIZERS["_muon" if way.endswith("_muon") else ""]
    assert Trainer(settings(corpus, tmp_path, **extra), lambda _: None).run()
    assert len(losses(tmp_path)) == 12
    assert losses(found / way) == pytest.approx(losses(tmp_path), abs=1e-4)
    assert held_out(found / way) == pytest.approx(held_out(tmp_path), abs=1e-4)


def test_resumed_equals_uninterrupted(found) -> None:
    equal = json.loads((found / "found.json").read_text())["resumed_equals_whole"]
    assert equal == dict.fromkeys(OPTIMIZERS, True)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_process_goes_on_where_two_stopped(corpus, found, tmp_path, name) -> None:
    extra = OPTIMIZERS[name]
    trainer = Trainer(settings(corpus, found / f"fewer{name}", **extra), lambda _: None)
    assert trainer.step == 7
    assert trainer.run()
    whole = losses(found / f"whole{name}")
    assert losses(found / f"fewer{name}") == pytest.approx(whole, abs=1e-4)


def test_the_world_is_read_from_torchrun_or_slurm(monkeypatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    assert World.from_environment() == World(0, 1, 0)
    for name, value in {"SLURM_PROCID": 3, "SLURM_NTASKS": 4, "SLURM_LOCALID": 1}.items():
        monkeypatch.setenv(name, str(value))
    assert World.from_environment() == World(0, 1, 0), "a shell inside an allocation"
    monkeypatch.setenv("MASTER_ADDR", "node1")
    assert World.from_environment() == World(3, 4, 1)
    for name, value in {"RANK": 2, "WORLD_SIZE": 2, "LOCAL_RANK": 0}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(ValueError, match="RANK=2 does not lie in 0 to 1"):
        World.from_environment()


def test_processes_must_fit(corpus, tmp_path) -> None:
    args = settings(corpus, tmp_path, distributed={"replicas": 3})
    with pytest.raises(ValueError, match=r"replicas: 1 processes cannot be divided into 3"):
        Trainer(args, lambda _: None)
    with pytest.raises(ValueError, match="4 rows cannot be shared evenly by 3 processes"):
        Trainer(settings(corpus, tmp_path), lambda _: None, World(0, 3, 0))
    with pytest.raises(ValueError, match="float8 needs a GPU"):
        Trainer(settings(corpus, tmp_path, distributed={"float8": True}), lambda _: None)
