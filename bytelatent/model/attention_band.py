"""Attention with a window in blocks; the cost is length x window, not length squared.

Legend: ``B`` rows, ``S`` queries, ``T`` keys, ``H`` heads, ``G`` key/value heads, ``E`` head
width, ``W`` window, ``N`` blocks, ``C`` queries of a block, ``R`` keys that a block attends to.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bytelatent.model.attention_dense import Mask, attend_masked

MAX_BLOCK = 64
"""Number of queries of one block: a compromise between wasted keys (C / W) and small products."""

WIDE_BLOCK = 128
"""Number of queries of one block during training and in bfloat16. During training every block
copies its keys, and in bfloat16 matrix products are so cheap that wasted keys cost less."""

PADDING_DOCUMENT = -1
"""Document number of keys that do not exist or that no query may attend to any more."""


@dataclass(frozen=True)
class BandShape:
    """Layout of the blocks of a band.

    Block ``n`` attends to the ``reach + block`` keys from padded key position ``n * block`` on.

    Attributes:
        block: number of queries of a block, ``C``.
        blocks: number of blocks, ``N``.
        reach: number of keys before the first query of a block.
        front, tail: number of padding keys before the first and after the last key; the mask hides
            them.
    """

    block: int
    blocks: int
    reach: int
    front: int = 0
    tail: int = 0

    @classmethod
    def of(
        cls, keys: int, queries: int, window: int, dtype: torch.dtype = torch.float32
    ) -> "BandShape":
        """Return the layout for a window, which is rounded up to whole blocks."""
        wide = torch.is_grad_enabled() or dtype == torch.bfloat16
        block = min(window, WIDE_BLOCK if wide else MAX_BLOCK)
        reach = -(-window // block) * block
        blocks = (queries + block - 1) // block
        return cls(block, blocks, reach, reach - (keys - queries), blocks * block - queries)

    def keys_of(self, x_BT: Tensor, fill: int = 0) -> Tensor:
        """Return the keys that each block attends to: ``[B, T, ...]`` to ``[B, N, R, ...]``."""
        x_BT = _padded(x_BT, self.front, self.tail, fill)
        first_N = torch.arange(self.blocks, device=x_BT.device) * self.block
        offset_R = torch.arange(self.reach + self.block, device=x_BT.device)
        return x_BT[:, first_N[:, None] + offset_R]

    def windows_of(self, x_BTGE: Tensor) -> Tensor:
        """Return the keys that each block attends to, ``[B, T, G, E]`` to ``[B * N, R, G, E]``.

        Without gradients the result is a view: all rows are concatenated, and each block is a slice
        of the result. A slice may begin in the row before; the mask hides those keys. With
        gradients every block copies its keys.
        """
        if x_BTGE.requires_grad:
            return self._copied(x_BTGE)
        past = self.reach - self.front
        old = -(-past // self.block)  # blocks of keys in front of the first query
        x_BTGE = _padded(x_BTGE, old * self.block - past, self.tail)
        rows = x_BTGE.shape[0]
        flat = F.pad(x_BTGE.flatten(0, 1), (0, 0, 0, 0, self.reach, 0))
        blocks = flat.unfold(0, self.reach + self.block, self.block).movedim(-1, 1)
        if old == 0:
            return blocks
        return blocks.view(rows, old + self.blocks, *blocks.shape[1:])[:, old:].flatten(0, 1)

    def _copied(self, x_BTGE: Tensor) -> Tensor:
        """Return the keys that each block attends to as copies: shifted blocks, concatenated.

        The gradient of overlapping views would be summed one number at a time.
        """
        rows, _, heads, width = x_BTGE.shape
        x_BTGE = _padded(x_BTGE, self.front, self.tail)
        x_BMCGE = x_BTGE.reshape(rows, -1, self.block, heads, width)
        shifts = range(self.reach // self.block + 1)
        shifted = [x_BMCGE[:, first : first + self.blocks] for first in shifts]
        return torch.cat(shifted, dim=2).flatten(0, 1)


@dataclass(frozen=True)
class BandPlan:
    """Plan of attention in blocks: ``C`` queries against the ``R = reach + C`` keys in reach.

    Attributes:
        mask: keys that each query attends to, ``[B * N, C, R]``.
        shape: layout of queries and keys in blocks.
    """

    mask: Mask
    shape: BandShape

    def attend(self, q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor) -> Tensor:
        """Return the attention output ``[B, S, H, E]``."""
        rows, length, heads, width = q_BSHE.shape
        blocks, block = self.shape.blocks, self.shape.block
        q_BTHE = _padded(q_BSHE, 0, self.shape.tail)
        q_NCHE = q_BTHE.reshape(rows * blocks, block, heads, width)
        k_NRGE, v_NRGE = self.shape.windows_of(k_BTGE), self.shape.windows_of(v_BTGE)
        out_NCHE = attend_masked(q_NCHE, k_NRGE, v_NRGE, self.mask)
        return out_NCHE.reshape(rows, blocks * block, heads, width)[:, :length]


def plan_band(
    documents_BT: Tensor, queries: int, window: int, dtype: torch.dtype = torch.float32
) -> BandPlan:
    """Return the plan of attention with a window: blocks of queries, and the mask of each block."""
    shape = BandShape.of(documents_BT.shape[1], queries, window, dtype)
    document_BNR = shape.keys_of(documents_BT, fill=PADDING_DOCUMENT)
    c_C = torch.arange(shape.block, device=documents_BT.device)
    r_R = torch.arange(shape.reach + shape.block, device=documents_BT.device)
    distance_CR = c_C[:, None] + shape.reach - r_R[None, :]
    near_CR = (distance_CR >= 0) & (distance_CR < window)
    document_NR = document_BNR.flatten(0, 1)
    return BandPlan(Mask(near_CR, document_NR[:, shape.reach :], document_NR), shape)


def _padded(x_BT: Tensor, front: int, tail: int, fill: int = 0) -> Tensor:
    """Pad the second dimension by ``front`` and ``tail`` entries; negative numbers crop it."""
    if front == tail == 0:
        return x_BT
    return F.pad(x_BT, (0, 0) * (x_BT.dim() - 2) + (front, tail), value=fill)
