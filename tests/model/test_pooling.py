"""Pooling of byte states: values and gradients, also where a pooled value is exactly zero."""

import pytest
import torch

from bytelatent.model.patch_indices import pool

PATCHES = torch.tensor([[0, 0, 1, 3, 3, 4]])
"""Patch of each byte; patch 2 is empty, and the last byte belongs to no patch."""


@pytest.mark.parametrize("how", ["max", "min"])
@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_gradients_go_to_the_largest_bytes_alone(how, zeros) -> None:
    sign = {"max": -1.0, "min": 1.0}[how]
    x = sign * torch.tensor([[[3.0], [5.0], [2.0], [1.0], [4.0], [9.0]]])
    x[0, :zeros] = 0
    x.requires_grad_()
    pooled = pool(x, PATCHES, 4, how)
    expected = sign * torch.tensor([0.0 if zeros else 3.0, 2.0, 0.0, 1.0])
    torch.testing.assert_close(pooled[0, :, 0], expected)
    pooled.sum().backward()
    first = [0.5, 0.5] if zeros == 2 else [1.0, 0.0]
    assert x.grad[0, :, 0].tolist() == [*first, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("how", ["max", "min", "avg"])
def test_an_empty_patch_is_zero(how) -> None:
    x = torch.full((1, 6, 2), 7.0, requires_grad=True)
    pooled = pool(x, PATCHES, 4, how)
    assert pooled[0, :, 0].tolist() == [7, 7, 0, 7]
    pooled.sum().backward()
    assert torch.isfinite(x.grad).all()
