"""The Byte Latent Transformer (arXiv 2412.09871).

    bytes -> embeddings + hash n-grams -> local encoder -> patches -> global transformer
          -> local decoder -> next-byte logits

The model differs from an ordinary transformer in these points:

- hash n-gram embeddings are added to the embedding of the byte, without a division;
- cross-attention of the encoder has patches as queries, which are pooled and projected byte states,
  and the bytes of the patch as keys and values;
- a byte is predicted from the latest *complete* patch (:mod:`bytelatent.model.patch_indices`), so
  that no patch depends on a byte that is predicted from it;
- the residual of cross-attention counts twice (see :mod:`bytelatent.model.cross_attention`);
- local attention has a window of bytes and global attention includes all earlier patches; neither
  crosses the end of a document.

The model does not cut patches: the caller passes the patch lengths.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches, ``K`` vectors per patch, ``D`` local width,
``M`` width of a patch vector, ``G`` global width, ``V`` vocabulary, ``H`` heads.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, cast

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
    """Logits and intermediate results of one forward pass.

    Attributes:
        logits: next-byte logits ``[B, S, V]``; position ``i`` predicts token ``i + 1``.
        byte_states: output of the local encoder, ``[B, S, D]``.
        patch_inputs, patch_states: input ``[B, P, M]`` and output ``[B, P, G]`` of the global
            transformer.
        encoder_weights, decoder_weights: cross-attention weights of each layer with
            cross-attention, ``[B, S, K, H]``. In the encoder the queries are the ``K`` vectors of
            the encoder patch of a byte, and the key is the byte. In the decoder the query is the
            byte, and the keys are the ``K`` vectors of its decoder patch.
        encoder_patch, decoder_patch: index of the patch that contains a byte, and of the patch that
            the next byte is predicted from, ``[B, S]`` each.
        hash_ids: bucket of each hash n-gram, one tensor ``[B, S]`` for each table.
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
        """Return a copy with all results per byte moved by ``by_B`` bytes in each row.

        :func:`bytelatent.model.padding.rolled` moves the bytes.
        """
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
    """Global transformer, which runs once per patch, with an input projection if widths differ."""

    def __init__(self, args: TransformerArgs, patch_width: int) -> None:
        super().__init__()
        self.args = args
        if patch_width != args.dim:
            self.token_embedding_projection = nn.Linear(patch_width, args.dim, bias=False)
        self.layers = nn.ModuleList(TransformerBlock(args) for _ in range(args.n_layers))

    def forward(self, patches_BPM: Tensor, documents_BP: Tensor, impl: AttentionImpl) -> Tensor:
        """Run the transformer over patch vectors: ``[B, P, M]`` to ``[B, P, G]``.

        Args:
            patches_BPM: patch vectors of the local encoder.
            documents_BP: document number of each patch.
            impl: implementation of attention; ``banded`` means ``sdpa`` here.
        """
        h_BPG = self.project_in(patches_BPM)
        count = h_BPG.shape[1]
        table = rotary_table(count, self.args.head_width, self.args.rope_theta, h_BPG.device)
        # Patches attend to all earlier patches: there is no band.
        plan = plan_attention(documents_BP, count, None, "sdpa" if impl == "banded" else impl)
        for layer in self.layers:
            h_BPG = layer(h_BPG, table, plan)
        return h_BPG

    def project_in(self, patches_PM: Tensor) -> Tensor:
        """Project patch vectors to the width of the transformer: ``[..., M]`` to ``[..., G]``."""
        if hasattr(self, "token_embedding_projection"):
            patches_PM = self.token_embedding_projection(patches_PM)
        return patches_PM


class ByteLatentTransformer(EmbedsBytes):
    """Byte Latent Transformer: next-byte logits of byte sequences with given patch lengths."""

    kind = BLT_KIND
    summary = "A Byte Latent Transformer (arXiv 2412.09871), which reads bytes in patches."
    shared: ClassVar[dict[str, str]] = {
        "local_decoder.output.weight": "local_encoder.tok_embeddings.weight"
    }
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
        """Return next-byte logits ``[B, S, V]``; :meth:`inspect` describes the arguments."""
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
        """Run the model once and return its logits with all intermediate results.

        Args:
            tokens_BS: ids that begin with BOS. Shorter rows are padded with PAD at their end or in
                front of BOS, which does not change the results of their other bytes; the results
                at PAD have no meaning.
            patch_lengths: lengths ``[B, ...]`` that sum to ``S + 1`` in every row, with zeros at
                the end (see :class:`bytelatent.patching.patcher.Patcher`). The first patch holds
                BOS and the PAD in front of it; PAD at the end may belong to any patch.
            ngram_ids: ids ``[B, S]`` for each n-gram table; None if the model has no such table.
            impl, cross_impl: implementation of self-attention and of cross-attention; all
                implementations give the same result.

        Raises:
            ValueError: the ids, the patch lengths or the n-gram ids do not fit the model.
        """
        check_tokens(tokens_BS, self.args.vocab_size)
        padding_B = leading_padding(tokens_BS)
        layout = PatchLayout.from_lengths(patch_lengths, tokens_BS.shape[1], padding_B)
        if padding_B is None:
            return self._inspect(tokens_BS, layout, ngram_ids, impl, cross_impl)
        tokens_BS = rolled(tokens_BS, padding_B)
        ngram_ids = [rolled(ids_BS, padding_B) for ids_BS in ngram_ids or ()]
        output = self._inspect(tokens_BS, layout, ngram_ids, impl, cross_impl)
        return output.rolled(-padding_B)

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

        if _attention_settings(args.decoder) != _attention_settings(args.encoder):
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
        """Initialise all weights by the rules of :mod:`bytelatent.model.init`.

        Args:
            generator: source of random numbers; by default one with the seed of the settings.
        """
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
        """Return the byte embedding table of the local encoder."""
        return self.local_encoder.tok_embeddings

    def ngram_tables(self) -> nn.ModuleList:
        """Return the hash n-gram tables, whose rows have the width of the local encoder."""
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
        """Return the logits ``[..., V]`` of byte states ``[..., D]`` of the local decoder."""
        if self.args.weight_tying:
            return h_BSD @ self.local_encoder.tok_embeddings.weight.T
        logits_BSV: Tensor = self.local_decoder.output(h_BSD)
        return logits_BSV


def _attention_settings(local: LocalArgs) -> tuple[object, ...]:
    """Return the settings that the rotary table and the plan of a local model depend on."""
    return local.window, local.head_width, local.rope_theta


def _local_attention(
    local: LocalArgs, documents_BS: Tensor, impl: AttentionImpl
) -> tuple[Tensor, Plan]:
    """Return the rotary table and the attention plan of a local model."""
    size = documents_BS.shape[1]
    table = rotary_table(size, local.head_width, local.rope_theta, documents_BS.device)
    return table, plan_attention(documents_BS, size, local.window, impl)
