"""Weights as products with one vector, or a few, are fastest.

A step reads every weight for a handful of numbers, so the rate at which weights are read is what
counts. On a CPU a product with a transposed matrix reads twice as fast; there, in single precision,
weights are copied (:class:`LaidOut`, :class:`Folded`) unless they are large.

Legend: ``R`` rows, ``D`` and ``F`` widths, ``N`` heads of queries, keys and values,
``E`` head width, ``H`` heads, ``K`` vectors per patch.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bytelatent.model.cross_attention import BytesReadPatches
from bytelatent.model.layers import TransformerBlock

LARGEST_COPY = 2**30
"""Bytes of weights that are copied at most, those of a stack together."""


def worth_copying(weights: Sequence[Tensor]) -> bool:
    """Whether a copy makes products faster and is not too large."""
    size = sum(weight.numel() * weight.element_size() for weight in weights)
    plain = all(w.dtype == torch.float32 and w.device.type == "cpu" for w in weights)
    return plain and size <= LARGEST_COPY


class Layer:
    """A block's weights where they are."""

    def __init__(self, block: TransformerBlock) -> None:
        self._block = block

    def qkv(self, x_RD: Tensor) -> Tensor:
        """Queries, keys and values side by side, ``[R, N * E]``, of what the norm makes of x."""
        attention = self._block.attention
        y_RD = self._block.attention_norm(x_RD)
        return torch.cat([attention.wq(y_RD), attention.wk(y_RD), attention.wv(y_RD)], dim=-1)

    def add_output(self, x_RD: Tensor, read_RF: Tensor) -> Tensor:
        """``x`` and what attention has read."""
        return x_RD + cast(Tensor, self._block.attention.wo(read_RF))

    def add_feed_forward(self, x_RD: Tensor) -> Tensor:
        """``x`` and what the feed-forward network makes of it."""
        return x_RD + cast(Tensor, self._block.feed_forward(self._block.ffn_norm(x_RD)))


class LaidOut(Layer):
    """Copies of a block's weights as products of one vector are fastest on a CPU.

    Transposed, which doubles the rate at which weights are read; those of the same input side by
    side; norms multiplied into the weights behind them, so that of a norm only a division is left:
    ``x / rms(x) = sqrt(D) x / hypot(|x|, sqrt(D eps))``.
    """

    def __init__(self, block: TransformerBlock) -> None:
        super().__init__(block)
        attention, feed_forward = block.attention, block.feed_forward
        self._qkv = Folded(block.attention_norm, [attention.wq, attention.wk, attention.wv])
        self._gate_up = Folded(block.ffn_norm, [feed_forward.w1, feed_forward.w3])
        self._output = attention.wo.weight.detach().t().contiguous()
        self._down = feed_forward.w2.weight.detach().t().contiguous()
        self._hidden = feed_forward.w1.weight.shape[0]

    def qkv(self, x_RD: Tensor) -> Tensor:
        """Queries, keys and values."""
        return self._qkv(x_RD)

    def add_output(self, x_RD: Tensor, read_RF: Tensor) -> Tensor:
        """``x`` and what attention has read."""
        return torch.addmm(x_RD, read_RF, self._output)

    def add_feed_forward(self, x_RD: Tensor) -> Tensor:
        """``x`` and what the feed-forward network makes of it."""
        both_RF = self._gate_up(x_RD)
        gate_RF, up_RF = both_RF[:, : self._hidden], both_RF[:, self._hidden :]
        return torch.addmm(x_RD, F.silu(gate_RF).mul_(up_RF), self._down)


class Folded:
    """A norm and the linear layers behind it as one product."""

    def __init__(self, norm: nn.RMSNorm, layers: Sequence[nn.Linear | nn.Embedding]) -> None:
        weight_FD = torch.cat([layer.weight.detach() for layer in layers])
        width = weight_FD.shape[1]
        scale_D = norm.weight.detach() * width**0.5
        self._weight_DF = (weight_FD * scale_D).t().contiguous()
        eps = torch.finfo(weight_FD.dtype).eps if norm.eps is None else norm.eps
        self._least = weight_FD.new_tensor((width * eps) ** 0.5)

    def __call__(self, x_RD: Tensor) -> Tensor:
        """``[R, D]`` to ``[R, F]``."""
        size_R1 = torch.linalg.vector_norm(x_RD, dim=-1, keepdim=True)
        return torch.mm(torch.div(x_RD, torch.hypot(size_R1, self._least)), self._weight_DF)


def normed_product(norm: nn.RMSNorm, layer: nn.Linear | nn.Embedding) -> Callable[[Tensor], Tensor]:
    """``norm`` and then ``layer``: ``[R, D]`` to ``[R, F]``."""
    if worth_copying([layer.weight]):
        return Folded(norm, [layer])
    return lambda x_RD: F.linear(norm(x_RD), layer.weight)


class CrossStep:
    """``BytesReadPatches.forward`` for bytes of which each brings what its patch offers.

    See :meth:`bytelatent.model.cross_attention.BytesReadPatches.offer`.
    """

    def __init__(self, cross: BytesReadPatches) -> None:
        self._query = normed_product(cross.cross_attn_norm_q, cross.wq)
        output_DD = cross.wo.weight.detach().t()
        self._output_DD = output_DD.contiguous() if worth_copying([output_DD]) else output_DD

    def __call__(self, x_RD: Tensor, keys_RHEK: Tensor, values_RHKE: Tensor) -> Tensor:
        """``[R, D]`` to ``[R, D]``; the residual counts twice, as there."""
        q_Mx1E = self._query(x_RD).view(-1, 1, keys_RHEK.shape[2])
        weight_Mx1K = torch.bmm(q_Mx1E, keys_RHEK.flatten(0, 1)).softmax(-1)
        out_RD = torch.bmm(weight_Mx1K, values_RHKE.flatten(0, 1)).view(x_RD.shape)
        return torch.addmm(x_RD, out_RD, self._output_DD, beta=2)
