"""Cross-attention between bytes and the patches that contain them.

Every byte belongs to one patch, and a patch has ``K`` vectors, so no mask of patches x bytes is
needed. In the encoder the ``K`` queries of a patch attend to the bytes of the patch by a softmax
over a segment. In the decoder the query of a byte attends to the ``K`` vectors of its patch, which
are gathered. Both cost length x K. Torch's attention with a dense mask is the reference.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches, ``K`` vectors per patch, ``D`` width, ``H`` heads,
``E`` head width.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bytelatent.model.layers import side_by_side

CrossImpl = Literal["auto", "sdpa", "gathered"]


class CrossAttention(nn.Module):
    """Projections of cross-attention with normed inputs and without rotary embeddings.

    The released weights require ``x + attention(x)`` as the result of this module and a second
    residual around the module: the residual counts twice. Both ``forward`` methods add the two
    residuals.
    """

    def __init__(self, dim: int, n_heads: int, norm_eps: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.cross_attn_norm_q = nn.RMSNorm(dim, eps=norm_eps)
        self.cross_attn_norm_kv = nn.RMSNorm(dim, eps=norm_eps)
        self.wq = nn.Linear(dim, dim, bias=False)
        self.wk = nn.Linear(dim, dim, bias=False)
        self.wv = nn.Linear(dim, dim, bias=False)
        self.wo = nn.Linear(dim, dim, bias=False)

    def project(self, queries: Tensor, sources: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, split into heads ``[..., H, E]``.

        Args:
            queries: vectors ``[..., D]`` that queries are computed from.
            sources: vectors ``[..., D]`` that keys and values are computed from.
        """
        normed = self.cross_attn_norm_kv(sources)
        q = self.wq(self.cross_attn_norm_q(queries))
        parts = (q, *side_by_side(normed, self.wk, self.wv))
        q, k, v = (x.reshape(*x.shape[:-1], self.n_heads, -1) for x in parts)
        return q, k, v


class EncoderCrossAttention(CrossAttention):
    """Cross-attention of the local encoder: queries of patches, keys and values of their bytes."""

    def forward(
        self, patches_BPKD: Tensor, bytes_BSD: Tensor, patch_BS: Tensor, impl: CrossImpl = "auto"
    ) -> tuple[Tensor, Tensor]:
        """Return new patch vectors ``[B, P, K, D]`` and attention weights ``[B, S, K, H]``.

        Args:
            patches_BPKD: patch vectors, from which queries are computed.
            bytes_BSD: byte states, from which keys and values are computed.
            patch_BS: index of the patch of each byte; bytes with an index of ``P`` or more have no
                effect.
            impl: ``gathered`` costs S x K; ``sdpa`` is the reference with a dense mask.
        """
        q_BPKHE, k_BSHE, v_BSHE = self.project(patches_BPKD, bytes_BSD)
        read = _segment_attention if impl != "sdpa" else _dense_segment_attention
        out_BPKHE, weights_BSKH = read(q_BPKHE, k_BSHE, v_BSHE, patch_BS)
        return 2 * patches_BPKD + self.wo(out_BPKHE.flatten(-2)), weights_BSKH


