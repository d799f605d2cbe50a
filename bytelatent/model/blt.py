"""The Byte Latent Transformer (arXiv 2412.09871), in reading order.

    bytes -> embeddings + hash n-grams -> local encoder -> patches -> global transformer
          -> local decoder -> next-byte logits

What is particular about it:

- hash n-gram embeddings are summed onto the byte's own, without a division;
- patches read their bytes by cross-attention from pooled and projected queries;
- a byte is predicted from the latest *complete* patch (:mod:`bytelatent.model.patch_indices`), so
  that no patch holds anything of a byte that is to be predicted from it;
- residuals around cross-attention count twice (see :mod:`bytelatent.model.cross_attention`);
- local attention sees a window of bytes, global attention all patches, none of them another
  document.

The model cuts no patches: the caller gives their lengths.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches, ``K`` vectors per patch, ``D`` local width,
``M`` width of a patch vector, ``G`` global width, ``V`` vocabulary, ``H`` heads.
"""

from dataclasses import dataclass, replace
from typing import cast

from torch import Generator, Tensor, nn

from bytelatent.architecture.args import TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs
from bytelatent.formats.released_blt import BLT_KIND
from bytelatent.model.attention import AttentionImpl, Plan, document_numbers, plan_attention
from bytelatent.model.cross_attention import CrossImpl
from bytelatent.model.embedding import EmbedsBytes, hash_tables
from bytelatent.model.init import init_block, init_rest
from bytelatent.model.layers import TransformerBlock, check_tokens, rotary_table
from bytelatent.model.local import LocalDecoder, LocalEncoder
from bytelatent.model.padding import leading_padding, rolled
from bytelatent.model.patch_indices import PatchLayout, patch_documents


@dataclass(frozen=True)
class BltOutput:
    """Everything a person may want to see of one pass.

    Attributes:
        logits: ``[B, S, V]``; position ``i`` predicts token ``i + 1``.
        byte_states: the encoder's ``[B, S, D]``.
        patch_inputs, patch_states: before and after the global transformer, ``[B, P, M]`` and
            ``[B, P, G]``.
        encoder_weights, decoder_weights: cross-attention of each layer that has it,
            ``[B, S, K, H]``: how much the ``K`` vectors of a byte's encoder patch look at the
            byte, and how much the byte looks at the ``K`` vectors of its decoder patch.
        encoder_patch, decoder_patch: patch that a byte is read into and predicted from ``[B, S]``.
        hash_ids: bucket of each n-gram, one ``[B, S]`` per table.
    """

    logits: Tensor
    byte_states: Tensor
    patch_inputs: Tensor
    patch_states: Tensor
    encoder_weights: list[Tensor]
    decoder_weights: list[Tensor]
    encoder_patch: Tensor
    decoder_patch: Tensor
    hash_ids: list[Tensor]

    def rolled(self, by_B: Tensor) -> "BltOutput":
        """What belongs to bytes moved by :func:`bytelatent.model.padding.rolled`."""
        return replace(
            self,
            logits=rolled(self.logits, by_B),
            byte_states=rolled(self.byte_states, by_B),
            encoder_weights=[rolled(weight_BSKH, by_B) for weight_BSKH in self.encoder_weights],
            decoder_weights=[rolled(weight_BSKH, by_B) for weight_BSKH in self.decoder_weights],
            encoder_patch=rolled(self.encoder_patch, by_B),
            decoder_patch=rolled(self.decoder_patch, by_B),
            hash_ids=[rolled(ids_BS, by_B) for ids_BS in self.hash_ids],
        )


