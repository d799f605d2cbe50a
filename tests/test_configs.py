"""Every configuration that comes along: it is read, and its model is the one it speaks of."""

import re
from pathlib import Path

import pytest
import torch

from bytelatent.architecture.published import BLT_1B, BLT_8B, ENTROPY_MODEL
from bytelatent.config import load_args
from bytelatent.metrics import read_metrics
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.train import main
from bytelatent.training.args import TrainArgs
from bytelatent.transformer import LMTransformer

CONFIGS = Path(__file__).parents[1] / "bytelatent" / "configs"
PARAMETERS = {
    # Those of the released models are in the facts about their checkpoints; the paper's 8B has a
    # global model of 6.4 billion and local models of 0.14 (table 10), besides its hash tables.
    "entropy_model": 99_512_064,
    "blt_1b": 4_533_879_808,
    "entropy_mini": 5_705_984,
    "blt_mini": 10_206_912,
}


def read(name: str) -> TrainArgs:
    return load_args(TrainArgs, [f"config={CONFIGS / name}.yaml"])


def build(args: TrainArgs) -> torch.nn.Module:
    with torch.device("meta"):
        if args.entropy_model:
            return LMTransformer(args.entropy_model)
        assert args.blt is not None
        return ByteLatentTransformer(args.blt)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_is_read_and_names_itself(path) -> None:
    args = read(path.stem)
    model = build(args)
    words = path.read_text(encoding="utf-8")
    assert f"config=bytelatent/configs/{path.name}" in words, "the command that runs it"
    size = re.search(r"([\d.]+) million parameters", words)
    if size:
        assert f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}" == size[1]
    if path.stem in PARAMETERS:
        assert sum(p.numel() for p in model.parameters()) == PARAMETERS[path.stem]
    assert args.optim.warmup < args.steps
    assert args.data.batch_size % (args.distributed.replicas or 1) == 0


def test_the_published_shapes_are_those_of_the_configurations() -> None:
    assert read("blt_1b").blt == BLT_1B
    assert read("blt_8b").blt == BLT_8B
    assert read("entropy_model").entropy_model == ENTROPY_MODEL


def test_the_8b_model_is_that_of_table_10() -> None:
    model = build(read("blt_8b"))
    sizes = {
        name: sum(p.numel() for p in part.parameters()) / 1e9
        for name, part in model.named_children()
    }
    assert sizes["global_transformer"] == pytest.approx(6.4, abs=0.1)
    assert sizes["encoder_hash_tok_embedding"] == pytest.approx(6 * 500_002 * 1280 / 1e9)


@pytest.mark.parametrize("name", ["debug", "debug_blt"])
def test_the_small_ones_run_as_they_are(name, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(CONFIGS.parents[1])
    words = [f"config=bytelatent/configs/{name}.yaml", f"dump_dir={tmp_path}"]
    assert main(words) == 0
    losses = [x["loss"] for x in read_metrics(tmp_path / "metrics.jsonl") if "loss" in x]
    assert losses[-1] < losses[0] - 0.5
    assert (tmp_path / "model" / "model.safetensors").is_file()
