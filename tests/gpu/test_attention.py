"""The accelerators on a GPU: forward and gradients against torch's attention under the true mask.

python -m pytest -m gpu tests/gpu
"""

import importlib.util

import pytest
import torch
from torch import Tensor, nn

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.model.attention import AttentionImpl, plan_attention
from bytelatent.tokenizers.constants import EOS_ID
from bytelatent.transformer import LMTransformer
from tests.model.test_attention import heads_of, plain
from tests.test_blt import lengths_of, tokens_of
from tests.test_blt import tiny as tiny_blt

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
LOCAL = {"dim": 64, "n_layers": 2, "n_heads": 2, "multiple_of": 32, "window": 50}
SIZE = 300


def lm(tokens: Tensor, impl: AttentionImpl, dtype: torch.dtype) -> tuple[nn.Module, Tensor]:
    args = {"dim": 128, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "sliding_window": 70}
    model = LMTransformer(LMTransformerArgs.model_validate(args))
    model.init_weights()
    model = model.to(DEVICE, dtype)
    return model, model(tokens, impl=impl)


def blt(tokens: Tensor, impl: AttentionImpl, dtype: torch.dtype) -> tuple[nn.Module, Tensor]:
    model = tiny_blt(
        encoder={**LOCAL, "cross_attention": "last"},
        decoder={**LOCAL, "cross_attention": "all"},
        global_model={"dim": 128, "n_layers": 2, "n_heads": 4, "multiple_of": 32},
        cross_heads=2,
    ).to(DEVICE, dtype)
    return model, model(tokens, lengths_of(2, SIZE).to(DEVICE), impl=impl)


def measured(build, impl: AttentionImpl, dtype: torch.dtype) -> list[Tensor]:
    """Logits and the gradients of all weights, in fp32."""
    tokens = tokens_of(2, SIZE)
    tokens[0, 120] = tokens[1, 7] = EOS_ID
    model, logits = build(tokens.to(DEVICE), impl, dtype)
    logits.float().logsumexp(-1).mean().backward()
    return [logits.detach().float(), *(p.grad.float() for p in model.parameters())]


def need(impl: AttentionImpl) -> None:
    if impl == "xformers" and importlib.util.find_spec("xformers") is None:
        pytest.skip("xformers is not installed")


def distance(found: list[Tensor], expected: list[Tensor]) -> list[float]:
    """Error of every tensor in units of its own size."""
    pairs = zip(found, expected, strict=True)
    return [float((a - b).norm() / b.norm().clamp(min=1e-6)) for a, b in pairs]


@pytest.mark.parametrize("impl", ["flex", "xformers", "banded"])
@pytest.mark.parametrize("build", [lm, blt])
def test_fp32_agrees_with_sdpa(build, impl) -> None:
    need(impl)
    expected = measured(build, "sdpa", torch.float32)
    try:
        found = measured(build, impl, torch.float32)
    except ValueError as error:
        if "has no kernel" in str(error):
            pytest.skip(str(error))
        raise
    assert max(distance(found, expected)) < 1e-3


@pytest.mark.parametrize("impl", ["flex", "xformers", "banded"])
@pytest.mark.parametrize("build", [lm, blt])
def test_bf16_is_as_near_to_fp32_as_sdpa_is(build, impl) -> None:
    need(impl)
    exact = measured(build, "sdpa", torch.float32)
    usual = distance(measured(build, "sdpa", torch.bfloat16), exact)
    found = distance(measured(build, impl, torch.bfloat16), exact)
    for ours, theirs in zip(found, usual, strict=True):
        assert ours < 1.5 * theirs + 0.01


@pytest.mark.parametrize(
    ("rows", "keys", "queries", "window"),
    [(2, 300, 300, 70), (1, 700, 700, None), (3, 200, 40, 33), (1, 4096, 4096, 512)],
)
def test_flex_equals_the_definition(rows, keys, queries, window) -> None:
    documents = (torch.arange(keys) // 110).expand(rows, -1)
    q, k, v = (torch.nn.functional.pad(x, (0, 24)) for x in heads_of(documents, queries))
    plan = plan_attention(documents.to(DEVICE), queries, window, "flex")
    found = plan.attend(q.to(DEVICE) * 2, k.to(DEVICE), v.to(DEVICE))[..., :8].cpu()
    # Padding the heads from 8 to 32 halves the scale, hence the 2.
    expected = plain(documents, window, q[..., :8], k[..., :8], v[..., :8])
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
