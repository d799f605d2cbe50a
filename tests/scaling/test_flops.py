"""FLOPs of a study are those that torch counts."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bytelatent.architecture.flops_per_byte import attention
from bytelatent.config import load_args
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.scaling import training_flops as flops
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.grid import draft, grid_point, merged
from bytelatent.scaling.study_folders import BpeVocabulary
from bytelatent.training.args import TrainArgs
from bytelatent.transformer import LMTransformer

CONFIG = Path(__file__).parents[2] / "bytelatent" / "configs" / "scaling" / "cpu.yaml"
ARGS = load_args(ScalingArgs, [f"config={CONFIG}"])
LENGTHS = dict.fromkeys(ARGS.corpus.sources, 2.7)
ROWS, SIZE, PATCH = 2, 128, 4


def run_of(family: str, budget: str) -> TrainArgs:
    """A run of the shipped study, its rows and windows of ``SIZE`` tokens."""
    words = BpeVocabulary(Path("none.json"), 4096, LENGTHS) if family == "bpe" else None
    found = draft(ARGS, grid_point(ARGS, family, budget, 0), 1e-3, words)
    changes = {"data": {"seq_len": SIZE}}
    if found.entropy_model is not None:
        changes["entropy_model"] = {"sliding_window": SIZE}
    return TrainArgs.model_validate(merged(found.model_dump(), changes))


def counted(run: TrainArgs) -> dict[str, float]:
    """FLOPs of a step per token as torch counts them: ``mm`` of linear maps, ``bmm`` of scores."""
    model = ByteLatentTransformer(run.blt) if run.blt else LMTransformer(run.entropy_model)
    model.init_weights()
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randint(4, 260, (ROWS, SIZE), generator=generator)]
    inputs[0][:, 0] = 1
    if run.blt is not None:
        lengths = torch.tensor([[1] + [PATCH] * (SIZE // PATCH)])
        inputs.append(lengths.expand(ROWS, -1))
    counter = FlopCounterMode(display=False)
    # As in training: in bfloat16 scores are plain matrix products on a CPU.
    with counter, torch.autocast("cpu", torch.bfloat16):
        model(*inputs, impl="sdpa").float().sum().backward()
    found = counter.get_flop_counts()["Global"]
    sums = {"mm": 0.0, "bmm": 0.0}
    for operation, flop in found.items():
        sums["bmm" if "bmm" in str(operation) else "mm"] += flop / (ROWS * SIZE)
    return sums


def looking(run: TrainArgs) -> dict[str, float]:
    """Forward FLOPs per token of scores and weighted sums: by matrices, and by elements."""
    if run.blt is None:
        return {"matrices": attention(run.entropy_model.n_layers, run.entropy_model.dim, SIZE)}
    local, wide, decoder = run.blt.encoder, run.blt.global_model, run.blt.decoder
    vectors = run.blt.patch_vectors
    return {
        "matrices": attention(local.n_layers, local.dim, SIZE)
        + attention(decoder.n_layers, decoder.dim, SIZE)
        + attention(wide.n_layers, wide.dim, SIZE / PATCH) / PATCH,
        # Between bytes and patches: no matrix products, for each has few of the other.
        "elements": attention(len(local.cross_layers), local.dim, PATCH) * vectors / PATCH
        + attention(len(decoder.cross_layers), decoder.dim, vectors),
    }


@pytest.mark.filterwarnings("ignore:Mismatch dtype:UserWarning")  # torch's, of its slower norm
@pytest.mark.parametrize("budget", ["c1", "c4"])
@pytest.mark.parametrize("family", list(ARGS.families))
def test_matrix_products_are_those_that_torch_counts(family, budget) -> None:
    run = run_of(family, budget)
    sums, looks = counted(run), looking(run)
    unit = PATCH if run.blt is not None else 1
    linear = sum(flops.forward_parts(run, unit).values()) - sum(looks.values())
    assert sums["mm"] == pytest.approx(3 * linear, rel=0.02)
    # Under a mask twice as many scores are computed as count.
    assert sums["bmm"] == pytest.approx(3 * 2 * looks["matrices"], rel=0.02)
    assert flops.training_flops(run, unit) == pytest.approx(3 * (linear + sum(looks.values())))


def test_bytes_per_token_divide_the_flops_of_a_token() -> None:
    run = run_of("bpe", "c1")
    assert flops.training_flops(run, 2.5) == pytest.approx(flops.training_flops(run, 1) / 2.5)


def test_the_shipped_study_matches_its_families() -> None:
    budgets = list(ARGS.budgets.values())
    assert len(ARGS.families) >= 5 and len(budgets) >= 4
    assert budgets[-1].flops / budgets[0].flops >= 30
    assert all(len(budget.seeds) >= 2 for budget in budgets[:2])
    for budget in ARGS.budgets:
        bytes_per_unit = {"bytes": 1.0, "bpe": 2.7, "blt-entropy": 4.5}
        words = BpeVocabulary(Path("none.json"), 4096, LENGTHS)
        costs = []
        for family in ARGS.families:
            given = words if family == "bpe" else None
            run = draft(ARGS, grid_point(ARGS, family, budget, 0), 1e-3, given)
            costs.append(flops.training_flops(run, bytes_per_unit.get(family, 4.9)))
        assert max(costs) / min(costs) < 1.1, f"{budget}: {costs}"


def test_maps_are_what_stands_between_the_widths() -> None:
    model = ByteLatentTransformer(run_of("blt-space", "c1").blt)
    maps = [w for name, w in model.named_parameters() if "_embedding_projection" in name]
    assert flops.map_flops(model.args) == 2 * sum(w.numel() for w in maps)
