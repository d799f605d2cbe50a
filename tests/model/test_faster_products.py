"""What training computes in one piece equals what it stands for, in values and gradients.

Legend: ``B`` rows, ``S`` bytes, ``D`` width.
"""

import pytest
import torch
from torch import Tensor, nn

from bytelatent.architecture.args import HashArgs, LMTransformerArgs
from bytelatent.model.embedding import _summed_rows
from bytelatent.model.layers import side_by_side
from bytelatent.transformer import LMTransformer


def gradients(outs: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
    """Of some number that depends on all of ``outs`` unevenly."""
    generator = torch.Generator().manual_seed(3)
    total = torch.zeros(())
    for out in outs:
        total = total + (out * torch.randn(out.shape, generator=generator)).sum()
    return list(torch.autograd.grad(total, weights))


@pytest.mark.parametrize("outs", [(8,), (5, 9), (16, 4, 4)])
@pytest.mark.parametrize("shape", [(7, 6), (2, 3, 6), (1, 0, 6)])
def test_matrices_side_by_side_equal_separate_ones(outs, shape) -> None:
    torch.manual_seed(0)
    linears = [nn.Linear(6, out, bias=False) for out in outs]
    x = torch.randn(shape, requires_grad=True)
    weights = [x, *(linear.weight for linear in linears)]
    found, expected = list(side_by_side(x, *linears)), [linear(x) for linear in linears]
    with torch.no_grad():
        without = list(side_by_side(x, *linears))
    for one, other, third in zip(found, expected, without, strict=True):
        torch.testing.assert_close(one, other)
        assert torch.equal(third, other), "where no gradient is wanted the products stay separate"
    pairs = zip(gradients(found, weights), gradients(expected, weights), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("sizes", [(11,), (11, 4), (5, 30, 7, 30)])
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (2, 0)])
def test_summed_rows_equal_the_sum_of_look_ups(sizes, shape) -> None:
    """Rows that are looked up often, and at both ends of every table."""
    torch.manual_seed(0)
    tables = [torch.randn(size, 6, requires_grad=True) for size in sizes]
    ids = [torch.randint(0, size, shape) for size in sizes]
    for one, size in zip(ids, sizes, strict=True):
        one.view(-1)[::7], one.view(-1)[::5] = size - 1, 0
    found = _summed_rows(tables, ids)
    expected = torch.stack([table[one] for table, one in zip(tables, ids, strict=True)]).sum(0)
    assert found.shape == (*shape, 6)
    torch.testing.assert_close(found, expected)
    pairs = zip(gradients([found], tables), gradients([expected], tables), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other)


def test_a_model_embeds_alike_while_it_trains_and_afterwards() -> None:
    hashes = HashArgs(sizes=[2, 3], buckets=20, functions=2)
    args = LMTransformerArgs(dim=16, n_heads=2, n_layers=1, sliding_window=8, hashes=hashes)
    model = LMTransformer(args)
    model.init_weights()
    tokens = torch.randint(4, 260, (3, 30), generator=torch.Generator().manual_seed(1))
    ids = model.hash_ids(tokens)
    assert len(ids) == 4
    found = model.embedded(tokens, ids)
    with torch.no_grad():
        torch.testing.assert_close(found, model.embedded(tokens, ids))
    tables = [model.byte_table().weight, *model.ngram_tables().parameters()]
    looked_up = sum(table[one] for table, one in zip(tables, [tokens, *ids], strict=True))
    assert isinstance(looked_up, Tensor)
    pairs = zip(gradients([found], tables), gradients([looked_up], tables), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other)
