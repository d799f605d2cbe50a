"""The command line as it is given: one process, two under torchrun, and a signal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bytelatent.metrics import read_metrics

ROOT = Path(__file__).parents[2]
DEBUG = ["-m", "bytelatent.train", "config=bytelatent/configs/debug.yaml"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def losses(folder: Path) -> list[float]:
    return [x["loss"] for x in read_metrics(folder / "metrics.jsonl") if "loss" in x]


@pytest.mark.slow
def test_torchrun_trains_what_one_process_does(tmp_path) -> None:
    for name, start in {"one": [], "two": TORCHRUN}.items():
        words = [f"dump_dir={tmp_path / name}", "steps=6", "log_every=1"]
        command = [sys.executable, *start, *DEBUG, *words]
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout == f"wrote {tmp_path / name / 'model'}\n"
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 6
    assert one[-1] < one[0] - 0.05
    assert two == pytest.approx(one, abs=1e-4)


@pytest.mark.slow
def test_sigterm_saves_and_the_same_command_goes_on(tmp_path) -> None:
    """Twice, in a run that would take days."""
    words = [f"dump_dir={tmp_path}", "steps=10000000", "log_every=1"]
    words += ["checkpoint.every=1000000", "eval.every=1000000"]
    reached = [0]
    for _ in range(2):
        run = subprocess.Popen(
            [sys.executable, *DEBUG, *words],
            cwd=ROOT,
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while len(losses(tmp_path)) < reached[-1] + 3 and run.poll() is None:
                time.sleep(0.05)
            run.send_signal(signal.SIGTERM)
            _, said = run.communicate(timeout=300)
        finally:
            run.kill()
        assert run.returncode == 75, said
        assert said.endswith("stopped and saved; the same command goes on\n")
        if reached[-1]:
            assert f"going on from {tmp_path}/checkpoints/{reached[-1]:010d}\n" in said
        reached.append(len(losses(tmp_path)))
        saved = max(int(path.name) for path in (tmp_path / "checkpoints").iterdir())
        assert saved == reached[-1]
    steps = [x["step"] for x in read_metrics(tmp_path / "metrics.jsonl") if "loss" in x]
    assert steps == list(range(1, reached[-1] + 1))
