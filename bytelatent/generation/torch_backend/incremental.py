"""The whole model one byte at a time: what ``forward`` gives, at a cost that no length changes.

For every byte one step of the entropy model, the local encoder and the local decoder; when a patch
closes, also pooling, the encoder's cross-attention and one step of the global transformer:

    byte x -> entropy model: how sure is the byte after x, so does it start a patch?
           -> encoder: state of x, kept until its patch closes
           -> if the next byte starts a patch, that of x is complete: patch vector -> global model
           -> decoder: x looks at the latest complete patch -> logits of the next byte

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
from bytelatent.generation.torch_backend.rows import Latent, OpenPatch, Room, Row
from bytelatent.generation.torch_backend.stack import Stack, Step
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.cross_attention import BytesReadPatches
from bytelatent.patching.entropies import entropy
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.transformer import LMTransformer


class Incremental:
    """A BLT, its entropy model and its patching rule, byte by byte.

    Weights are laid out anew for this (:class:`~bytelatent.generation.torch_backend.stack.Stack`):
    make another one when they have changed.

    Args:
        blt, entropy_model, patcher_args: as for ``torch_backend.engine.Engine``.
        weights: how they are kept; see ``torch_backend.matrices.matrix_of``.

    Raises:
        ValueError: the rule cannot be decided byte by byte or needs an entropy model that is not
            there, the two models have different vocabularies, the BLT has n-gram tables, or its
            weights cannot be kept that way.
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
        crosses = cast(list[BytesReadPatches], getattr(local, "cross_attn_layers", []))
        self.crosses = [CrossStep(cross, weights) for cross in crosses]
        self._offers = CrossKeysValues(crosses, weights)
        projection = getattr(local, "patch_embedding_projection", None)
        self._received: Callable[[Tensor], Tensor] = lambda patch_1G: patch_1G
        if projection is not None:
            self._received = matrix_of(projection.weight, weights)
        head = blt.local_encoder.tok_embeddings if args.weight_tying else local.output
        self.output = normed_product(local.norm, head, weights)
        self.read_layers = args.encoder.cross_layers or [args.encoder.n_layers - 1]
        measuring = 1 if self.entropy_model is None else self.entropy_model.longest_ngram
        self.longest_ngram = max(blt.longest_ngram, measuring)

    def room(self) -> Room:
        """Where a new row's past will stand; empty."""
        like_D = self.encoder.like.new_empty(self.args.encoder.dim)
        return Room(
            entropy_cache=None if self.entropies is None else self.entropies.cache(),
            encoder_cache=self.encoder.cache(),
            global_cache=self.globals.cache(),
            decoder_cache=self.decoder.cache(),
            open_patch=OpenPatch(like_D, len(self.read_layers)),
        )

    def seat(self, row: Row) -> None:
        """Hear of a row that has its room from here."""

    @torch.inference_mode()
    def step(self, rows: Sequence[Row], tokens: Sequence[int]) -> Tensor:
        """Give each row its next token; return the logits ``[R, V]`` of the one after it.

        Rows are as ``torch_backend.prefill.prefill`` makes them, and are changed.

        Raises:
            ValueError: a patch has more bytes than the model has room for side by side.
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

    def take(self, row: Row, token: int) -> None:
        """Let ``token`` be the newest of a row, before anything runs over it."""
        row.recent.append(token)

    @staticmethod
    def kept(h: Tensor) -> Tensor:
        """What a step gave, such that it outlasts the row's next one."""
        return h

    def latent(self, patch_G: Tensor) -> Latent:
        """What the decoder's layers need of a patch's state ``[G]``."""
        vector = self._received(patch_G[None])[0]
        return Latent(vector, self._offers(vector.view(-1, self.args.decoder.dim)))

    def _measure(self, rows: Sequence[Row], tokens: Sequence[int]) -> None:
        """Tell rows the entropy of what comes after ``tokens``."""
        if self.entropy_model is None:
            return
        args = self.entropy_model.args
        for row, token, nats in zip(rows, tokens, self._nats(rows), strict=True):
            row.entropy = nats
            if args.separates_documents and token == args.eos_id and row.entropy_cache is not None:
                row.entropy_cache.reset()

    def _nats(self, rows: Sequence[Row]) -> list[float]:
        """One step of the entropy model over the newest byte of each row."""
        lm = self.entropy_model
        assert lm is not None and self.entropies is not None
        caches = [row.entropy_cache for row in rows if row.entropy_cache is not None]
        h_RD = torch.stack([lm.embed_next(row.recent) for row in rows])
        h_RD = self.entropies.step(h_RD, caches)
        found: list[float] = entropy(self.entropy_output(h_RD)).tolist()
        return found

    def encode(self, rows: Sequence[Row]) -> Tensor:
        """States ``[R, D]`` of the newest bytes; those that the patch will read are kept."""
        step = self.encoder.begin([row.encoder_cache for row in rows])
        h_RD = torch.stack([self.blt.embed_next(row.recent) for row in rows])
        h_RD, states = self.encoded(h_RD, step)
        for number, row in enumerate(rows):
            row.open_patch.add([h_RD[number] for h_RD in states])
        return h_RD

    def encoded(self, h_RD: Tensor, step: Step) -> tuple[Tensor, list[Tensor]]:
        """States ``[R, D]`` of embedded bytes, and those after each layer that patches read."""
        states = []
        for number in range(self.args.encoder.n_layers):
            h_RD = self.encoder.run(number, h_RD, step)
            if number in self.read_layers:
                states.append(h_RD)
        return h_RD, states

    def _close(self, rows: Sequence[Row]) -> None:
        """Complete the open patch of each row."""
        for row, latent in zip(rows, self._latents(rows), strict=True):
            row.latent = latent
            if row.open_patch.ends_document:
                row.global_cache.reset()
            row.open_patch.clear()
            row.global_steps += 1

    def _latents(self, rows: Sequence[Row]) -> list[Latent]:
        """Pooling, cross-attention and the global transformer for the open patch of each row."""
        patches = [self.blt.local_encoder.read_patch(row.open_patch.states()) for row in rows]
        h_RG = self.blt.global_transformer.project_in(torch.cat(patches))
        h_RG = self.globals.step(h_RG, [row.global_cache for row in rows])
        return [self.latent(h_G) for h_G in h_RG.unbind(0)]

    def predict(self, rows: Sequence[Row], bytes_RD: Tensor) -> Tensor:
        """Logits ``[R, V]`` after the bytes that :meth:`encode` has just given."""
        step = self.decoder.begin([row.decoder_cache for row in rows])
        return self.decode(bytes_RD, [row.latent for row in rows], step)

    def decode(self, h_RD: Tensor, latents: Sequence[Latent], step: Step) -> Tensor:
        """Logits ``[R, V]`` of bytes that are predicted from ``latents``."""
        cross_layers = self.args.decoder.cross_layers
        if not cross_layers:
            h_RD = h_RD + torch.stack([latent.vector for latent in latents])
        for number in range(self.args.decoder.n_layers):
            if number in cross_layers:
                at = cross_layers.index(number)
                offers = [latent.offers[at] for latent in latents]
                keys, values = (
                    parts[0] if len(parts) == 1 else torch.cat(parts)
                    for parts in zip(*offers, strict=True)
                )
                h_RD = self.crosses[at](h_RD, keys, values)
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
        ours, theirs = blt.args.vocab_size, entropy_model.args.vocab_size
        if ours != theirs:
            raise ValueError(
                f"vocab_size: the entropy model has {theirs}, the BLT {ours}; they must be equal"
            )
    if blt.training and blt.args.dropout:
        raise ValueError(f"dropout {blt.args.dropout} is active; call eval() before generating")
