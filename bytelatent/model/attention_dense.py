"""Every query against every key under the true mask: the reference of all attention here.

Legend: ``B`` rows, ``S`` queries, ``T`` keys, ``H`` heads, ``G`` key/value heads, ``E`` head width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


class Mask:
    """Which keys each query sees, as torch's attention takes it.

    A boolean mask is turned into numbers by every call, which on a CPU costs more than the
    attention itself; here that happens once for all layers. Every query must see at least one key.

    Args:
        near_ST: keys that are neither after the query nor out of its window.
        queries_BS: number of the document of each query.
        keys_BT: the same of each key; a query sees its own document only.
    """

    def __init__(self, near_ST: Tensor, queries_BS: Tensor, keys_BT: Tensor) -> None:
        self.parts = near_ST, queries_BS, keys_BT
        self._bias_B1ST: Tensor | None = None

    def bias(self, dtype: torch.dtype) -> Tensor:
        """``[B, 1, S, T]``: 0 where a query sees a key, the lowest number where it does not."""
        if self._bias_B1ST is None or self._bias_B1ST.dtype != dtype:
            as_numbers = _bias_in_memory if torch.compiler.is_dynamo_compiling() else _bias
            self._bias_B1ST = as_numbers(*self.parts, dtype)
        return self._bias_B1ST


def _bias(near_ST: Tensor, queries_BS: Tensor, keys_BT: Tensor, dtype: torch.dtype) -> Tensor:
    seen_BST = (queries_BS[:, :, None] == keys_BT[:, None, :]) & near_ST
    bias_BST = torch.zeros_like(seen_BST, dtype=dtype)
    return bias_BST.masked_fill_(~seen_BST, torch.finfo(dtype).min)[:, None]


@torch.library.custom_op("bytelatent::attention_bias", mutates_args=())
def _bias_in_memory(
    near_ST: Tensor, queries_BS: Tensor, keys_BT: Tensor, dtype: torch.dtype
) -> Tensor:
    """The same as an operation of its own, which the compiler cannot work out in every layer anew.

    It would do so, comparing whole numbers for every score of every layer.
    """
    return _bias(near_ST, queries_BS, keys_BT, dtype)


@_bias_in_memory.register_fake
def _(near_ST: Tensor, queries_BS: Tensor, keys_BT: Tensor, dtype: torch.dtype) -> Tensor:
    rows, queries = queries_BS.shape
    return queries_BS.new_empty(rows, 1, queries, keys_BT.shape[1], dtype=dtype)


@dataclass(frozen=True)
class DensePlan:
    """Every query against every key under ``mask``."""

    mask: Mask

    def attend(self, q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor) -> Tensor:
        """``[B, S, H, E]``."""
        return attend_masked(q_BSHE, k_BTGE, v_BTGE, self.mask)


def plan_dense(documents_BT: Tensor, queries: int, window: int | None) -> DensePlan:
    """The mask in one piece."""
    keys = documents_BT.shape[1]
    place_T = torch.arange(keys, device=documents_BT.device)
    distance_ST = place_T[keys - queries :, None] - place_T[None, :]
    near_ST = distance_ST >= 0
    if window is not None:
        near_ST = near_ST & (distance_ST < window)
    return DensePlan(Mask(near_ST, documents_BT[:, keys - queries :], documents_BT))


def attend_masked(q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor, mask: Mask) -> Tensor:
    """Scaled dot-product attention, ``[B, S, H, E]``."""
    q, k, v = q_BSHE.transpose(1, 2), k_BTGE.transpose(1, 2), v_BTGE.transpose(1, 2)
    bias, grouped = mask.bias(q.dtype), q.shape[1] != k.shape[1]
    if _trains_in_bf16_on_cpu(q):
        # Written out: there the fused kernel's backward pass takes twice as long.
        if grouped:
            k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + bias
        out: Tensor = scores.softmax(dim=-1) @ v
        return out.transpose(1, 2)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, enable_gqa=grouped)
    return out.transpose(1, 2)


def _trains_in_bf16_on_cpu(q: Tensor) -> bool:
    return q.requires_grad and q.dtype == torch.bfloat16 and q.device.type == "cpu"
