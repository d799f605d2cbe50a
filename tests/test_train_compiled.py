"""Training through the compiler: other kernels, the same losses."""

from pathlib import Path

import pytest

from bytelatent.config import load_args
from bytelatent.metrics import read_metrics
from bytelatent.training.args import TrainArgs
from bytelatent.training.trainer import Trainer

ROOT = Path(__file__).parents[1]


def losses(config: str, folder: Path, *, compiled: bool) -> list[float]:
    """Of every step of a run in single precision."""
    settings = [f"dump_dir={folder}", f"compile={str(compiled).lower()}", "dtype=fp32"]
    settings += ["log_every=1", "steps=20", "eval.every=20", "eval.batches=1"]
    args = load_args(TrainArgs, [f"config={ROOT}/bytelatent/configs/{config}.yaml", *settings])
    assert Trainer(args, lambda _: None).run()
    lines = read_metrics(folder / "metrics.jsonl")
    return [line["loss"] for line in lines if "loss" in line]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")  # torch of itself
@pytest.mark.parametrize("config", ["debug"])
def test_losses_are_those_without_the_compiler(config, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    eager = losses(config, tmp_path / "eager", compiled=False)
    assert len(eager) == 20
    assert eager[-1] < eager[0] - 0.1, "it learns: the comparison is not one of equal beginnings"
    assert losses(config, tmp_path / "compiled", compiled=True) == pytest.approx(eager, abs=1e-3)
