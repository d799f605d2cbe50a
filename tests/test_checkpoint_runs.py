"""Checkpoints of training runs: what they may be taken up with, and what is never saved."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bytelatent.metrics import MetricsFile, read_metrics
from bytelatent.training.args import TrainArgs
from bytelatent.training.divergence import DivergedError
from bytelatent.training.trainer import Trainer
from tests import tiny

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return tiny.write_corpus(tmp_path_factory.mktemp("corpus"))


def silent(_) -> None:
    """Takes reports."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def changed(args: TrainArgs, **changes) -> TrainArgs:
    """The args with other values; ``a__b`` is ``a.b``."""
    values = args.model_dump()
    for key, value in changes.items():
        *groups, last = key.split("__")
        place = values
        for group in groups:
            place = place[group]
        place[last] = value
    return TrainArgs.model_validate(values)


@pytest.fixture(scope="module")
def stopped(corpus, tmp_path_factory) -> TrainArgs:
    """A run of an entropy model with a checkpoint after ten steps."""
    args = tiny.run_args(corpus, tmp_path_factory.mktemp("run"), steps=10)
    assert Trainer(args, silent).run()
    return args


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_layers": 1}, "entropy_model.n_layers was 2 and is now 1"),
        ({"n_heads": 1}, "entropy_model.n_heads was 2 and is now 1"),
        ({"weight_tying": True}, "entropy_model.weight_tying was false and is now true"),
        ({"sliding_window": 8}, "entropy_model.sliding_window was 16 and is now 8"),
        ({"dim": 64}, "entropy_model.dim was 32 and is now 64"),
        (
            {"n_layers": 3, "attn_bias_type": "causal"},
            'entropy_model.attn_bias_type was "local_block_causal" and is now "causal", '
            "entropy_model.n_layers was 2 and is now 3",
        ),
    ],
)
def test_another_entropy_model_is_refused_by_name(stopped, changes, words) -> None:
    other = changed(stopped, **{f"entropy_model__{key}": value for key, value in changes.items()})
    with pytest.raises(ValueError, match="0000000010 does not fit this configuration: ") as caught:
        Trainer(other, silent)
    assert f": {words}; choose another dump_dir" in str(caught.value)


def test_n_grams_that_come_or_go_are_refused_by_name(stopped, corpus, tmp_path) -> None:
    hashes = {"sizes": [3, 4], "buckets": 20}
    with pytest.raises(ValueError, match=r"does not fit .*hash_tok_embedding"):
        Trainer(changed(stopped, entropy_model__hashes=hashes), silent)
    assert "hashes" not in (stopped.dump_dir / "config.yaml").read_text()
    lm = tiny.LM | {"sliding_window": 16}
    args = tiny.run_args(corpus, tmp_path, steps=2, entropy_model=lm | {"hashes": hashes})
    assert Trainer(args, silent).run()
    assert "buckets: 20" in (tmp_path / "config.yaml").read_text()
    with pytest.raises(ValueError, match=r"entropy_model.hashes was given and is now null"):
        Trainer(tiny.run_args(corpus, tmp_path, steps=2), silent)
    other = changed(args, entropy_model__hashes=hashes | {"sizes": [3, 5]})
    with pytest.raises(ValueError, match=r"entropy_model.hashes.sizes was \[3, 4\] and is now"):
        Trainer(other, silent)


def test_another_blt_is_refused_by_name(corpus, tmp_path) -> None:
    args = tiny.run_args(
        corpus, tmp_path, steps=2, blt=tiny.BLT, patcher={"patching_mode": "space"}
    )
    assert Trainer(args, silent).run()
    hashes = {"sizes": [3, 5], "buckets": 50}
    other = changed(args, blt__hashes=hashes, patcher__max_patch_length=9)
    with pytest.raises(ValueError, match="does not fit") as caught:
        Trainer(other, silent)
    assert (
        "blt.hashes.sizes was [3, 4] and is now [3, 5], "
        "patcher.max_patch_length was null and is now 9"
    ) in str(caught.value)
    byte_model = tiny.run_args(corpus, tmp_path, steps=2)
    with pytest.raises(ValueError, match="blt was given and is now null, entropy_model was null"):
        Trainer(byte_model, silent)