class GlobalTransformer(nn.Module):
    """The large transformer, once per patch; a projection stands before it if widths differ."""

    def __init__(self, args: TransformerArgs, patch_width: int) -> None:
        super().__init__()
        self.args = args
        if patch_width != args.dim:
            self.token_embedding_projection = nn.Linear(patch_width, args.dim, bias=False)
        self.layers = nn.ModuleList(TransformerBlock(args) for _ in range(args.n_layers))

    def forward(self, patches_BPM: Tensor, documents_BP: Tensor, impl: AttentionImpl) -> Tensor:
        """``[B, P, M]`` to ``[B, P, G]``."""
        h_BPG = self.project_in(patches_BPM)
        count = h_BPG.shape[1]
        table = rotary_table(count, self.args.head_width, self.args.rope_theta, h_BPG.device)
        # Patches see all before them: there is no band.
        plan = plan_attention(documents_BP, count, None, "sdpa" if impl == "banded" else impl)
        for layer in self.layers:
            h_BPG = layer(h_BPG, table, plan)
        return h_BPG

    def project_in(self, patches_PM: Tensor) -> Tensor:
        """Patch vectors ``[..., M]`` as wide as the transformer, ``[..., G]``."""
        if hasattr(self, "token_embedding_projection"):
            patches_PM = self.token_embedding_projection(patches_PM)
        return patches_PM


