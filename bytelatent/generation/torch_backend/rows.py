"""State of a row between its bytes, for the torch backend.

Legend: ``S`` bytes, ``D`` local width, ``V`` vocabulary.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from bytelatent.generation.torch_backend.kv_cache import TorchKVCache
from bytelatent.patching.rules import BoundaryState

FIRST_BYTES = 16
"""Number of bytes that a new open patch has room for; it doubles whenever it is full."""


class TorchOpenPatch:
    """Encoder states of the bytes of the open patch, after each layer whose states patches use.

    Args:
        like: a tensor whose last dimension ``D``, precision and device the states get.
        layers: number of encoder layers whose states patches use.

    Attributes:
        size: number of bytes in the open patch.
        ends_document: whether one of these bytes is an end-of-document token (EOS).
        kept: buffer of each layer, ``[.., D]``; the first ``size`` rows are in use.
    """

    def __init__(self, like: Tensor, layers: int) -> None:
        self.size = 0
        self.ends_document = False
        # Zeros instead of uninitialised memory: masked slots must be finite.
        self.kept = [like.new_zeros(FIRST_BYTES, like.shape[-1]) for _ in range(layers)]

    def make_room(self, more: int = 1) -> None:
        """Enlarge the buffers, if necessary, so that ``more`` further bytes fit."""
        slots = self.kept[0].shape[0]
        if self.size + more <= slots:
            return
        while slots < self.size + more:
            slots *= 2
        for number, kept_SD in enumerate(self.kept):
            grown_SD = kept_SD.new_zeros(slots, kept_SD.shape[1])
            grown_SD[: self.size] = kept_SD[: self.size]
            self.kept[number] = grown_SD

    def fill(self, states: Sequence[Tensor]) -> None:
        """Replace the content by the states ``[S, D]`` of each layer, which may overlap with it."""
        # Copied first, because source and target may overlap.
        states = [h_SD.clone() for h_SD in states]
        self.size = 0
        self.make_room(states[0].shape[0])
        self.size = states[0].shape[0]
        for kept_SD, h_SD in zip(self.kept, states, strict=True):
            kept_SD[: self.size] = h_SD

    def add(self, states: Sequence[Tensor]) -> None:
        """Append the state ``[D]`` of the next byte after each layer."""
        self.make_room()
        for kept_SD, h_D in zip(self.kept, states, strict=True):
            kept_SD[self.size].copy_(h_D)
        self.size += 1

    def states(self) -> list[Tensor]:
        """Return the states of all bytes, ``[S, D]`` for each layer."""
        return [kept_SD[: self.size] for kept_SD in self.kept]

    def clear(self) -> None:
        """Empty the open patch, so that the next patch begins."""
        self.size, self.ends_document = 0, False


@dataclass
class Latent:
    """Output of the global transformer for a complete patch, in the form that the decoder needs.

    Attributes:
        vector: projected latent ``[D]``; it is added to byte states if the decoder has no
            cross-attention.
        keys_values: keys and values for every layer with cross-attention.
    """

    vector: Tensor
    keys_values: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def tensors(self) -> list[Tensor]:
        """Return all tensors of the latent as one list."""
        return [self.vector, *(part for pair in self.keys_values for part in pair)]

    def take(self, other: "Latent") -> None:
        """Copy the values of ``other`` into the tensors of this latent."""
        for target, source in zip(self.tensors(), other.tensors(), strict=True):
            target.copy_(source)


@dataclass(eq=False)
class RowBuffers:
    """KV caches and open patch of one row.

    Attributes:
        entropy_cache: KV cache of the entropy model; None if the rule uses no entropy model.
        encoder_cache, global_cache, decoder_cache: KV caches of the three transformers of the BLT.
        open_patch: the patch that has not ended yet.
    """

    entropy_cache: TorchKVCache | None
    encoder_cache: TorchKVCache
    global_cache: TorchKVCache
    decoder_cache: TorchKVCache
    open_patch: TorchOpenPatch

    def clear(self) -> None:
        """Empty the caches and the open patch, for a new row."""
        caches = (self.entropy_cache, self.encoder_cache, self.global_cache, self.decoder_cache)
        for cache in caches:
            if cache is not None:
                cache.reset()
        self.open_patch.clear()


@dataclass(eq=False)
class TorchRow:
    """State of one row: everything that the prediction of its next byte depends on.

    Attributes:
        recent: the last token ids of the row, as many as the longest n-gram has bytes.
        room: KV caches and open patch of the row.
        boundary: state of the patching rule.
        latent: latent of the latest complete patch, from which the decoder predicts bytes.
        entropy: entropy in nats of the entropy model's prediction of the next byte; None if the
            patching rule uses no entropy model.
        starts: whether the next byte starts a patch.
        logits_V: logits of the next byte, ``[V]``.
        global_steps: number of patches that the global transformer has run on since the prompt.
    """

    recent: deque[int]
    room: RowBuffers
    latent: Latent
    logits_V: Tensor
    boundary: BoundaryState = field(default_factory=BoundaryState)
    entropy: float | None = None
    starts: bool = False
    global_steps: int = 0

    @property
    def entropy_cache(self) -> TorchKVCache | None:
        """KV cache of the entropy model, one entry per byte; None if the rule needs no entropy."""
        return self.room.entropy_cache

    @property
    def encoder_cache(self) -> TorchKVCache:
        """KV cache of the local encoder, one entry per byte."""
        return self.room.encoder_cache

    @property
    def global_cache(self) -> TorchKVCache:
        """KV cache of the global transformer, one entry per complete patch."""
        return self.room.global_cache

    @property
    def decoder_cache(self) -> TorchKVCache:
        """KV cache of the local decoder, one entry per byte."""
        return self.room.decoder_cache

    @property
    def open_patch(self) -> TorchOpenPatch:
        """The patch that has not ended yet, with the encoder states of its bytes."""
        return self.room.open_patch
