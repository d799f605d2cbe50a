"""Self-attention with a causal mask, a document mask and an optional window.

:func:`plan_attention` computes the mask once per forward pass; all layers share it.

| name       | implementation                          | past keys | device and cost          |
|------------|-----------------------------------------|-----------|--------------------------|
| `sdpa`     | torch's attention with a dense mask     | yes       | any; length squared      |
| `banded`   | torch's attention in blocks of a band   | yes       | any; length x window     |
| `flex`     | torch's flex_attention, blocks skipped  | yes       | CUDA (CPU: a slow check) |
| `xformers` | memory_efficient_attention, rows packed | no        | CUDA, package xformers   |

`sdpa` is the reference; the other implementations agree with it. `auto` chooses `banded` where
`banded` is cheaper than `sdpa`. `auto` never chooses `flex`, which must be compiled, or `xformers`,
which must be installed.

Legend: ``B`` rows, ``S`` queries, ``T`` keys. The queries are at the last ``S`` of the ``T`` key
positions: query ``i`` has the position of key ``T - S + i``. The documents of a row are contiguous.
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from bytelatent.model.attention_band import BandPlan, BandShape, plan_band
from bytelatent.model.attention_dense import DensePlan, plan_dense
from bytelatent.model.attention_kernels import (
    FlexPlan,
    XformersPlan,
    plan_flex,
    plan_xformers,
)

AttentionImpl = Literal["auto", "sdpa", "banded", "flex", "xformers"]
Plan = DensePlan | BandPlan | FlexPlan | XformersPlan

_PLANS: dict[str, Callable[[Tensor, int, int | None], Plan]] = {
    "sdpa": plan_dense,
    "flex": plan_flex,
    "xformers": plan_xformers,
}


def plan_attention(
    documents_BT: Tensor,
    queries: int,
    window: int | None,
    impl: AttentionImpl = "auto",
    dtype: torch.dtype = torch.float32,
) -> Plan:
    """Compute the attention mask and choose the implementation of attention.

    Args:
        documents_BT: document number of every key; a query attends only to keys of its document.
        queries: ``S``, number of queries.
        window: number of keys that a query attends to, its own key included; None for all.
        impl: implementation, one of the table in the module docstring; ``banded`` needs a window.
        dtype: dtype of queries and keys; it determines the block length of the band.

    Raises:
        ValueError: ``impl`` is unknown, is not available here or cannot express this mask.
    """
    keys = documents_BT.shape[1]
    if impl == "auto":
        impl = "banded" if _band_pays(keys, queries, window, dtype) else "sdpa"
    if impl == "banded":
        if window is None:
            raise ValueError("attention 'banded' needs a window; use 'sdpa'")
        return plan_band(documents_BT, queries, window, dtype)
    if impl not in _PLANS:
        known = ", ".join(get_args(AttentionImpl))
        raise ValueError(f"attention {impl!r} is not known; known are {known}")
    return _PLANS[impl](documents_BT, queries, window)


def document_numbers(tokens_BS: Tensor, eos_id: int) -> Tensor:
    """Return the document number of every token: the number of EOS tokens before it, ``[B, S]``."""
    ends_BS = (tokens_BS == eos_id).to(torch.int64)
    return ends_BS.cumsum(dim=1) - ends_BS


def _band_pays(keys: int, queries: int, window: int | None, dtype: torch.dtype) -> bool:
    """Return whether a block attends to so few keys that its overhead is worth it."""
    if window is None:
        return False
    shape = BandShape.of(keys, queries, window, dtype)
    return shape.blocks > 1 and keys > 1.25 * (shape.reach + shape.block)
