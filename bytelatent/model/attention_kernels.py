"""Attention with external kernels: torch's flex_attention and xformers.

Both support the same documents and windows as the reference in
:mod:`bytelatent.model.attention_dense` and are fast on CUDA. The libraries are imported when a plan
is made, not when this module is imported.

Legend: ``B`` rows, ``S`` queries, ``T`` keys, ``H`` heads, ``G`` key/value heads, ``E`` head width,
``N`` blocks of queries, ``M`` blocks of keys.
"""

import functools
import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

FLEX_BLOCK = 128
"""Number of queries and of keys of a block; flex_attention skips whole blocks."""

XFORMERS_DEVICES = ("cuda",)
"""Types of devices for which xformers has kernels."""


@dataclass(frozen=True)
class FlexPlan:
    """Plan of attention by ``torch.nn.attention.flex_attention`` with a block mask.

    On CUDA the kernel is compiled; the first call takes seconds to minutes. On a CPU torch emulates
    it slowly and without gradients, which is enough to check the mask.

    Attributes:
        blocks: torch's ``BlockMask``.
    """

    blocks: Any

    def attend(self, q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor) -> Tensor:
        """Return the attention output ``[B, S, H, E]``.

        Raises:
            ValueError: an input on a CPU requires gradients.
        """
        q, k, v = q_BSHE.transpose(1, 2), k_BTGE.transpose(1, 2), v_BTGE.transpose(1, 2)
        if q.device.type == "cpu" and (q.requires_grad or k.requires_grad or v.requires_grad):
            raise ValueError("attention 'flex' has no gradients on a CPU; use 'banded' or 'sdpa'")
        flex = _flex_attention(q.device.type)
        out: Tensor = flex(q, k, v, block_mask=self.blocks, enable_gqa=q.shape[1] != k.shape[1])
        return out.transpose(1, 2)


def plan_flex(documents_BT: Tensor, queries: int, window: int | None) -> FlexPlan:
    """Return the plan with a block mask: blocks that are skipped, masked or computed in full.

    The block mask follows from the band and from the range of document numbers in every block, so
    it costs ``N x M`` operations, not ``S x T``.

    Args:
        documents_BT: document number of every key.
        queries: ``S``, number of queries.
        window: number of keys that a query attends to; None for all.
    """
    module = importlib.import_module("torch.nn.attention.flex_attention")
    keys = documents_BT.shape[1]
    past = keys - queries
    document_BT = documents_BT.contiguous()

    def seen(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        distance = query + past - key
        near = distance >= 0
        if window is not None:
            near = near & (distance < window)
        return near & (document_BT[row, query + past] == document_BT[row, key])

    some_BNM, whole_BNM = _block_relations(document_BT, queries, window)
    blocks = module.BlockMask.from_kv_blocks(
        *_listed(some_BNM & ~whole_BNM),
        *_listed(whole_BNM),
        BLOCK_SIZE=FLEX_BLOCK,
        mask_mod=seen,
        seq_lengths=(queries, keys),
    )
    return FlexPlan(blocks)


@dataclass(frozen=True)
class XformersPlan:
    """Plan of attention by ``xformers.ops.memory_efficient_attention``, with all rows concatenated.

    Attributes:
        bias: block-diagonal causal mask of xformers, with or without a window.
        attention: the function ``memory_efficient_attention``.
    """

    bias: Any
    attention: Callable[..., Tensor]

    def attend(self, q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor) -> Tensor:
        """Return the attention output ``[B, S, H, E]``.

        Raises:
            ValueError: xformers has no kernel for this dtype, head width or device.
        """
        heads, kv_heads = q_BSHE.shape[2], k_BTGE.shape[2]
        if heads != kv_heads:
            # Grouped attention of xformers has no gradients.
            k_BTGE, v_BTGE = (
                x.repeat_interleave(heads // kv_heads, dim=2) for x in (k_BTGE, v_BTGE)
            )
        packed = (x.reshape(1, -1, *x.shape[2:]) for x in (q_BSHE, k_BTGE, v_BTGE))
        try:
            out_1SHE = self.attention(*packed, attn_bias=self.bias)
        except NotImplementedError as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"attention 'xformers' has no kernel for this; use 'sdpa' ({reason})"
            ) from error
        return out_1SHE.reshape(q_BSHE.shape)


def plan_xformers(documents_BT: Tensor, queries: int, window: int | None) -> XformersPlan:
    """Return the plan in which each document of a row is one block of the block-diagonal mask.

    Args:
        documents_BT: document number of every key.
        queries: ``S``, number of queries; it must equal the number of keys.
        window: number of keys that a query attends to; None for all.

    Raises:
        ValueError: xformers is not installed, the tensors are not on CUDA, or there are past keys.
    """
    device = documents_BT.device
    if device.type not in XFORMERS_DEVICES:
        raise ValueError(f"attention 'xformers' needs CUDA, got a tensor on {device}; use 'auto'")
    if documents_BT.shape[1] != queries:
        raise ValueError(
            f"attention 'xformers' cannot look at keys of the past: {documents_BT.shape[1]} keys, "
            f"{queries} queries; use 'sdpa', 'banded' or 'flex'"
        )
    try:
        ops = importlib.import_module("xformers.ops")
        biases = importlib.import_module("xformers.ops.fmha.attn_bias")
    except ImportError as error:
        raise ValueError(
            "attention 'xformers' needs the package xformers, which is not installed; "
            "pip install 'bytelatent[gpu]', or use 'sdpa', 'banded' or 'flex'"
        ) from error
    blocks = biases.BlockDiagonalMask.from_seqlens(_run_lengths(documents_BT), device=device)
    bias = blocks.make_causal() if window is None else blocks.make_local_attention(window)
    return XformersPlan(bias, ops.memory_efficient_attention)


@functools.cache
def _flex_attention(device: str) -> Callable[..., Tensor]:
    module = importlib.import_module("torch.nn.attention.flex_attention")
    flex: Callable[..., Tensor] = module.flex_attention
    if device != "cpu":
        return torch.compile(flex)

    def emulated(*inputs: Tensor, **options: Any) -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "flex_attention called without torch.compile")
            return flex(*inputs, **options)

    return emulated