def test_what_may_change_is_said_in_one_line(stopped, caplog) -> None:
    other = changed(
        stopped,
        steps=12,
        seed=3,
        optim__lr=1e-3,
        data__seq_len=32,
        entropy_model__max_seqlen=80,
        log_every=1,
    )
    with caplog.at_level("INFO"):
        assert Trainer(other, silent).step == 10
    assert [x for x in caplog.messages if x.startswith("changed")] == [
        "changed since then: data.seq_len was 48 and is now 32, entropy_model.max_seqlen was 64 "
        "and is now 80, optim.lr was 0.01 and is now 0.001, seed was 42 and is now 3, "
        "steps was 10 and is now 12"
    ]
    caplog.clear()
    with caplog.at_level("INFO"):
        Trainer(stopped, silent)
    assert not [x for x in caplog.messages if x.startswith("changed")]


def test_a_checkpoint_without_settings_is_taken_up_as_it_is(corpus, tmp_path) -> None:
    args = tiny.run_args(corpus, tmp_path, steps=4)
    assert Trainer(args, silent).run()
    path = tmp_path / "checkpoints" / "0000000004" / "run.json"
    run = json.loads(path.read_text())
    assert run.pop("settings")["entropy_model"]["dim"] == 32
    path.write_text(json.dumps(run))
    assert Trainer(changed(args, entropy_model__sliding_window=8), silent).step == 4
    with pytest.raises(ValueError, match=r"does not fit this configuration: .*ize mismatch"):
        Trainer(changed(args, entropy_model__dim=64), silent)


class KilledError(Exception):
    """Stands for a kill."""


def test_checkpoints_before_the_first_logged_step(corpus, tmp_path) -> None:
    settings = {"log_every": 5, "checkpoint": {"every": 2, "keep": 2}, "steps": 10}
    whole = Trainer(tiny.run_args(corpus, tmp_path / "whole", **settings), silent)
    assert whole.run()

    def kill(report) -> None:
        raise KilledError

    args = tiny.run_args(corpus, tmp_path / "cut", **settings)
    with pytest.raises(KilledError):
        Trainer(args, kill).run()
    assert names(args.dump_dir) == ["0000000002", "0000000004"]
    resumed = Trainer(args, silent)
    assert resumed.step == 4
    assert resumed.run()
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_no_exploded_state_is_saved_between_logged_steps(corpus, tmp_path, monkeypatch) -> None:
    args = tiny.run_args(
        corpus, tmp_path, log_every=5, checkpoint={"every": 2, "keep": 2}, steps=30
    )
    trainer = Trainer(args, silent)
    step = trainer._train_step

    def explode(*given) -> bool:
        if trainer.step == 12:
            with torch.no_grad():
                trainer.model.output.weight.mul_(100)
        return step(*given)

    monkeypatch.setattr(trainer, "_train_step", explode)
    with pytest.raises(DivergedError, match=r"rose to .* at step 14, .* checkpoint in .* untouch"):
        trainer.run()
    assert names(tmp_path) == ["0000000010", "0000000012"]
    again = Trainer(args, silent)
    assert again.step == 12
    assert float(again.model.output.weight.detach().abs().max()) < 5


TRAIN_ON_A_FULL_DISK = """
import resource, sys
from bytelatent.train import main
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(main())
"""


def test_a_full_disk_ends_a_run_in_a_sentence_and_leaves_the_last_checkpoint(tmp_path) -> None:
    words = ["config=bytelatent/configs/debug.yaml", f"dump_dir={tmp_path}", "log_every=2"]

    def run(start: list[str], *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *start, *words, *more]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    assert run(["-m", "bytelatent.train"], "steps=4", "checkpoint.every=4").returncode == 0
    full = run(["-c", TRAIN_ON_A_FULL_DISK], "steps=8", "checkpoint.every=4")
    assert full.returncode == 1
    folder = tmp_path / "checkpoints"
    error = f"error: dump_dir: {folder}/0000000008 cannot be written: File too large"
    assert full.stderr.splitlines()[-1] == error
    assert "Traceback" not in full.stderr
    assert [path.name for path in folder.iterdir()] == ["0000000004"]
    later = run(["-m", "bytelatent.train"], "steps=8", "checkpoint.every=4")
    assert later.returncode == 0, later.stderr
    assert f"going on from {folder}/0000000004" in later.stderr
    assert names(tmp_path) == ["0000000004", "0000000008"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_measures_on_a_full_disk(tmp_path) -> None:
    log = MetricsFile(tmp_path / "metrics.jsonl")
    log.append({"step": 1, "loss": 2.0})
    log.path = Path("/dev/full")
    with pytest.raises(ValueError, match=r"/dev/full cannot be written: No space left on device$"):
        log.append({"step": 2, "loss": 1.0})
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1, "loss": 2.0}]
