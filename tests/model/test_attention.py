"""Attention: every implementation against plain loops, and what each refuses."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bytelatent.model.attention import document_numbers, plan_attention
from bytelatent.model.attention_band import BandPlan, BandShape
from bytelatent.model.attention_dense import DensePlan, Mask

HEADS, KV_HEADS, WIDTH = 4, 2, 8


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Tensor, int, int | None]:
    """Documents of some rows, how many of the keys are queries, and a window."""
    rows, keys = draw(st.integers(1, 3)), draw(st.integers(1, 400))
    queries = draw(st.one_of(st.just(keys), st.integers(1, keys)))
    window = draw(st.one_of(st.none(), st.integers(1, 300)))
    step = draw(st.sampled_from([1, 3, 50, 1000]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    ends = torch.randint(0, step, (rows, keys), generator=generator) == 0
    return ends.long().cumsum(dim=1), queries, window


def heads_of(documents: Tensor, queries: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rows, keys = documents.shape
    sizes = ((queries, HEADS), (keys, KV_HEADS), (keys, KV_HEADS))
    return tuple(torch.randn(rows, n, h, WIDTH, generator=generator) for n, h in sizes)


def plain(documents: Tensor, window: int | None, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Head by head under a mask written as the definition says."""
    rows, queries, keys = q.shape[0], q.shape[1], k.shape[1]
    out = torch.empty_like(q)
    for row in range(rows):
        place, own = torch.arange(keys), documents[row]
        seen = (place[:, None] >= place) & (own[:, None] == own)
        if window is not None:
            seen &= place[:, None] - place < window
        seen = seen[keys - queries :]
        for head in range(HEADS):
            kv = head // (HEADS // KV_HEADS)
            score = (q[row, :, head] @ k[row, :, kv].T / WIDTH**0.5).masked_fill(~seen, -torch.inf)
            out[row, :, head] = score.softmax(-1) @ v[row, :, kv]
    return out


@given(layout=layouts())
@settings(max_examples=60, deadline=None)
def test_dense_and_banded_attention_equal_the_definition(layout) -> None:
    documents, queries, window = layout
    heads = heads_of(documents, queries)
    expected = plain(documents, window, *heads)
    for impl in ("sdpa", "banded", "auto") if window else ("sdpa", "auto"):
        found = plan_attention(documents, queries, window, impl).attend(*heads)
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


@given(layout=layouts())
@settings(max_examples=20, deadline=None)
def test_gradients_of_the_band_equal_the_dense_ones(layout) -> None:
    documents, queries, window = layout
    if window is None:
        return
    grads = []
    for impl in ("sdpa", "banded"):
        heads = [x.requires_grad_() for x in heads_of(documents, queries)]
        out = plan_attention(documents, queries, window, impl).attend(*heads)
        (out * out.detach().cos()).sum().backward()
        grads.append([x.grad for x in heads])
    for banded, dense in zip(grads[1], grads[0], strict=True):
        torch.testing.assert_close(banded, dense, atol=5e-5, rtol=0)


@torch.no_grad()
def test_blocks_are_views_of_the_keys() -> None:
    """No copy for every block: that is what makes the band cheap."""
    shape = BandShape.of(keys=1024, queries=1024, window=256)
    keys = torch.zeros(3, 1024, KV_HEADS, WIDTH)
    blocks = shape.windows_of(keys)
    assert blocks.numel() > 4 * keys.numel()
    assert blocks.untyped_storage().nbytes() < 1.2 * keys.untyped_storage().nbytes()


LENGTHS = [(1, 1, 1), (37, 37, 5), (400, 400, 64), (517, 517, 200), (600, 129, 131), (900, 1, 300)]
"""Keys, queries, window: also windows that blocks of 128 do not divide, and keys of a past."""


@pytest.mark.parametrize(("keys", "queries", "window"), LENGTHS)
def test_blocks_that_are_copied_hold_the_keys_of_each(keys, queries, window) -> None:
    torch.manual_seed(0)
    shape = BandShape.of(keys, queries, window)
    copied, looked_up = (torch.randn(3, keys, KV_HEADS, 5).requires_grad_() for _ in range(2))
    looked_up.data.copy_(copied.data)
    found, expected = shape.windows_of(copied), shape.keys_of(looked_up).flatten(0, 1)
    assert torch.equal(found, expected)
    weights = torch.randn_like(expected)
    for out in (found, expected):
        (out * weights).sum().backward()
    torch.testing.assert_close(copied.grad, looked_up.grad)


