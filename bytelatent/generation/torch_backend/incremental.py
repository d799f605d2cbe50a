"""Generation with KV caches: the result of ``forward``, byte by byte, without recomputation.

Every byte takes one step of the entropy model, the local encoder and the local decoder. A byte that
completes a patch also takes pooling, the cross-attention of the encoder and one step of the global
transformer:

    byte x -> entropy model: entropy of the prediction after x; does the next byte start a patch?
           -> encoder: state of x, stored until its patch is complete
           -> if the next byte starts a patch: patch vector -> global transformer -> latent
           -> decoder: x attends to the latent of the latest complete patch -> next-byte logits

Legend: ``R`` rows that advance, ``S`` bytes, ``D`` local width, ``G`` global width, ``K`` vectors
per patch, ``V`` vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor

from bytelatent.generation.boundaries import Boundaries
from bytelatent.generation.torch_backend.matrices import Weights, matrix_of
from bytelatent.generation.torch_backend.packed_weights import (
    CrossKeysValues,
    CrossStep,
    normed_product,
)
from bytelatent.generation.torch_backend.rows import Latent, RowBuffers, TorchOpenPatch, TorchRow
from bytelatent.generation.torch_backend.stack import Stack, Step
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.cross_attention import DecoderCrossAttention
from bytelatent.patching.entropies import entropy
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.transformer import LMTransformer


class Incremental:
    """A BLT, its entropy model and its patching rule, for steps of one byte per row.

    The weights are copied to another layout
    (:class:`~bytelatent.generation.torch_backend.stack.Stack`): create a new object after the
    weights have changed.

    Args:
        blt, entropy_model, patcher_args: as for ``torch_backend.engine.Engine``.
        weights: storage of the weights; see ``torch_backend.matrices.matrix_of``.

    Raises:
        ValueError: the patching rule cannot be decided byte by byte or needs an entropy model that
            is missing, the two models have different vocabularies, the BLT has n-gram tables, or
            its weights cannot be stored as ``weights`` says.
    """

    def __init__(
        self,
        blt: ByteLatentTransformer,
        entropy_model: LMTransformer | None,
        patcher_args: PatcherArgs,
        weights: Weights = "native",
    ) -> None:
        self.boundaries = Boundaries(patcher_args)
        self.blt, self.args = blt, blt.args
        self.entropy_model = entropy_model if self.boundaries.needs_entropy else None
        _check(blt, entropy_model, self.boundaries)
        args = blt.args
        encoder, decoder = blt.local_encoder.layers, blt.local_decoder.layers
        self.encoder = Stack(args.encoder, encoder, args.encoder.window, weights)
        self.decoder = Stack(args.decoder, decoder, args.decoder.window, weights)
        globals_ = blt.global_transformer.layers
        self.globals = Stack(args.global_model, globals_, None, weights)
        self.entropies: Stack | None = None
        if self.entropy_model is not None:
            lm = self.entropy_model
            self.entropies = Stack(lm.args, lm.layers, lm.args.window, weights)
            head = lm.tok_embeddings if lm.args.weight_tying else lm.output
            self.entropy_output = normed_product(lm.norm, head, weights)
        local = blt.local_decoder
        crosses = cast(list[DecoderCrossAttention], getattr(local, "cross_attn_layers", []))
        self.crosses = [CrossStep(cross, weights) for cross in crosses]
        self._keys_values = CrossKeysValues(crosses, weights)
        projection = getattr(local, "patch_embedding_projection", None)
        self._project_in: Callable[[Tensor], Tensor] = lambda patch_1G: patch_1G
        if projection is not None:
            self._project_in = matrix_of(projection.weight, weights)
        head = blt.local_encoder.tok_embeddings if args.weight_tying else local.output
        self.output = normed_product(local.norm, head, weights)
        self.read_layers = args.encoder.cross_layers or [args.encoder.n_layers - 1]
        measuring = 1 if self.entropy_model is None else self.entropy_model.longest_ngram
        self.longest_ngram = max(blt.longest_ngram, measuring)

    def room(self) -> RowBuffers:
        """Return empty KV caches and an empty open patch for a new row."""
        like_D = self.encoder.like.new_empty(self.args.encoder.dim)
        return RowBuffers(
            entropy_cache=None if self.entropies is None else self.entropies.cache(),
            encoder_cache=self.encoder.cache(),
            global_cache=self.globals.cache(),
            decoder_cache=self.decoder.cache(),
            open_patch=TorchOpenPatch(like_D, len(self.read_layers)),
        )

    def seat(self, row: TorchRow) -> None:
        """Register a row that uses caches from :meth:`room`; a subclass may need this."""

    @torch.inference_mode()
    def step(self, rows: Sequence[TorchRow], tokens: Sequence[int]) -> Tensor:
        """Advance each row by its next token; return the logits of the token after it, ``[R, V]``.

        Args:
            rows: rows from ``torch_backend.prefill.prefill``; they are changed.
            tokens: the next token id of each row.

        Raises:
            ValueError: a patch has more bytes than the model can concatenate.
        """
        for row, token in zip(rows, tokens, strict=True):
            self.take(row, token)
        self._measure(rows, tokens)
        for row, token in zip(rows, tokens, strict=True):
            row.starts = self.boundaries.push(row.boundary, token, row.entropy)
            row.open_patch.ends_document |= token == self.args.eos_id
        bytes_RD = self.encode(rows)
        closing = [row for row in rows if row.starts]
        if closing:
            self._close(closing)
        logits_RV = self.predict(rows, bytes_RD)
        for number, (row, token) in enumerate(zip(rows, tokens, strict=True)):
            row.logits_V = logits_RV[number]
            if token == self.args.eos_id:
                row.encoder_cache.reset()
                row.decoder_cache.reset()
        return logits_RV

    def take(self, row: TorchRow, token: int) -> None:
        """Append ``token`` to the recent ids of a row, before any model runs over it."""
        row.recent.append(token)

    @staticmethod
    def kept(h: Tensor) -> Tensor:
        """Return ``h``, an output of a step, in memory that the next step does not overwrite."""
        return h

    def latent(self, patch_G: Tensor) -> Latent:
        """Compute the latent that the decoder needs from the state ``[G]`` of a patch."""
        vector = self._project_in(patch_G[None])[0]
        return Latent(vector, self._keys_values(vector.view(-1, self.args.decoder.dim)))

    def _measure(self, rows: Sequence[TorchRow], tokens: Sequence[int]) -> None:
        """Set the entropy of each row to that of the prediction after its token."""
        if self.entropy_model is None:
            return
        args = self.entropy_model.args
        for row, token, nats in zip(rows, tokens, self._nats(rows), strict=True):
            row.entropy = nats
            if args.separates_documents and token == args.eos_id and row.entropy_cache is not None:
                row.entropy_cache.reset()

    def _nats(self, rows: Sequence[TorchRow]) -> list[float]:
        """Run one step of the entropy model over the newest byte of each row."""
        lm = self.entropy_model
        assert lm is not None and self.entropies is not None
        caches = [row.entropy_cache for row in rows if row.entropy_cache is not None]
        h_RD = torch.stack([lm.embed_next(row.recent) for row in rows])
        h_RD = self.entropies.step(h_RD, caches)
        entropies: list[float] = entropy(self.entropy_output(h_RD)).tolist()
        return entropies

    def encode(self, rows: Sequence[TorchRow]) -> Tensor:
        """Encode the newest bytes and add their states to the open patches; return ``[R, D]``."""
        step = self.encoder.begin([row.encoder_cache for row in rows])
        h_RD = torch.stack([self.blt.embed_next(row.recent) for row in rows])
        h_RD, states = self.encoded(h_RD, step)
        for number, row in enumerate(rows):
            row.open_patch.add([h_RD[number] for h_RD in states])
        return h_RD

    def encoded(self, h_RD: Tensor, step: Step) -> tuple[Tensor, list[Tensor]]:
        """Run the encoder over embedded bytes.

        Returns:
            The states ``[R, D]`` after the last layer, and those after each layer whose states the
            patches use.
        """
        states = []
        for number in range(self.args.encoder.n_layers):
            h_RD = self.encoder.run(number, h_RD, step)
            if number in self.read_layers:
                states.append(h_RD)
        return h_RD, states

    def _close(self, rows: Sequence[TorchRow]) -> None:
        """Complete the open patch of each row."""
        for row, latent in zip(rows, self._latents(rows), strict=True):
            row.latent = latent
            if row.open_patch.ends_document:
                row.global_cache.reset()
            row.open_patch.clear()
            row.global_steps += 1

    def _latents(self, rows: Sequence[TorchRow]) -> list[Latent]:
        """Run pooling, cross-attention and the global transformer over each open patch."""
        patches = [self.blt.local_encoder.read_patch(row.open_patch.states()) for row in rows]
        h_RG = self.blt.global_transformer.project_in(torch.cat(patches))
        h_RG = self.globals.step(h_RG, [row.global_cache for row in rows])
        return [self.latent(h_G) for h_G in h_RG.unbind(0)]

    def predict(self, rows: Sequence[TorchRow], bytes_RD: Tensor) -> Tensor:
        """Return logits ``[R, V]`` after the bytes of the latest call of :meth:`encode`."""
        step = self.decoder.begin([row.decoder_cache for row in rows])
        return self.decode(bytes_RD, [row.latent for row in rows], step)

    def decode(self, h_RD: Tensor, latents: Sequence[Latent], step: Step) -> Tensor:
        """Run the decoder over states, each with its latent; return logits ``[R, V]``."""
        cross_layers = self.args.decoder.cross_layers
        if not cross_layers:
            h_RD = h_RD + torch.stack([latent.vector for latent in latents])
        for number in range(self.args.decoder.n_layers):
            if number in cross_layers:
                index = cross_layers.index(number)
                keys_values = [latent.keys_values[index] for latent in latents]
                keys, values = (
                    parts[0] if len(parts) == 1 else torch.cat(parts)
                    for parts in zip(*keys_values, strict=True)
                )
                h_RD = self.crosses[index](h_RD, keys, values)
            h_RD = self.decoder.run(number, h_RD, step)
        return self.output(h_RD)


def _check(
    blt: ByteLatentTransformer, entropy_model: LMTransformer | None, boundaries: Boundaries
) -> None:
    if boundaries.needs_entropy and entropy_model is None:
        raise ValueError(
            f"patching mode {boundaries.mode.value!r} needs an entropy model; give one, or a mode "
            "that looks at bytes alone"
        )
    if blt.args.ngram_vocab_sizes:
        raise ValueError(
            f"ngram_vocab_sizes {blt.args.ngram_vocab_sizes}: the ids of n-gram tables come from "
            "outside the model, so it cannot generate; hash n-grams can"
        )
    if boundaries.needs_entropy and entropy_model is not None:
        blt_size, entropy_size = blt.args.vocab_size, entropy_model.args.vocab_size
        if blt_size != entropy_size:
            raise ValueError(
                f"vocab_size: the entropy model has {entropy_size}, the BLT {blt_size}; "
                "they must be equal"
            )
    if blt.training and blt.args.dropout:
        raise ValueError(f"dropout {blt.args.dropout} is active; call eval() before generating")
