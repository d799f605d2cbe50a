"""What is kept of a row between its bytes.

Legend: ``S`` bytes, ``D`` local width, ``V`` vocabulary.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from bytelatent.generation.boundaries import BoundaryState
from bytelatent.generation.torch_backend.kv_cache import KVCache

FIRST_BYTES = 16
"""Bytes of a patch that there is room for at first; it doubles when they are full."""


class OpenPatch:
    """States of the bytes of the patch that is not complete, after each layer that patches read.

    Args:
        like: has their width ``D`` as its last dimension, their precision and device.
        layers: that patches read.

    Attributes:
        size: bytes so far.
        ends_document: whether one of them is an end of document.
        kept: ``[.., D]`` of each layer, of which the first ``size`` are in use.
    """

    def __init__(self, like: Tensor, layers: int) -> None:
        self.size = 0
        self.ends_document = False
        # Zeros, not whatever was in memory: masked places must be finite.
        self.kept = [like.new_zeros(FIRST_BYTES, like.shape[-1]) for _ in range(layers)]

    def make_room(self, more: int = 1) -> None:
        """See to it that ``more`` bytes fit."""
        places = self.kept[0].shape[0]
        if self.size + more <= places:
            return
        while places < self.size + more:
            places *= 2
        for number, kept_SD in enumerate(self.kept):
            grown_SD = kept_SD.new_zeros(places, kept_SD.shape[1])
            grown_SD[: self.size] = kept_SD[: self.size]
            self.kept[number] = grown_SD

    def fill(self, states: Sequence[Tensor]) -> None:
        """Begin with the states ``[S, D]`` of each layer, which may be some of those kept here."""
        # Copied first: they may overlap with where they go.
        states = [h_SD.clone() for h_SD in states]
        self.size = 0
        self.make_room(states[0].shape[0])
        self.size = states[0].shape[0]
        for kept_SD, h_SD in zip(self.kept, states, strict=True):
            kept_SD[: self.size] = h_SD

    def add(self, states: Sequence[Tensor]) -> None:
        """Take in the state ``[D]`` of the next byte after each layer."""
        self.make_room()
        for kept_SD, h_D in zip(self.kept, states, strict=True):
            kept_SD[self.size].copy_(h_D)
        self.size += 1

    def states(self) -> list[Tensor]:
        """``[S, D]`` of each layer."""
        return [kept_SD[: self.size] for kept_SD in self.kept]

    def clear(self) -> None:
        """Begin the next patch."""
        self.size, self.ends_document = 0, False


@dataclass
class Latent:
    """What bytes read of the latest complete patch.

    Attributes:
        vector: ``[D]``, added to bytes where the decoder has no cross-attention.
        offers: keys and values of every layer with cross-attention.
    """

    vector: Tensor
    offers: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def tensors(self) -> list[Tensor]:
        """All of them."""
        return [self.vector, *(part for keys_values in self.offers for part in keys_values)]

    def take(self, other: "Latent") -> None:
        """Become a copy of ``other``."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs)


@dataclass(eq=False)
class Room:
    """Where a row's past stands.

    Attributes:
        entropy_cache: None where the rule needs no entropies.
        encoder_cache, global_cache, decoder_cache: of the stacks of the BLT.
        open_patch: what bytes are read into.
    """

    entropy_cache: KVCache | None
    encoder_cache: KVCache
    global_cache: KVCache
    decoder_cache: KVCache
    open_patch: OpenPatch

    def clear(self) -> None:
        """Make it a new row's."""
        caches = (self.entropy_cache, self.encoder_cache, self.global_cache, self.decoder_cache)
        for cache in caches:
            if cache is not None:
                cache.reset()
        self.open_patch.clear()


@dataclass(eq=False)
class Row:
    """All that a row's next byte depends on.

    Attributes:
        recent: the last ids, as many as the longest n-gram has.
        room: the row's past in the caches.
        boundary: what the patching rule remembers.
        latent: the patch that bytes are predicted from.
        entropy: nats of the prediction of the next byte; None where the rule needs none.
        starts: whether the next byte starts a patch.
        logits_V: of the next byte.
        global_steps: patches that the global transformer has run on since the prompt.
    """

    recent: deque[int]
    room: Room
    latent: Latent
    logits_V: Tensor
    boundary: BoundaryState = field(default_factory=BoundaryState)
    entropy: float | None = None
    starts: bool = False
    global_steps: int = 0

    @property
    def entropy_cache(self) -> KVCache | None:
        """None where the rule needs no entropies."""
        return self.room.entropy_cache

    @property
    def encoder_cache(self) -> KVCache:
        """Of bytes."""
        return self.room.encoder_cache

    @property
    def global_cache(self) -> KVCache:
        """Of patches."""
        return self.room.global_cache

    @property
    def decoder_cache(self) -> KVCache:
        """Of bytes."""
        return self.room.decoder_cache

    @property
    def open_patch(self) -> OpenPatch:
        """The patch that bytes are read into."""
        return self.room.open_patch
