"""The local models: the encoder computes patch vectors, the decoder computes next-byte logits.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches, ``K`` vectors per patch, ``D`` local width,
``M`` width of a patch vector, ``V`` vocabulary, ``H`` heads.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.model.attention import Plan
from bytelatent.model.cross_attention import CrossImpl, DecoderCrossAttention, EncoderCrossAttention
from bytelatent.model.layers import TransformerBlock
from bytelatent.model.patch_indices import PatchLayout, concatenate, first_bytes, pool


class Encoded(NamedTuple):
    """Output of the local encoder.

    Attributes:
        bytes_BSD: byte states, the input of the local decoder.
        patches_BPM: one vector per patch, the input of the global transformer.
        weights: cross-attention weights ``[B, S, K, H]`` of each layer with cross-attention.
    """

    bytes_BSD: Tensor
    patches_BPM: Tensor
    weights: list[Tensor]


class LocalEncoder(nn.Module):
    """Local encoder: byte embeddings to byte states and patch vectors (paper, section 3.2)."""

    def __init__(self, args: ByteLatentTransformerArgs) -> None:
        super().__init__()
        self.args, local = args, args.encoder
        self.tok_embeddings = nn.Embedding(args.vocab_size, local.dim)
        self.dropout = nn.Dropout(args.dropout)
        self.layers = nn.ModuleList(TransformerBlock(local) for _ in range(local.n_layers))
        if local.cross_layers:
            self.patch_embedding_projection = nn.Linear(local.dim, args.patch_width, bias=False)
            self.cross_attn_layers = nn.ModuleList(
                EncoderCrossAttention(local.dim, args.cross_heads, local.norm_eps)
                for _ in local.cross_layers
            )

    def forward(
        self,
        embedded_BSD: Tensor,
        layout: PatchLayout,
        table: Tensor,
        plan: Plan,
        impl: CrossImpl = "auto",
    ) -> Encoded:
        """Run the layers and cross-attention from patches to their bytes.

        The patch vectors are pooled once, after the first layer with cross-attention; the output of
        each cross-attention layer is the query of the next.

        Args:
            embedded_BSD: byte embeddings.
            layout: patch of every byte.
            table: rotary table.
            plan: attention plan.
            impl: implementation of cross-attention.
        """
        h_BSD = self.dropout(embedded_BSD)
        patches_BPKD: Tensor | None = None
        weights = []
        cross = iter(getattr(self, "cross_attn_layers", ()))
        for number, layer in enumerate(self.layers):
            h_BSD = layer(h_BSD, table, plan)
            if self.args.encoder.has_cross_attention(number):
                if patches_BPKD is None:
                    patches_BPKD = self._projected(self._pooled(h_BSD, layout))
                patches_BPKD, weight_BSKH = next(cross)(
                    patches_BPKD, h_BSD, layout.encoder_BS, impl
                )
                weights.append(weight_BSKH)
        if patches_BPKD is None:
            return Encoded(h_BSD, self._pooled(h_BSD, layout), weights)
        return Encoded(h_BSD, patches_BPKD.flatten(2), weights)

    def read_patch(self, states: list[Tensor], size_1: Tensor | None = None) -> Tensor:
        """Compute the vector ``[1, M]`` of one patch; the result equals that of ``forward``.

        Args:
            states: states ``[S, D]`` of the bytes of the patch, one tensor for each layer with
                cross-attention; the output of the last layer if no layer has cross-attention.
            size_1: number of bytes that belong to the patch, at least 1, as a tensor; the others
                follow them and are ignored. By default all bytes belong to the patch. The host
                does not wait for the value.

        Raises:
            ValueError: byte states are concatenated and the patch has too many bytes. With
                ``size_1`` the caller must check the length.
        """
        length, device = states[0].shape[0], states[0].device
        own_1S = torch.zeros(1, length, dtype=torch.int64, device=device)
        if size_1 is not None:
            # Bytes after the patch get the index 1 and are ignored.
            own_1S = (torch.arange(length, device=device) >= size_1).long()[None]
        layout = PatchLayout(own_1S, own_1S, 1)
        if self.args.patch_bytes is not None and size_1 is not None:
            pooled_11M = first_bytes(states[0], own_1S[0] == 0, self.args.patch_bytes)[None, None]
        else:
            pooled_11M = self._pooled(states[0][None], layout)
        if not self.args.encoder.cross_layers:
            return pooled_11M[0]
        patch_11KD = self._projected(pooled_11M)
        for cross, h_SD in zip(self.cross_attn_layers, states, strict=True):
            patch_11KD = cross(patch_11KD, h_SD[None], own_1S)[0]
        return patch_11KD.flatten(2)[0]

    def _projected(self, pooled_BPM: Tensor) -> Tensor:
        projected: Tensor = self.patch_embedding_projection(pooled_BPM)
        return projected.reshape(*projected.shape[:2], self.args.patch_vectors, -1)

    def _pooled(self, h_BSD: Tensor, layout: PatchLayout) -> Tensor:
        if self.args.patch_bytes is not None:
            return concatenate(h_BSD, layout, self.args.patch_bytes)
        parts = [pool(h_BSD, layout.encoder_BS, layout.count, how) for how in self.args.pooling]
        return torch.cat(parts, dim=-1)


class LocalDecoder(nn.Module):
    """Local decoder: byte states and patch states to next-byte logits (paper, section 3.3)."""

    def __init__(self, args: ByteLatentTransformerArgs) -> None:
        super().__init__()
        self.args, local = args, args.decoder
        self.dropout = nn.Dropout(args.dropout)
        self.layers = nn.ModuleList(TransformerBlock(local) for _ in range(local.n_layers))
        width = args.patch_vectors * local.dim if local.cross_layers else local.dim
        if local.cross_layers or width != args.global_model.dim:
            self.patch_embedding_projection = nn.Linear(args.global_model.dim, width, bias=False)
        if local.cross_layers:
            self.cross_attn_layers = nn.ModuleList(
                DecoderCrossAttention(local.dim, args.cross_heads, local.norm_eps)
                for _ in local.cross_layers
            )
        self.norm = nn.RMSNorm(local.dim, eps=local.norm_eps)
        if not args.weight_tying:
            self.output = nn.Linear(local.dim, args.vocab_size, bias=False)

    def forward(
        self,
        bytes_BSD: Tensor,
        patches_BPM: Tensor,
        layout: PatchLayout,
        table: Tensor,
        plan: Plan,
        impl: CrossImpl = "auto",
    ) -> tuple[Tensor, list[Tensor]]:
        """Return normed byte states ``[B, S, D]`` for the output layer, and attention weights.

        Args:
            bytes_BSD: byte states of the local encoder.
            patches_BPM: patch states of the global transformer, ``[B, P, G]``.
            layout: patch of every byte.
            table: rotary table.
            plan: attention plan.
            impl: implementation of cross-attention.

        Returns:
            The byte states, and the weights ``[B, S, K, H]`` of each layer with cross-attention.
        """
        h_BSD = self.dropout(bytes_BSD)
        patches_BPM = self.project_in(patches_BPM)
        patches_BPKD = patches_BPM.reshape(*patches_BPM.shape[:2], -1, h_BSD.shape[-1])
        weights: list[Tensor] = []
        if not self.args.decoder.cross_layers:
            index = layout.decoder_BS[..., None].expand(-1, -1, h_BSD.shape[-1])
            h_BSD = h_BSD + patches_BPM.gather(1, index)
        cross = iter(getattr(self, "cross_attn_layers", ()))
        for number, layer in enumerate(self.layers):
            if self.args.decoder.has_cross_attention(number):
                h_BSD, weight_BSKH = next(cross)(h_BSD, patches_BPKD, layout.decoder_BS, impl)
                weights.append(weight_BSKH)
            h_BSD = layer(h_BSD, table, plan)
        return self.norm(h_BSD), weights

    def project_in(self, patches_PG: Tensor) -> Tensor:
        """Project global patch states ``[..., G]`` to the width that cross-attention needs."""
        if hasattr(self, "patch_embedding_projection"):
            patches_PG = self.patch_embedding_projection(patches_PG)
        return patches_PG