def _block_relations(
    document_BT: Tensor, queries: int, window: int | None
) -> tuple[Tensor, Tensor]:
    """Return whether some query of a block may attend to some key of a block, and all to all.

    Both results are masks ``[B, N, M]``. The first may be true without need, the second may be
    false without need.
    """
    past, keys = document_BT.shape[1] - queries, document_BT.shape[1]
    first_N, last_N = _ends(queries, document_BT.device)
    first_M, last_M = _ends(keys, document_BT.device)
    far_NM = last_N[:, None] + past - first_M  # the greatest distance, and the least
    near_NM = first_N[:, None] + past - last_M
    some_NM, whole_NM = far_NM >= 0, near_NM >= 0
    if window is not None:
        some_NM, whole_NM = some_NM & (near_NM < window), whole_NM & (far_NM < window)
    low_BN, high_BN = _ranges(document_BT[:, past:])
    low_BM, high_BM = _ranges(document_BT)
    low_BNM = torch.minimum(low_BN[:, :, None], low_BM[:, None])
    high_BNM = torch.maximum(high_BN[:, :, None], high_BM[:, None])
    meet_BNM = (high_BM[:, None] >= low_BN[:, :, None]) & (low_BM[:, None] <= high_BN[:, :, None])
    return some_NM & meet_BNM, whole_NM & (low_BNM == high_BNM)


def _ends(length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the first and the last position of every block of a sequence."""
    first = torch.arange(0, length, FLEX_BLOCK, device=device)
    return first, (first + FLEX_BLOCK - 1).clamp(max=length - 1)


def _ranges(document_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest document number of every block, ``[B, M]`` each."""
    rows, length = document_BT.shape
    missing = -length % FLEX_BLOCK
    last = document_BT[:, -1:].expand(rows, missing)
    blocks = torch.cat([document_BT, last], dim=1).reshape(rows, -1, FLEX_BLOCK)
    return blocks.amin(dim=2), blocks.amax(dim=2)


def _listed(chosen_BNM: Tensor) -> tuple[Tensor, Tensor]:
    """Return the number of chosen key blocks of each query block, and their indices first."""
    count = chosen_BNM.sum(dim=2, dtype=torch.int32)
    order = chosen_BNM.int().argsort(dim=2, descending=True, stable=True).to(torch.int32)
    return count[:, None], order[:, None].contiguous()


def _run_lengths(documents_BT: Tensor) -> list[int]:
    """Return the lengths of the runs of equal document numbers, row after row."""
    first_BT = torch.ones_like(documents_BT, dtype=torch.bool)
    first_BT[:, 1:] = documents_BT[:, 1:] != documents_BT[:, :-1]
    begins = first_BT.flatten().nonzero().flatten()
    ends = torch.cat([begins[1:], begins.new_tensor([documents_BT.numel()])])
    lengths: list[int] = (ends - begins).tolist()
    return lengths
