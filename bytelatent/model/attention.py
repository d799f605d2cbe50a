"""Self-attention behind one function: under the true mask in one piece, or in blocks along it.

The mask is planned once per forward pass (:func:`plan_attention`) and shared by all layers.

Legend: ``B`` rows, ``S`` queries, ``T`` keys, ``H`` heads, ``G`` key/value heads, ``E`` head
width, ``W`` window, ``N`` blocks, ``C`` queries of a block, ``R`` keys a block looks at.

Queries are the last ``S`` of the ``T`` keys: query ``i`` stands at key ``T - S + i``.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

AttentionImpl = Literal["auto", "sdpa", "banded"]

MAX_BLOCK = 128
"""Queries of one block: a compromise between wasted keys (C / W) and small matrix products."""

PADDING_DOCUMENT = -1
"""Document number of keys that do not exist or that nobody may see any more."""


@dataclass(frozen=True)
class DensePlan:
    """Every query against every key under ``seen_BST``: the reference."""

    seen_BST: Tensor

    def attend(self, q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor) -> Tensor:
        """``[B, S, H, E]``."""
        return _attend_seen(q_BSHE, k_BTGE, v_BTGE, self.seen_BST)


@dataclass(frozen=True)
class BandPlan:
    """Blocks of ``C`` queries, each against the ``R = reach + C`` keys its window can touch.

    Attributes:
        seen_NCR: who sees whom, ``[B * N, C, R]``.
        shape: how queries and keys are laid out.
    """

    seen_NCR: Tensor
    shape: "BandShape"

    def attend(self, q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor) -> Tensor:
        """``[B, S, H, E]``."""
        rows, length, heads, width = q_BSHE.shape
        blocks, block = self.shape.blocks, self.shape.block
        q_BTHE = _padded(q_BSHE, 0, self.shape.tail)
        q_NCHE = q_BTHE.reshape(rows * blocks, block, heads, width)
        k_NRGE = self.shape.keys_of(k_BTGE).flatten(0, 1)
        v_NRGE = self.shape.keys_of(v_BTGE).flatten(0, 1)
        out_NCHE = _attend_seen(q_NCHE, k_NRGE, v_NRGE, self.seen_NCR)
        return out_NCHE.reshape(rows, blocks * block, heads, width)[:, :length]


@dataclass(frozen=True)
class BandShape:
    """Blocks along the band: block ``n`` needs the ``reach + block`` keys from ``n * block`` on.

    Attributes:
        block: queries of a block, ``C``.
        blocks: their number, ``N``.
        reach: keys in front of a block's first query.
        front, tail: places without a key that are put before and after those there are, so that
            this holds; masked.
    """

    block: int
    blocks: int
    reach: int
    front: int = 0
    tail: int = 0

    @classmethod
    def of(cls, keys: int, queries: int, window: int) -> "BandShape":
        """Blocks for a window: it is rounded up to blocks in front of the first query."""
        block = min(window, MAX_BLOCK)
        reach = -(-window // block) * block
        blocks = (queries + block - 1) // block
        return cls(block, blocks, reach, reach - (keys - queries), blocks * block - queries)

    def keys_of(self, x_BT: Tensor, fill: int = 0) -> Tensor:
        """``[B, T, ...]`` to ``[B, N, R, ...]``: the keys that each block looks at."""
        x_BT = _padded(x_BT, self.front, self.tail, fill)
        first_N = torch.arange(self.blocks, device=x_BT.device) * self.block
        place_R = torch.arange(self.reach + self.block, device=x_BT.device)
        return x_BT[:, first_N[:, None] + place_R]


Plan = DensePlan | BandPlan


def plan_attention(
    documents_BT: Tensor,
    queries: int,
    window: int | None,
    impl: AttentionImpl = "auto",
    shape: BandShape | None = None,
) -> Plan:
    """Decide who may look at whom, and how that is computed.

    Args:
        documents_BT: number of the document of every key; a query sees only its own document.
        queries: ``S``.
        window: a query sees the last ``window`` keys, its own included; None for all.
        impl: ``sdpa`` builds the dense mask (the reference); ``banded`` costs length x window and
            needs a window; ``auto`` takes whichever is cheaper.
        shape: how to lay out the band, if not as the window suggests; ``impl`` is then of no
            account, and keys that no block reaches must be out of every window.

    Raises:
        ValueError: ``banded`` without a window.
    """
    if shape is not None:
        return _plan_band(documents_BT, window, shape)
    if impl == "auto":
        impl = "banded" if _band_pays(documents_BT.shape[1], window) else "sdpa"
    if impl == "sdpa":
        return _plan_dense(documents_BT, queries, window)
    if window is None:
        raise ValueError("attention 'banded' needs a window; use 'sdpa'")
    return _plan_band(documents_BT, window, BandShape.of(documents_BT.shape[1], queries, window))


def document_numbers(tokens_BS: Tensor, eos_id: int) -> Tensor:
    """Number of the document of every token: how many ends of document stand before it."""
    ends_BS = (tokens_BS == eos_id).to(torch.int64)
    return ends_BS.cumsum(dim=1) - ends_BS


def _band_pays(keys: int, window: int | None) -> bool:
    return window is not None and keys > 2 * (window + min(window, MAX_BLOCK))


def _plan_dense(documents_BT: Tensor, queries: int, window: int | None) -> DensePlan:
    keys = documents_BT.shape[1]
    place_T = torch.arange(keys, device=documents_BT.device)
    distance_ST = place_T[keys - queries :, None] - place_T[None, :]
    near_ST = distance_ST >= 0
    if window is not None:
        near_ST = near_ST & (distance_ST < window)
    same_BST = documents_BT[:, keys - queries :, None] == documents_BT[:, None, :]
    return DensePlan(near_ST & same_BST)


def _plan_band(documents_BT: Tensor, window: int | None, shape: BandShape) -> BandPlan:
    document_BNR = shape.keys_of(documents_BT, fill=PADDING_DOCUMENT)
    c_C = torch.arange(shape.block, device=documents_BT.device)
    r_R = torch.arange(shape.reach + shape.block, device=documents_BT.device)
    distance_CR = c_C[:, None] + shape.reach - r_R[None, :]
    near_CR = distance_CR >= 0
    if window is not None:
        near_CR = near_CR & (distance_CR < window)
    same_BNCR = document_BNR[:, :, shape.reach :, None] == document_BNR[:, :, None, :]
    return BandPlan((near_CR & same_BNCR).flatten(0, 1), shape)


def _padded(x_BT: Tensor, front: int, tail: int, fill: int = 0) -> Tensor:
    """``front`` and ``tail`` more places along the second dimension; fewer if negative."""
    if isinstance(front, int) and isinstance(tail, int) and front == tail == 0:
        return x_BT
    return F.pad(x_BT, (0, 0) * (x_BT.dim() - 2) + (front, tail), value=fill)


def _attend_seen(q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor, seen_BST: Tensor) -> Tensor:
    """Scaled dot-product attention under a mask in which every query sees at least one key."""
    q, k, v = q_BSHE.transpose(1, 2), k_BTGE.transpose(1, 2), v_BTGE.transpose(1, 2)
    grouped = q.shape[1] != k.shape[1]
    if torch.compiler.is_exporting():
        # Written out: the exporter's own form guards against rows that see nothing, which cannot
        # occur here and would cost a third of the time.
        if grouped:
            k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))
        bias = torch.where(seen_BST, 0.0, torch.finfo(q.dtype).min)[:, None]
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + bias
        out: Tensor = scores.softmax(dim=-1) @ v
        return out.transpose(1, 2)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=seen_BST[:, None], enable_gqa=grouped)
    return out.transpose(1, 2)