@pytest.mark.parametrize(("keys", "queries", "window"), LENGTHS)
@pytest.mark.parametrize("document", [7, 150, 1000])
def test_copied_blocks_and_views_attend_as_the_dense_mask_does(
    keys, queries, window, document
) -> None:
    documents = torch.stack([torch.arange(keys) // document, torch.arange(3, keys + 3) // document])
    outs, grads = {}, {}
    for impl in ("sdpa", "banded"):
        heads = [x.requires_grad_() for x in heads_of(documents, queries)]
        plan = plan_attention(documents, queries, window, impl)
        outs[impl] = plan.attend(*heads)
        (outs[impl] * outs[impl].detach().cos()).sum().backward()
        grads[impl] = [x.grad for x in heads]
        outs[f"{impl}, views"] = plan.attend(*(x.detach() for x in heads))
    for out in outs.values():
        torch.testing.assert_close(out, outs["sdpa"], atol=2e-5, rtol=0)
    for banded, dense in zip(grads["banded"], grads["sdpa"], strict=True):
        torch.testing.assert_close(banded, dense, atol=5e-5, rtol=0)


def test_automatic_choice() -> None:
    def chosen(keys: int, window: int | None) -> type:
        return type(plan_attention(torch.zeros(1, keys, dtype=torch.int64), keys, window))

    assert chosen(300, 512) is DensePlan
    assert chosen(5000, None) is DensePlan
    assert chosen(5000, 512) is BandPlan


def test_a_mask_becomes_numbers_once() -> None:
    documents = torch.tensor([[0, 0, 1]])
    mask = Mask(torch.ones(3, 3, dtype=torch.bool).tril(), documents, documents)
    assert mask.bias(torch.float32) is mask.bias(torch.float32)
    assert mask.bias(torch.bfloat16).dtype == torch.bfloat16
    seen = [[True, False, False], [True, True, False], [False, False, True]]
    assert (mask.bias(torch.float32)[0, 0] == 0).tolist() == seen


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_compiler_gets_the_same_numbers_and_does_not_make_them_itself(dtype) -> None:
    torch.manual_seed(0)
    near = torch.rand(5, 7).round().bool()
    parts = near, torch.randint(2, (2, 5)), torch.randint(2, (2, 7))
    graphs: list[torch.fx.GraphModule] = []

    def keeps(graph: torch.fx.GraphModule, _: list[Tensor]) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    compiled = torch.compile(lambda *x: Mask(*x).bias(dtype), backend=keeps, fullgraph=True)
    assert torch.equal(compiled(*parts), Mask(*parts).bias(dtype))
    calls = [str(node.target) for node in graphs[0].graph.nodes if node.op == "call_function"]
    assert calls == ["bytelatent.attention_bias.default"] or calls == ["bytelatent.attention_bias"]


def test_the_operation_says_of_itself_what_it_does() -> None:
    """Its shapes without data, and that it keeps no gradient: what a compiler builds on."""
    for rows, queries, keys in ((1, 1, 1), (3, 5, 8)):
        near = torch.ones(queries, keys, dtype=torch.bool).tril()
        documents = torch.zeros(rows, queries).long(), torch.zeros(rows, keys).long()
        operation = torch.ops.bytelatent.attention_bias.default
        torch.library.opcheck(operation, (near, *documents, torch.float32))


@pytest.mark.parametrize("impl", ["sdpa", "banded"])
def test_compiled_attention_equals_eager(impl) -> None:
    documents = torch.arange(300)[None] // 70

    def attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return plan_attention(documents, 300, 40, impl).attend(q, k, v)

    outs, grads = [], []
    for function in (attended, torch.compile(attended, backend="aot_eager", fullgraph=True)):
        heads = [x.requires_grad_() for x in heads_of(documents, 300)]
        outs.append(function(*heads))
        outs[-1].square().sum().backward()
        grads.append([x.grad for x in heads])
    torch.testing.assert_close(outs[1], outs[0], atol=2e-5, rtol=0)
    for compiled, eager in zip(grads[1], grads[0], strict=True):
        torch.testing.assert_close(compiled, eager, atol=5e-5, rtol=0)


def test_documents_are_counted_by_their_ends() -> None:
    assert document_numbers(torch.tensor([[1, 9, 2, 1, 2, 2, 7]]), 2).tolist() == [
        [0, 0, 0, 1, 1, 2, 3]
    ]


def test_what_cannot_be_done_is_refused() -> None:
    documents = torch.zeros(1, 8, dtype=torch.int64)
    with pytest.raises(ValueError, match="'banded' needs a window"):
        plan_attention(documents, 8, None, "banded")
    with pytest.raises(ValueError, match="'flash' is not known; known are auto, sdpa"):
        plan_attention(documents, 8, None, "flash")


@pytest.mark.parametrize("groups", [2, 4])
def test_training_in_bfloat16_on_a_cpu_equals_single_precision(groups) -> None:
    torch.manual_seed(0)
    shapes = ((2, 90, 4, 16), (2, 90, groups, 16), (2, 90, groups, 16))
    exact = [torch.randn(shape, requires_grad=True) for shape in shapes]
    rough = [x.detach().bfloat16().requires_grad_() for x in exact]
    plan = plan_attention(torch.zeros(2, 90, dtype=torch.int64), 90, 20, "sdpa")
    for tensors in (exact, rough):
        plan.attend(*tensors).float().square().sum().backward()
    for a, b in zip(exact, rough, strict=True):
        assert a.grad is not None and b.grad is not None
        assert (a.grad - b.grad.float()).norm() < 0.02 * a.grad.norm()
