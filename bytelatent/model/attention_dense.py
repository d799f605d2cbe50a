"""Every query against every key under the true mask: the reference of all attention here.

Legend: ``B`` rows, ``S`` queries, ``T`` keys, ``H`` heads, ``G`` key/value heads, ``E`` head width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


class Mask:
    """Who sees whom, ``[B, S, T]``, as torch's attention takes it.

    A boolean mask is turned into numbers by every call, which on a CPU costs more than the
    attention itself; here that happens once for all layers. Every query must see at least one key.
    """

    def __init__(self, seen_BST: Tensor) -> None:
        self.seen_BST = seen_BST
        self._bias_B1ST: Tensor | None = None

    def bias(self, dtype: torch.dtype) -> Tensor:
        """``[B, 1, S, T]``: 0 where a query sees a key, the lowest number where it does not."""
        if self._bias_B1ST is None or self._bias_B1ST.dtype != dtype:
            as_numbers = _bias_in_memory if torch.compiler.is_dynamo_compiling() else _bias
            self._bias_B1ST = as_numbers(self.seen_BST, dtype)
        return self._bias_B1ST


def _bias(seen_BST: Tensor, dtype: torch.dtype) -> Tensor:
    """``[B, 1, S, T]``: 0 where a query sees a key, the lowest number where it does not."""
    bias_BST = torch.zeros_like(seen_BST, dtype=dtype)
    return bias_BST.masked_fill(~seen_BST, torch.finfo(dtype).min)[:, None]


@torch.library.custom_op("bytelatent::attention_bias", mutates_args=())
def _bias_in_memory(seen_BST: Tensor, dtype: torch.dtype) -> Tensor:
    """The same as an operation of its own, which the compiler cannot work out in every layer anew.

    It would do so, comparing whole numbers for every score of every layer.
    """
    return _bias(seen_BST, dtype)


@_bias_in_memory.register_fake
def _(seen_BST: Tensor, dtype: torch.dtype) -> Tensor:
    rows, queries, keys = seen_BST.shape
    return seen_BST.new_empty(rows, 1, queries, keys, dtype=dtype)


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
    same_BST = documents_BT[:, keys - queries :, None] == documents_BT[:, None, :]
    return DensePlan(Mask(near_ST & same_BST))


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
