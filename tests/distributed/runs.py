"""What two processes do under torchrun for tests/distributed/test_torchrun.py.

    torchrun --nproc-per-node 2 tests/distributed/runs.py CORPUS FOLDER

Trains a small model in several ways and writes what came out to ``FOLDER/found.json``.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from bytelatent.distributed.env import World, process_group
from bytelatent.distributed.parallel import full_weights
from bytelatent.training.args import TrainArgs
from bytelatent.training.trainer import Trainer
from tests import tiny

OPTIMIZERS: dict[str, dict[str, Any]] = {"": {}, "_muon": {"optim": {"name": "muon", "lr": 3e-3}}}
"""Settings of runs by the ends of their names."""


def settings(corpus: Path, folder: Path, **changes: Any) -> TrainArgs:
    """A run of seconds."""
    plain: dict[str, Any] = {
        "steps": 12,
        "log_every": 1,
        "data": {"root_dir": corpus, "sources": {"song": 1}, "seq_len": 48, "batch_size": 4},
        "checkpoint": {"every": 5, "keep": 2},
        "eval": {"every": 6, "batches": 2},
    }
    return tiny.run_args(corpus, folder, **(plain | changes))


def weights_after(args: TrainArgs, world: World, stop_at: int | None = None) -> dict[str, Any]:
    """Train; ask to stop after ``stop_at`` (in the main process alone); all weights."""

    def report(progress: Any) -> None:
        trainer.stop.requested = progress.step == stop_at

    trainer = Trainer(args, report, world)
    assert trainer.run() == (stop_at is None)
    return full_weights(trainer.model)


def main() -> None:
    """Runs that are the same in different ways."""
    corpus, folder = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    with process_group(World.from_environment(), "cpu") as world:
        equal = {}
        for name, extra in OPTIMIZERS.items():
            whole = weights_after(settings(corpus, folder / f"whole{name}", **extra), world)
            weights_after(settings(corpus, folder / f"cut{name}", **extra), world, stop_at=6)
            resumed = weights_after(settings(corpus, folder / f"cut{name}", **extra), world)
            if world.is_main:
                equal[name] = all(torch.equal(whole[key], resumed[key]) for key in whole)
        for name, extra in {
            "replicas": {"distributed": {"replicas": 2}},
            "replicas_muon": {"distributed": {"replicas": 2}, **OPTIMIZERS["_muon"]},
            "parts": {"micro_batch": 1, "distributed": {"activation_checkpointing": True}},
        }.items():
            weights_after(settings(corpus, folder / name, **extra), world)
        for name, extra in OPTIMIZERS.items():
            weights_after(settings(corpus, folder / f"fewer{name}", **extra), world, stop_at=6)
        if world.is_main:
            (folder / "found.json").write_text(json.dumps({"resumed_equals_whole": equal}))


if __name__ == "__main__":
    main()
