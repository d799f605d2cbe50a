"""What flex_attention and xformers are asked for; see tests/gpu for the kernels themselves."""

import sys
from types import SimpleNamespace

import pytest
import torch
from hypothesis import example, given, settings
from torch import Tensor

from bytelatent.model import attention_kernels
from bytelatent.model.attention import plan_attention
from bytelatent.model.attention_kernels import FLEX_BLOCK
from tests.model.test_attention import heads_of, layouts, plain


class FakeBlockDiagonal:
    """The part of ``xformers.ops.fmha.attn_bias.BlockDiagonalMask`` that is used, as documented."""

    def __init__(self, lengths: list[int]) -> None:
        self.lengths, self.causal, self.window = lengths, False, None

    @classmethod
    def from_seqlens(cls, q_seqlen, kv_seqlen=None, *, device=None) -> "FakeBlockDiagonal":
        assert all(isinstance(n, int) and n > 0 for n in q_seqlen)
        return cls(q_seqlen)

    def make_causal(self) -> "FakeBlockDiagonal":
        made = FakeBlockDiagonal(self.lengths)
        made.causal = True
        return made

    def make_local_attention(self, window_size: int) -> "FakeBlockDiagonal":
        made = self.make_causal()
        made.window = window_size
        return made

    def materialize(self, shape: tuple[int, int]) -> Tensor:
        blocks = []
        for length in self.lengths:
            block = torch.ones(length, length)
            block = block.tril() if self.causal else block
            block = block if self.window is None else block.triu(1 - self.window)
            blocks.append(block)
        mask = torch.block_diag(*blocks)
        assert mask.shape == shape
        return mask.log()


def fake_attention(query, key, value, attn_bias) -> Tensor:
    """``[1, M, H, K]`` each, heads equal; the formula in the documentation of xformers."""
    assert query.shape[0] == 1 and query.shape == key.shape == value.shape
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    bias = attn_bias.materialize((query.shape[1], key.shape[1]))
    score = q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1) + bias
    return (score.softmax(-1) @ v).transpose(1, 2)


@pytest.fixture
def xformers(monkeypatch) -> SimpleNamespace:
    ops = SimpleNamespace(memory_efficient_attention=fake_attention)
    biases = SimpleNamespace(BlockDiagonalMask=FakeBlockDiagonal)
    for name in ("xformers", "xformers.ops.fmha"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    monkeypatch.setitem(sys.modules, "xformers.ops", ops)
    monkeypatch.setitem(sys.modules, "xformers.ops.fmha.attn_bias", biases)
    monkeypatch.setattr(attention_kernels, "XFORMERS_DEVICES", ("cpu",))
    return ops


def test_xformers_is_handed_documents_window_and_packed_rows(xformers) -> None:
    @given(layout=layouts())
    @settings(max_examples=40, deadline=None)
    def check(layout) -> None:
        documents, _, window = layout
        heads = heads_of(documents, documents.shape[1])
        found = plan_attention(documents, documents.shape[1], window, "xformers").attend(*heads)
        torch.testing.assert_close(found, plain(documents, window, *heads), atol=2e-5, rtol=0)

    check()


def test_xformers_refuses_what_it_cannot_express(xformers, monkeypatch) -> None:
    documents = torch.zeros(2, 9, dtype=torch.int64)
    with pytest.raises(ValueError, match="cannot look at keys of the past: 9 keys, 4 queries"):
        plan_attention(documents, 4, 3, "xformers")

    def nothing(*_, **__) -> Tensor:
        raise NotImplementedError("No operator found for\n   this dtype")

    xformers.memory_efficient_attention = nothing
    with pytest.raises(ValueError, match=r"no kernel for this; .*No operator found for this dtype"):
        plan_attention(documents, 9, 3, "xformers").attend(*heads_of(documents, 9))


def test_xformers_that_is_not_there_is_named(monkeypatch) -> None:
    documents = torch.zeros(2, 9, dtype=torch.int64)
    with pytest.raises(ValueError, match="'xformers' needs CUDA, got a tensor on cpu"):
        plan_attention(documents, 9, 3, "xformers")
    monkeypatch.setattr(attention_kernels, "XFORMERS_DEVICES", ("cpu",))
    monkeypatch.setitem(sys.modules, "xformers.ops", None)
    with pytest.raises(ValueError, match="needs the package xformers, which is not installed"):
        plan_attention(documents, 9, 3, "xformers")


@given(layout=layouts())
@example(layout=(torch.zeros(1, 400, dtype=torch.int64), 400, 255))  # two blocks lie 255 apart
@settings(max_examples=40, deadline=None)
def test_flex_skips_no_block_that_is_seen_and_masks_all_that_is_not(layout) -> None:
    documents, queries, window = layout
    rows, keys = documents.shape
    blocks = plan_attention(documents, queries, window, "flex").blocks
    place = torch.arange(keys)
    seen = (place[:, None] >= place) & (documents[:, :, None] == documents[:, None])
    if window is not None:
        seen &= place[:, None] - place < window
    seen = seen[:, keys - queries :]
    grid = seen.new_zeros(rows, -(-queries // FLEX_BLOCK), -(-keys // FLEX_BLOCK))
    looked, whole = grid.clone(), grid.clone()
    for row in range(rows):
        for n in range(grid.shape[1]):
            some = blocks.kv_indices[row, 0, n, : blocks.kv_num_blocks[row, 0, n]]
            full = blocks.full_kv_indices[row, 0, n, : blocks.full_kv_num_blocks[row, 0, n]]
            assert not set(some.tolist()) & set(full.tolist())
            looked[row, n, some.long()] = looked[row, n, full.long()] = True
            whole[row, n, full.long()] = True
    stretched = [
        x.repeat_interleave(FLEX_BLOCK, 1).repeat_interleave(FLEX_BLOCK, 2)[:, :queries, :keys]
        for x in (looked, whole)
    ]
    assert not (seen & ~stretched[0]).any()
    assert not (~seen & stretched[1]).any()


def test_flex_skips_most_of_a_long_text_of_many_documents() -> None:
    keys = 4096
    documents = (torch.arange(keys) // 600)[None]
    blocks = plan_attention(documents, keys, 512, "flex").blocks
    looked = int(blocks.kv_num_blocks.sum() + blocks.full_kv_num_blocks.sum())
    assert looked < 0.13 * (keys // FLEX_BLOCK) ** 2
    assert int(blocks.full_kv_num_blocks.sum()) > 0


@pytest.mark.parametrize(
    ("rows", "keys", "queries", "window"),
    [(2, 300, 300, 70), (1, 260, 260, None), (2, 200, 40, 33)],
)
@torch.no_grad()
def test_flex_on_a_cpu_equals_the_definition(rows, keys, queries, window) -> None:
    documents = (torch.arange(keys) // 110).expand(rows, -1)
    heads = heads_of(documents, queries)
    found = plan_attention(documents, queries, window, "flex").attend(*heads)
    torch.testing.assert_close(found, plain(documents, window, *heads), atol=2e-5, rtol=0)


def test_flex_on_a_cpu_has_no_gradients() -> None:
    documents = torch.zeros(1, 5, dtype=torch.int64)
    heads = [x.requires_grad_() for x in heads_of(documents, 5)]
    with pytest.raises(ValueError, match="'flex' has no gradients on a CPU"):
        plan_attention(documents, 5, None, "flex").attend(*heads)