class DecoderCrossAttention(CrossAttention):
    """Cross-attention of the local decoder: queries of bytes, keys and values of patch vectors.

    A byte attends to the ``K`` vectors of its decoder patch.
    """

    def forward(
        self, bytes_BSD: Tensor, patches_BPKD: Tensor, patch_BS: Tensor, impl: CrossImpl = "auto"
    ) -> tuple[Tensor, Tensor]:
        """Return new byte states ``[B, S, D]`` and attention weights ``[B, S, K, H]``.

        Args:
            bytes_BSD: byte states, from which queries are computed.
            patches_BPKD: patch vectors, from which keys and values are computed.
            patch_BS: index of the decoder patch of each byte.
            impl: ``gathered`` costs S x K; ``sdpa`` is the reference with a dense mask.
        """
        q_BSHE, k_BPKHE, v_BPKHE = self.project(bytes_BSD, patches_BPKD)
        read = _own_patch_attention if impl != "sdpa" else _dense_own_patch_attention
        out_BSHE, weights_BSKH = read(q_BSHE, k_BPKHE, v_BPKHE, patch_BS)
        return 2 * bytes_BSD + self.wo(out_BSHE.flatten(-2)), weights_BSKH

    def keys_values(self, patches_PKD: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scaled keys ``[P, H, E, K]`` and the values ``[P, H, K, E]`` of patches."""
        normed = self.cross_attn_norm_kv(patches_PKD)
        k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (self.wk(normed), self.wv(normed)))
        return k.permute(0, 2, 3, 1) * k.shape[-1] ** -0.5, v.transpose(1, 2)


def _rows_of(x_BP: Tensor, patch_BS: Tensor) -> Tensor:
    """Return the entry of the patch of each byte: ``[B, P, ...]`` to ``[B, S, ...]``.

    ``index_select`` copies whole vectors; ``gather`` would look up every number separately.
    """
    rows, count = x_BP.shape[:2]
    first_B = torch.arange(rows, device=patch_BS.device) * count
    index_BS = patch_BS + first_B[:, None]
    vectors = x_BP.flatten(0, 1).index_select(0, index_BS.flatten())
    return vectors.reshape(*patch_BS.shape, *x_BP.shape[2:])


def _segment_attention(
    q_BPKHE: Tensor, k_BSHE: Tensor, v_BSHE: Tensor, patch_BS: Tensor
) -> tuple[Tensor, Tensor]:
    """Attend by a softmax over the bytes of each patch; bytes of no patch get the weight 0."""
    rows, count, vectors, heads, width = q_BPKHE.shape
    read_BS = patch_BS < count
    own_BS = patch_BS.clamp(max=count - 1)
    score = (_rows_of(q_BPKHE, own_BS) * k_BSHE[:, :, None]).sum(-1) * width**-0.5
    score = score.masked_fill(~read_BS[:, :, None, None], float("-inf"))
    index = own_BS[:, :, None, None].expand_as(score)
    top = score.new_full((rows, count, vectors, heads), float("-inf"))
    top = top.scatter_reduce(1, index, score.detach(), "amax")
    weight = (score - top.gather(1, index)).exp()
    total = torch.zeros_like(top).scatter_add(1, index, weight)
    weight = weight / total.gather(1, index)
    weight = weight.masked_fill(~read_BS[:, :, None, None], 0.0)
    out = q_BPKHE.new_zeros(rows, count, vectors, heads, width)
    value = weight[..., None] * v_BSHE[:, :, None]
    out = out.scatter_add(1, index[..., None].expand_as(value), value)
    return out, weight


def _dense_segment_attention(
    q_BPKHE: Tensor, k_BSHE: Tensor, v_BSHE: Tensor, patch_BS: Tensor
) -> tuple[Tensor, Tensor]:
    """Attend to the bytes of each patch with a mask of patches x bytes; empty patches give 0."""
    rows, count, vectors, heads, width = q_BPKHE.shape
    member_BPS = patch_BS[:, None, :] == torch.arange(count, device=patch_BS.device)[:, None]
    mask = member_BPS.repeat_interleave(vectors, dim=1)[:, None]
    q = q_BPKHE.reshape(rows, count * vectors, heads, width).transpose(1, 2)
    k, v = k_BSHE.transpose(1, 2), v_BSHE.transpose(1, 2)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).nan_to_num()
    score = (q @ k.transpose(-1, -2) * width**-0.5).masked_fill(~mask, float("-inf"))
    weight = score.softmax(-1).nan_to_num().unflatten(2, (count, vectors)).sum(2)
    return out.transpose(1, 2).reshape(q_BPKHE.shape), weight.permute(0, 3, 2, 1)


def _own_patch_attention(
    q_BSHE: Tensor, k_BPKHE: Tensor, v_BPKHE: Tensor, patch_BS: Tensor
) -> tuple[Tensor, Tensor]:
    """Attend by a softmax over the ``K`` vectors of the patch of each byte."""
    k_BSKHE, v_BSKHE = _rows_of(k_BPKHE, patch_BS), _rows_of(v_BPKHE, patch_BS)
    score_BSKH = (q_BSHE[:, :, None] * k_BSKHE).sum(-1) * q_BSHE.shape[-1] ** -0.5
    weight_BSKH = score_BSKH.softmax(dim=2)
    return (weight_BSKH[..., None] * v_BSKHE).sum(2), weight_BSKH


def _dense_own_patch_attention(
    q_BSHE: Tensor, k_BPKHE: Tensor, v_BPKHE: Tensor, patch_BS: Tensor
) -> tuple[Tensor, Tensor]:
    """Attend to the vectors of the patch of each byte with a mask of bytes x patch vectors."""
    _, count, vectors, _, width = k_BPKHE.shape
    member_BSP = patch_BS[:, :, None] == torch.arange(count, device=patch_BS.device)
    mask = member_BSP.repeat_interleave(vectors, dim=2)[:, None]
    q = q_BSHE.transpose(1, 2)
    k, v = (x.flatten(1, 2).transpose(1, 2) for x in (k_BPKHE, v_BPKHE))
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    score = (q @ k.transpose(-1, -2) * width**-0.5).masked_fill(~mask, float("-inf"))
    weight = score.softmax(-1).unflatten(3, (count, vectors)).sum(3)
    return out.transpose(1, 2), weight.permute(0, 2, 3, 1)
