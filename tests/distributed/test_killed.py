"""``kill -9`` at random moments changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bytelatent.metrics import read_metrics
from bytelatent.transformer import LMTransformer

ROOT = Path(__file__).parents[2]
KILLS = 20


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_with_the_same_weights(corpus, tmp_path) -> None:
    def run(folder, kills) -> int:
        command = [sys.executable, "tests/killing.py", str(corpus), str(folder), str(kills)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return int(done.stdout)

    assert run(tmp_path / "whole", 0) == 0
    assert run(tmp_path / "killed", KILLS) == KILLS
    whole, killed = (
        LMTransformer.from_pretrained(tmp_path / name / "model") for name in ("whole", "killed")
    )
    for a, b in zip(whole.parameters(), killed.parameters(), strict=True):
        assert torch.equal(a, b)
    steps = [
        [line["step"] for line in read_metrics(tmp_path / name / "metrics.jsonl")]
        for name in ("whole", "killed")
    ]
    assert steps[0] == steps[1]
