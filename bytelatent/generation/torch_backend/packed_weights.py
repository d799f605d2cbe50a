"""The weights of a model in the layout that steps of one position need.

Weights are copied unless they are large or on a GPU: the weights of linear layers with the same
input are concatenated, and the scale of a norm is multiplied into the weights that follow it
(:class:`PackedLayer` and :class:`FusedNormLinear`).

Legend: ``R`` rows, ``D`` and ``F`` widths, ``N`` heads of queries, keys and values, ``E`` head
width, ``H`` heads, ``L`` layers, ``K`` vectors per patch, ``M = R * H``.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bytelatent.generation.torch_backend.matrices import Weights, matrix_of
from bytelatent.model.cross_attention import DecoderCrossAttention
from bytelatent.model.layers import TransformerBlock

Weighted = nn.Linear | nn.Embedding

LARGEST_COPY = 2**30
"""Largest size in bytes of the weights of one stack that are copied."""


def should_pack(weights: Sequence[Tensor], kind: Weights = "native") -> bool:
    """Return whether a copy of ``weights`` makes products faster and is not too large.

    For every kind but ``native`` a copy is always needed.
    """
    size = sum(weight.numel() * weight.element_size() for weight in weights)
    plain = all(w.dtype == torch.float32 and w.device.type == "cpu" for w in weights)
    return kind != "native" or (plain and size <= LARGEST_COPY)


class Layer:
    """Weights of one transformer block, used without a copy, for steps of one position."""

    def __init__(self, block: TransformerBlock) -> None:
        self._block = block
        attention, feed_forward = block.attention, block.feed_forward
        parts = (attention.wq, attention.wk, attention.wv)
        self._parts = [matrix_of(layer.weight) for layer in parts]
        self._output = matrix_of(attention.wo.weight)
        self._gate, self._up, self._down = (
            matrix_of(layer.weight) for layer in (feed_forward.w1, feed_forward.w3, feed_forward.w2)
        )

    def qkv(self, x_RD: Tensor) -> Tensor:
        """Apply the attention norm and project to queries, keys and values: ``[R, N * E]``."""
        y_RD = self._block.attention_norm(x_RD)
        return torch.cat([part(y_RD) for part in self._parts], dim=-1)

    def add_output(self, x_RD: Tensor, read_RF: Tensor) -> Tensor:
        """Add the output projection of the attention result ``read_RF`` to ``x_RD``."""
        return self._output.added(x_RD, read_RF)

    def add_feed_forward(self, x_RD: Tensor) -> Tensor:
        """Add the output of the feed-forward network to ``x_RD``."""
        y_RD = self._block.ffn_norm(x_RD)
        return self._down.added(x_RD, F.silu(self._gate(y_RD)) * self._up(y_RD))


class PackedLayer:
    """Copies of the weights of one transformer block, with the methods of :class:`Layer`."""

    def __init__(self, block: TransformerBlock, kind: Weights = "native") -> None:
        attention, feed_forward = block.attention, block.feed_forward
        inputs = (attention.wq, attention.wk, attention.wv)
        self.qkv = FusedNormLinear([(block.attention_norm, layer) for layer in inputs], kind)
        inner = (feed_forward.w1, feed_forward.w3)
        self._gate_up = FusedNormLinear([(block.ffn_norm, layer) for layer in inner], kind)
        self.add_output = matrix_of(attention.wo.weight, kind).added
        self._down = matrix_of(feed_forward.w2.weight, kind)

    def add_feed_forward(self, x_RD: Tensor) -> Tensor:
        """Add the output of the feed-forward network to ``x_RD``."""
        gate_RF, up_RF = self._gate_up(x_RD).chunk(2, dim=1)
        return self._down.added(x_RD, F.silu(gate_RF).mul_(up_RF))


class FusedNormLinear:
    """Linear layers with the same input, each after its own norm, computed as one product.

    The scales of the norms are part of the weights, so only a division is left: ``x / rms(x) =
    sqrt(D) x / hypot(|x|, sqrt(D eps))``.
    """

    def __init__(self, parts: Sequence[tuple[nn.RMSNorm, Weighted]], kind: Weights) -> None:
        eps, width = parts[0][0].eps, parts[0][0].weight.shape[0]
        assert all(norm.eps == eps for norm, _ in parts)
        weights = [layer.weight.detach() * norm.weight.detach() for norm, layer in parts]
        weight_FD = torch.cat(weights) * width**0.5
        eps = torch.finfo(weight_FD.dtype).eps if eps is None else eps
        self._matrix = matrix_of(weight_FD, kind)
        self._least = weight_FD.new_tensor((width * eps) ** 0.5)

    def __call__(self, x_RD: Tensor) -> Tensor:
        """Compute all layers: ``[R, D]`` to ``[R, F]``."""
        size_R1 = torch.linalg.vector_norm(x_RD, dim=-1, keepdim=True)
        return self._matrix(torch.div(x_RD, size_R1.hypot_(self._least)))


def normed_product(
    norm: nn.RMSNorm, layer: Weighted, kind: Weights = "native"
) -> Callable[[Tensor], Tensor]:
    """Return a function that applies ``norm`` and then ``layer``: ``[R, D]`` to ``[R, F]``."""
    if should_pack([layer.weight], kind):
        return FusedNormLinear([(norm, layer)], kind)
    matrix = matrix_of(layer.weight)
    return lambda x_RD: matrix(norm(x_RD))


class CrossKeysValues:
    """Keys and values of a patch for all cross-attention layers of the decoder.

    They equal those of :meth:`bytelatent.model.cross_attention.DecoderCrossAttention.keys_values`.
    """

    def __init__(self, crosses: Sequence[DecoderCrossAttention], kind: Weights = "native") -> None:
        self._crosses, self._together = crosses, None
        parts = [
            (cross.cross_attn_norm_kv, layer) for cross in crosses for layer in (cross.wk, cross.wv)
        ]
        if crosses and should_pack([layer.weight for _, layer in parts], kind):
            self._together = FusedNormLinear(parts, kind)

    def __call__(self, patch_KD: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Compute keys and values of one patch for each layer.

        Returns:
            For each layer the scaled keys ``[1, H, E, K]`` and the values ``[1, H, K, E]``.
        """
        if self._together is None:
            return [cross.keys_values(patch_KD[None]) for cross in self._crosses]
        shape = len(patch_KD), len(self._crosses), 2, self._crosses[0].n_heads, -1
        keys_KLHE, values_KLHE = self._together(patch_KD).view(shape).unbind(2)
        keys_LHEK = keys_KLHE.permute(1, 2, 3, 0) * keys_KLHE.shape[-1] ** -0.5
        values_LHKE = values_KLHE.permute(1, 2, 0, 3)
        return list(zip(keys_LHEK[:, None], values_LHKE[:, None], strict=True))


class CrossStep:
    """Cross-attention of the decoder for bytes that each come with the keys and values of a patch.

    It computes the same as ``DecoderCrossAttention.forward``; the keys and values are those of
    :meth:`bytelatent.model.cross_attention.DecoderCrossAttention.keys_values`.
    """

    def __init__(self, cross: DecoderCrossAttention, kind: Weights = "native") -> None:
        self._query = normed_product(cross.cross_attn_norm_q, cross.wq, kind)
        self._output = matrix_of(cross.wo.weight, kind)

    def __call__(self, x_RD: Tensor, keys_RHEK: Tensor, values_RHKE: Tensor) -> Tensor:
        """Add cross-attention to the byte states: ``[R, D]`` to ``[R, D]``.

        The residual counts twice, as in :class:`bytelatent.model.cross_attention.CrossAttention`.
        """
        q_Mx1E = self._query(x_RD).view(-1, 1, keys_RHEK.shape[2])
        weight_Mx1K = torch.bmm(q_Mx1E, keys_RHEK.flatten(0, 1)).softmax(-1)
        out_RD = torch.bmm(weight_Mx1K, values_RHKE.flatten(0, 1)).view(x_RD.shape)
        return self._output.added(x_RD + x_RD, out_RD)
