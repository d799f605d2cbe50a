"""Products of weights that are kept in fewer bits, and texts that are made with them."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.matrices import (
    NativeMatrix,
    Split,
    matrix_of,
    weights_kind,
)
from bytelatent.generation.torch_backend.prefill import prefill
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID
from bytelatent.transformer import LMTransformer
from tests.generation.random_cases import followed, lively, random_case, random_tokens
from tests.test_blt import tiny as tiny_blt
from tests.test_transformer import tiny as tiny_lm

# The root of these widths is a power of two: rounding then treats a weight and what a norm makes of
# it alike.
LOCAL = {"dim": 64, "n_layers": 2, "n_heads": 4, "window": 24}
ROUND = {
    "encoder": {**LOCAL, "cross_attention": "last"},
    "global_model": {"dim": 64, "n_layers": 2, "n_heads": 4},
    "decoder": {**LOCAL, "cross_attention": "all"},
    "patch_vectors": 2,
    "cross_heads": 4,
}


def weight_of(rows: int, width: int) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(rows))


@pytest.mark.parametrize("count", [1, 2, 12, 13, 40])
@pytest.mark.parametrize("rows", [1, 16, 18, 260])
@pytest.mark.parametrize("kind", ["native", "fp16", "int8"])
def test_products_are_those_of_the_weight(kind, rows, count) -> None:
    weight, x = weight_of(rows, 32), weight_of(count, 32).mul(3)
    y = weight_of(count, rows)
    matrix = matrix_of(weight, kind)
    if kind == "fp16":
        weight = weight.half().float()
    expected = F.linear(x, weight)
    largest = max(10.0, float(expected.abs().max()))
    # Processors add up in different orders, so rounding is a share of the largest number.
    error = {"native": 1e-6, "fp16": 3e-6, "int8": 0.02}[kind] * largest
    torch.testing.assert_close(matrix(x), expected, atol=error, rtol=0)
    torch.testing.assert_close(matrix.added(y, x), y + expected, atol=error, rtol=0)


def test_other_precisions_keep_the_weight() -> None:
    weight = weight_of(16, 8).to(torch.bfloat16)
    assert isinstance(matrix_of(weight), NativeMatrix)
    assert isinstance(matrix_of(weight.float()), Split)
    assert matrix_of(weight)(weight[:3, :8]).dtype == torch.bfloat16


def test_a_row_of_zeros_stays_one() -> None:
    weight = weight_of(4, 32)
    weight[2] = 0
    assert matrix_of(weight, "int8")(torch.ones(1, 32))[0, 2] == 0


def test_widths_that_8_bits_cannot_have_stay_in_single_precision() -> None:
    weight, x = weight_of(16, 40), weight_of(3, 40)
    torch.testing.assert_close(matrix_of(weight, "int8")(x), F.linear(x, weight))


def test_what_cannot_be_had_is_refused() -> None:
    with pytest.raises(ValueError, match="weights: 'int3' is not one of native, fp16, int8"):
        matrix_of(weight_of(4, 4), "int3")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weights 'int8' are made of float32 on a CPU, the model"):
        matrix_of(weight_of(4, 4).half(), "int8")


def rounded(model: torch.nn.Module) -> None:
    """The weights that steps multiply with, in half precision and back."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and "embedding" not in name:
                weight.copy_(weight.half().float())


def greedy(model: Incremental, size: int) -> list[int]:
    row, tokens = prefill(model, [BOS_ID, 101, 102]), []
    for _ in range(size):
        tokens.append(int(row.logits_V.argmax()))
        model.step([row], tokens[-1:])
    return tokens


def test_half_precision_gives_the_text_of_the_rounded_model() -> None:
    blt, lm = tiny_blt(**ROUND), tiny_lm(dim=64)
    lively(blt), lively(lm)
    patcher = PatcherArgs(threshold=4.5)
    # The prompt is run by the modules themselves.
    before = greedy(Incremental(blt, lm, patcher), 60)
    rounded(blt), rounded(lm)
    found = greedy(Incremental(blt, lm, patcher, "fp16"), 60)
    assert found == greedy(Incremental(blt, lm, patcher), 60)
    assert len(set(before)) > 5


@pytest.mark.parametrize(("kind", "most"), [("fp16", 0.01), ("int8", 0.06)])
def test_logits_stay_near_those_of_the_weights_as_given(kind, most) -> None:
    for variant in ("as released", "widths differ"):
        case = random_case(variant, "space", 4)
        tokens = random_tokens(np.random.default_rng(4), 60)
        model = Incremental(case.blt, case.entropy_model, case.patcher, kind)
        expected = case.logits([*case.tokens, *tokens])[len(case.tokens) - 1 :]
        error = (followed(model, case, tokens) - expected).abs().max() / expected.std()
        assert 0 < error < most


def test_models_that_are_not_single_precision_are_refused() -> None:
    blt: ByteLatentTransformer = tiny_blt().to(torch.bfloat16)
    lm: LMTransformer = tiny_lm()
    with pytest.raises(ValueError, match=r"weights 'fp16' .* the model is bfloat16 on cpu"):
        Incremental(blt, lm, PatcherArgs(), "fp16")


def test_the_old_name_of_the_native_weights_is_accepted(caplog) -> None:
    assert weights_kind("given") == "native"
    assert "'given' is called 'native' now" in caplog.text
    assert weights_kind("int8") == "int8"


def test_a_weight_whose_rows_can_be_divided_is_not_copied() -> None:
    weight_FD = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    matrix = matrix_of(weight_FD)
    assert isinstance(matrix, Split)
    assert matrix._weight_BFD.data_ptr() == weight_FD.data_ptr()


@pytest.mark.parametrize("kind", ["fp16", "int8"])
def test_the_weights_of_the_caller_stay_as_they_are(kind) -> None:
    weight = weight_of(8, 32)
    before = weight.clone()
    matrix_of(weight, kind)
    assert torch.equal(weight, before)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("fp16", 65536.0),
        ("fp16", -1e6),
        *((kind, value) for kind in ("fp16", "int8") for value in (math.inf, -math.inf, math.nan)),
    ],
)
def test_values_that_do_not_fit_are_refused_and_not_changed(kind, value) -> None:
    weight = weight_of(8, 32)
    weight[3, 5] = value
    before = weight.clone()
    with pytest.raises(ValueError, match=f"weights '{kind}' hold values up to .*; use 'native'"):
        matrix_of(weight, kind)
    assert torch.equal(weight.nan_to_num(1), before.nan_to_num(1))
