"""Self-attention behind one function: causal, within documents, within a window.

The mask is planned once per forward pass (:func:`plan_attention`) and shared by all layers.

| name       | how                                     | past keys | where, and what it costs |
|------------|-----------------------------------------|-----------|--------------------------|
| `sdpa`     | torch's attention under the dense mask  | yes       | any; length squared      |
| `banded`   | the same in blocks along the window     | yes       | any; length x window     |
| `flex`     | torch's flex_attention, blocks skipped  | yes       | CUDA (CPU: a slow check) |
| `xformers` | memory_efficient_attention, rows packed | no        | CUDA, package xformers   |

`sdpa` is the reference, the others agree with it. `auto` takes `banded` where that is cheaper than
`sdpa`, and neither of the last two: they compile or must be installed first.

Legend: ``B`` rows, ``S`` queries, ``T`` keys. Queries are the last ``S`` of the ``T`` keys: query
``i`` stands at key ``T - S + i``. The documents of a row lie one after the other.
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
    """Decide who may look at whom, and how that is computed.

    Args:
        documents_BT: number of the document of every key; a query sees only its own document.
        queries: ``S``.
        window: a query sees the last ``window`` keys, its own included; None for all.
        impl: see the table above; ``banded`` needs a window.
        dtype: of queries and keys; decides how long a block of the band is.

    Raises:
        ValueError: ``impl`` is not available here or cannot express this.
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
    """Number of the document of every token: how many ends of document stand before it."""
    ends_BS = (tokens_BS == eos_id).to(torch.int64)
    return ends_BS.cumsum(dim=1) - ends_BS


def _band_pays(keys: int, queries: int, window: int | None, dtype: torch.dtype) -> bool:
    """Whether blocks look at fewer keys than there are, with something for their overhead."""
    if window is None:
        return False
    shape = BandShape.of(keys, queries, window, dtype)
    return shape.blocks > 1 and keys > 1.25 * (shape.reach + shape.block)