class ByteLatentTransformer(EmbedsBytes):
    """Next-byte logits of byte sequences that have been cut into patches."""

    kind = BLT_KIND
    summary = "A Byte Latent Transformer (arXiv 2412.09871), which reads bytes in patches."
    args: ByteLatentTransformerArgs

    def __init__(self, args: ByteLatentTransformerArgs) -> None:
        super().__init__(args)
        dim = args.encoder.dim
        self.encoder_hash_tok_embedding = hash_tables(args.hashes, dim)
        self.encoder_ngram_embedding = nn.ModuleList(
            nn.Embedding(rows, dim) for rows in args.ngram_vocab_sizes.values()
        )
        self.local_encoder = LocalEncoder(args)
        self.global_transformer = GlobalTransformer(args.global_model, args.patch_width)
        self.local_decoder = LocalDecoder(args)

    def forward(
        self,
        tokens_BS: Tensor,
        patch_lengths: Tensor,
        ngram_ids: list[Tensor] | None = None,
        *,
        impl: AttentionImpl = "auto",
        cross_impl: CrossImpl = "auto",
    ) -> Tensor:
        """Logits ``[B, S, V]``; see :meth:`inspect` for the arguments."""
        return self.inspect(
            tokens_BS, patch_lengths, ngram_ids, impl=impl, cross_impl=cross_impl
        ).logits

    def inspect(
        self,
        tokens_BS: Tensor,
        patch_lengths: Tensor,
        ngram_ids: list[Tensor] | None = None,
        *,
        impl: AttentionImpl = "auto",
        cross_impl: CrossImpl = "auto",
    ) -> BltOutput:
        """One pass with all it computed.

        Args:
            tokens_BS: ids, BOS first. Shorter rows are filled up with PAD at their end or in front
                of BOS, which changes nothing for their other bytes; the rows of results that belong
                to PAD mean nothing.
            patch_lengths: lengths ``[B, ...]`` that sum to ``S + 1`` in every row, zeros at the
                end (see :class:`bytelatent.patching.patcher.Patcher`). The first patch holds BOS
                and the PAD in front of it; PAD at the end may be cut in any way.
            ngram_ids: ids ``[B, S]`` for each n-gram table, if the model has any.
            impl, cross_impl: how attention is computed; changes no result.

        Raises:
            ValueError: ids or lengths that the model cannot run on.
        """
        check_tokens(tokens_BS, self.args.vocab_size)
        padding_B = leading_padding(tokens_BS)
        layout = PatchLayout.from_lengths(patch_lengths, tokens_BS.shape[1], padding_B)
        if padding_B is None:
            return self._inspect(tokens_BS, layout, ngram_ids, impl, cross_impl)
        tokens_BS = rolled(tokens_BS, padding_B)
        ngram_ids = [rolled(ids_BS, padding_B) for ids_BS in ngram_ids or ()]
        seen = self._inspect(tokens_BS, layout, ngram_ids, impl, cross_impl)
        return seen.rolled(-padding_B)

    def _inspect(
        self,
        tokens_BS: Tensor,
        layout: PatchLayout,
        ngram_ids: list[Tensor] | None,
        impl: AttentionImpl,
        cross_impl: CrossImpl,
    ) -> BltOutput:
        args = self.args
        hash_ids = self.hash_ids(tokens_BS)
        embedded_BSD = self._embed(tokens_BS, hash_ids, ngram_ids)
        documents_BS = document_numbers(tokens_BS, args.eos_id)
        table, plan = _local_attention(args.encoder, documents_BS, impl)
        encoded = self.local_encoder(embedded_BSD, layout, table, plan, cross_impl)

        documents_BP = patch_documents(tokens_BS, layout, args.eos_id)
        patches_BPG = self.global_transformer(encoded.patches_BPM, documents_BP, impl)

        if _sees(args.decoder) != _sees(args.encoder):
            table, plan = _local_attention(args.decoder, documents_BS, impl)
        h_BSD, decoder_weights = self.local_decoder(
            encoded.bytes_BSD, patches_BPG, layout, table, plan, cross_impl
        )
        return BltOutput(
            logits=self.output(h_BSD),
            byte_states=encoded.bytes_BSD,
            patch_inputs=encoded.patches_BPM,
            patch_states=patches_BPG,
            encoder_weights=encoded.weights,
            decoder_weights=decoder_weights,
            encoder_patch=layout.encoder_BS,
            decoder_patch=layout.decoder_BS,
            hash_ids=hash_ids,
        )

    def init_weights(self, generator: Generator | None = None) -> None:
        """Fresh weights by the laws of :mod:`bytelatent.model.init`; seeded by the args."""
        if generator is None:
            device = self.local_encoder.tok_embeddings.weight.device
            generator = Generator(device).manual_seed(self.args.seed)
        args = self.args
        init_rest(self, args.encoder.init_base_std, generator)
        parts = (
            (self.local_encoder, args.encoder),
            (self.global_transformer, args.global_model),
            (self.local_decoder, args.decoder),
        )
        for part, shape in parts:
            for number, layer in enumerate(part.layers):
                init_block(cast(TransformerBlock, layer), shape, number, generator)

    def byte_table(self) -> nn.Embedding:
        """That of the local encoder."""
        return self.local_encoder.tok_embeddings

    def ngram_tables(self) -> nn.ModuleList:
        """Of the local width."""
        return self.encoder_hash_tok_embedding

    def _embed(
        self, tokens_BS: Tensor, hash_ids: list[Tensor], ngram_ids: list[Tensor] | None
    ) -> Tensor:
        if len(ngram_ids or ()) != len(self.encoder_ngram_embedding):
            raise ValueError(
                f"ngram_ids: {len(ngram_ids or ())} given, the model has "
                f"{len(self.encoder_ngram_embedding)} n-gram tables"
            )
        h_BSD = self.embedded(tokens_BS, hash_ids)
        for table, ids in zip(self.encoder_ngram_embedding, ngram_ids or (), strict=True):
            h_BSD = h_BSD + table(ids)
        return h_BSD

    def output(self, h_BSD: Tensor) -> Tensor:
        """Logits ``[..., V]`` of the decoder's byte states."""
        if self.args.weight_tying:
            return h_BSD @ self.local_encoder.tok_embeddings.weight.T
        logits_BSV: Tensor = self.local_decoder.output(h_BSD)
        return logits_BSV


def _sees(local: LocalArgs) -> tuple[object, ...]:
    """What the attention of a local model depends on, weights apart."""
    return local.window, local.head_width, local.rope_theta


def _local_attention(
    local: LocalArgs, documents_BS: Tensor, impl: AttentionImpl
) -> tuple[Tensor, Plan]:
    """Rotary table and plan of a local model."""
    size = documents_BS.shape[1]
    table = rotary_table(size, local.head_width, local.rope_theta, documents_BS.device)
    return table, plan_attention(documents_BS, size, local.window, impl)
