"""Attention of every query to every key with a dense mask, the reference of all implementations.

Legend: ``B`` rows, ``S`` queries, ``T`` keys, ``H`` heads, ``G`` key/value heads, ``E`` head width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


class Mask:
    """Mask of the keys that each query attends to, as an additive bias for torch's attention.

    Torch converts a boolean mask to numbers in every call, which on a CPU costs more than the
    attention itself; this class converts the mask once for all layers. Every query must attend to
    at least one key.

    Args:
        near_ST: whether a key is neither after the query nor outside its window.
        queries_BS: document number of each query.
        keys_BT: document number of each key; a query attends only to keys of its document.
    """

    def __init__(self, near_ST: Tensor, queries_BS: Tensor, keys_BT: Tensor) -> None:
        self.parts = near_ST, queries_BS, keys_BT
        self._bias_B1ST: Tensor | None = None

    def bias(self, dtype: torch.dtype) -> Tensor:
        """Return the additive bias ``[B, 1, S, T]``: 0 for visible keys, else the lowest number."""
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
    """Compute the bias as a custom operation, so that compiled code computes it only once.

    Otherwise the compiler fuses the comparison of document numbers into every layer.
    """
    return _bias(near_ST, queries_BS, keys_BT, dtype)


@_bias_in_memory.register_fake
def _(near_ST: Tensor, queries_BS: Tensor, keys_BT: Tensor, dtype: torch.dtype) -> Tensor:
    rows, queries = queries_BS.shape
    return queries_BS.new_empty(rows, 1, queries, keys_BT.shape[1], dtype=dtype)


@dataclass(frozen=True)
class DensePlan:
    """Plan of attention of every query to every key.

    Attributes:
        mask: keys that each query attends to, ``[B, S, T]``.
    """

    mask: Mask

    def attend(self, q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor) -> Tensor:
        """Return the attention output ``[B, S, H, E]``."""
        return attend_masked(q_BSHE, k_BTGE, v_BTGE, self.mask)


def plan_dense(documents_BT: Tensor, queries: int, window: int | None) -> DensePlan:
    """Return the plan with one dense mask (see :func:`bytelatent.model.attention.plan_attention`).

    Args:
        documents_BT: document number of every key.
        queries: ``S``, number of queries.
        window: number of keys that a query attends to; None for all.
    """
    keys = documents_BT.shape[1]
    position_T = torch.arange(keys, device=documents_BT.device)
    distance_ST = position_T[keys - queries :, None] - position_T[None, :]
    near_ST = distance_ST >= 0
    if window is not None:
        near_ST = near_ST & (distance_ST < window)
    return DensePlan(Mask(near_ST, documents_BT[:, keys - queries :], documents_BT))


def attend_masked(q_BSHE: Tensor, k_BTGE: Tensor, v_BTGE: Tensor, mask: Mask) -> Tensor:
    """Return the output of scaled dot-product attention with ``mask``, ``[B, S, H, E]``."""
    q, k, v = q_BSHE.transpose(1, 2), k_BTGE.transpose(1, 2), v_BTGE.transpose(1, 2)
    bias, grouped = mask.bias(q.dtype), q.shape[1] != k.shape[1]
    if _trains_in_bf16_on_cpu(q):
        # Without the fused kernel, whose backward pass takes twice as long here.
        if grouped:
            k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + bias
        out: Tensor = scores.softmax(dim=-1) @ v
        return out.transpose(1, 2)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, enable_gqa=grouped)
    return out.transpose(1, 2)


def _trains_in_bf16_on_cpu(q: Tensor) -> bool:
    return q.requires_grad and q.dtype == torch.bfloat16 and q.device.type == "cpu"
