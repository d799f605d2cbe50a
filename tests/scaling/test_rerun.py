"""A point of the smallest budget again, where the corpus is: it comes out as it is recorded."""

import json
from pathlib import Path

import pytest

from bytelatent.config import load_args
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.grid import grid_point
from bytelatent.scaling.running import Study
from bytelatent.scaling.study_folders import prepare_text

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "bytelatent" / "configs" / "scaling" / "cpu.yaml"
FAMILY, BUDGET, SEEDS = "bytes", "c1", (0, 1)
RECORDS = [ROOT / "plot_data" / "scaling" / f"cpu-{FAMILY}-{BUDGET}-s{seed}.json" for seed in SEEDS]

ROUNDING = 0.005
"""Bits per byte that processors of other kinds may differ by, where the seeds differ by less."""


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / "data" / "corpus" / "manifest.json").exists(), reason="no data/corpus"
)
@pytest.mark.skipif(not all(path.exists() for path in RECORDS), reason="no such records")
def test_a_point_comes_out_as_it_is_recorded(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    words = [f"config={CONFIG}", f"folder={tmp_path / 'runs'}", f"out={tmp_path / 'out'}"]
    args = load_args(ScalingArgs, words)
    recorded, other = (json.loads(path.read_text()) for path in RECORDS)
    prepare_text(args)
    study = Study(args, "test")
    again = study.record(grid_point(args, FAMILY, BUDGET, SEEDS[0]), recorded["learning_rates"])
    assert again is not None, study.failures
    assert again["settings"] == recorded["settings"], "the shipped study has other settings now"
    assert again["bytes"] == recorded["bytes"]
    bits, before, seed = (
        one["bits_per_byte"]["total"]["bits_per_byte"] for one in (again, recorded, other)
    )
    assert abs(bits - before) <= max(abs(before - seed), ROUNDING)
