"""Muon: what it does to singular values, beside torch's own, and what it may be given."""

import pytest
import torch
from torch import Tensor, nn

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.training import muon
from bytelatent.training.muon import Muon, hidden_matrices, orthogonal
from bytelatent.transformer import LMTransformer
from tests.tiny import BLT, LM

SHAPES = ((8, 8), (6, 16), (16, 6), (1, 16), (16, 1), (40, 24))


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_one_and_vectors_stay(shape) -> None:
    matrix = drawn(*shape)
    found = orthogonal(matrix[None])[0].float()
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    values = (u.T @ found @ v.T).diagonal()
    assert ((values > 0.6) & (values < 1.3)).all()
    assert torch.allclose(found, u @ values.diag() @ v, atol=0.05)


def test_nothing_comes_of_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(2, 3, 5)), torch.zeros(2, 3, 5).bfloat16())


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_those_of_torch_s_own(shape) -> None:
    ours, theirs = nn.Parameter(drawn(*shape)), nn.Parameter(drawn(*shape))
    optimizers = (
        Muon([ours], lr=0.02, momentum=0.9, weight_decay=0.1),
        torch.optim.Muon(
            [theirs], lr=0.02, momentum=0.9, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
        ),
    )
    for step in range(1, 6):
        ours.grad, theirs.grad = drawn(*shape, seed=step), drawn(*shape, seed=step)
        for optimizer in optimizers:
            optimizer.step()
    # Both round to bfloat16 on the way, in another order.
    moved = (theirs - drawn(*shape)).abs().max()
    assert (ours - theirs).abs().max() < 0.05 * moved


def test_matrices_step_alike_together_and_alone(monkeypatch) -> None:
    steps = {}
    for together in (1, muon.TOGETHER):
        monkeypatch.setattr(muon, "TOGETHER", together)
        parameters = [nn.Parameter(drawn(6, 16, seed=seed)) for seed in range(3)]
        optimizer = Muon(parameters, lr=0.1)
        for seed, parameter in enumerate(parameters):
            parameter.grad = drawn(6, 16, seed=10 + seed)
        optimizer.step()
        steps[together] = torch.stack(parameters).detach()
    assert torch.allclose(*steps.values(), atol=1e-3)


def test_a_matrix_without_a_gradient_stays() -> None:
    first, second = nn.Parameter(drawn(4, 4)), nn.Parameter(drawn(4, 4))
    optimizer = Muon([first, second], lr=0.1)
    first.grad = drawn(4, 4, seed=1)
    optimizer.step()
    assert not torch.equal(first, drawn(4, 4))
    assert torch.equal(second, drawn(4, 4))


@pytest.mark.parametrize(
    "wrong", [torch.zeros(3), torch.zeros(2, 2, 2), torch.zeros(2, 2, dtype=torch.bfloat16)]
)
def test_only_matrices_in_single_precision(wrong) -> None:
    with pytest.raises(ValueError, match="matrices in fp32, got"):
        Muon([nn.Parameter(wrong)])


def test_hidden_matrices_are_neither_embeddings_nor_the_output() -> None:
    hashes = {"sizes": [3], "buckets": 16}
    byte_model = LMTransformer(LMTransformerArgs.model_validate(LM | {"hashes": hashes}))
    blt = ByteLatentTransformer(ByteLatentTransformerArgs.model_validate(BLT))
    for model in (byte_model, blt):
        taken = {id(matrix) for matrix in hidden_matrices(model)}
        rest = {name for name, p in model.named_parameters() if id(p) not in taken}
        assert taken
        for name in rest:
            assert "embed" in name or "norm" in name or name.endswith("output.weight"), name
        assert any("tok_embeddings" in name for name in rest)
        assert any(name.endswith("output.weight") for name in rest)
