"""What is kept of a row between its bytes, and what a person may look at.

Legend: ``S`` bytes, ``R`` layers that patches read, ``D`` local width, ``F`` numbers that bytes
read of a patch, ``V`` vocabulary, ``M`` bytes of a patch, ``N`` hash tables, ``X`` layers of the
decoder with cross-attention, ``K`` vectors per patch, ``H`` heads.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.generation.boundaries import BoundaryState
from bytelatent.runtime.numpy_kv_cache import Floats, KVCache


class OpenPatch:
    """States of the bytes of the patch that is not complete, after each layer that patches read.

    Attributes:
        size: bytes so far.
        ends_document: whether one of them is an end of document.
    """

    def __init__(self, layers: int, dim: int) -> None:
        self.size = 0
        self.ends_document = False
        self._read_RMD = np.empty((layers, 16, dim), dtype=np.float32)

    def add(self, read_RSD: Floats) -> None:
        """Take in the next bytes."""
        end = self.size + read_RSD.shape[1]
        if end > self._read_RMD.shape[1]:
            layers, _, dim = read_RSD.shape
            grown = np.empty((layers, 2 * end, dim), dtype=np.float32)
            grown[:, : self.size] = self.states()
            self._read_RMD = grown
        self._read_RMD[:, self.size : end] = read_RSD
        self.size = end

    def states(self) -> Floats:
        """``[R, S, D]`` of all bytes."""
        return self._read_RMD[:, : self.size]

    def keep(self, begin: int, end: int) -> None:
        """Leave only the bytes from ``begin`` to ``end``."""
        self.size = end - begin
        if begin:
            self._read_RMD[:, : self.size] = self._read_RMD[:, begin:end]


@dataclass
class Row:
    """All that a row's next byte depends on.

    Attributes:
        recent: the last ids, as many as the longest n-gram has.
        boundary: what the patching rule remembers.
        entropy_cache: None where the rule needs no entropies.
        open_patch: the patch that bytes are read into.
        latent: ``[F]`` of the patch that bytes are predicted from; None before the first byte.
        entropy: nats of the prediction of the next byte; None where the rule needs none.
        starts: whether the next byte starts a patch.
        logits_V: of the next byte.
    """

    recent: deque[int]
    entropy_cache: KVCache | None
    encoder_cache: KVCache
    global_cache: KVCache
    decoder_cache: KVCache
    open_patch: OpenPatch
    latent: Any = None
    logits_V: Any = None
    boundary: BoundaryState = field(default_factory=BoundaryState)
    entropy: float | None = None
    starts: bool = False


@dataclass
class Seen:
    """What :meth:`StepModel.advance` adds to while it runs, for a person to look at.

    Attributes:
        entropies: nats, of every byte; empty where the rule needs none.
        closes: whether a patch ends with the byte.
        hashes: buckets ``[S, N]``.
        logits: ``[S, V]``.
        encoder_weights: ``[R, M, K, H]`` of every complete patch; none without cross-attention.
        decoder_weights: ``[X, S, K, H]``; none without cross-attention.
    """

    entropies: list[float | None] = field(default_factory=list)
    closes: list[bool] = field(default_factory=list)
    hashes: list[NDArray[np.int64]] = field(default_factory=list)
    logits: list[Floats] = field(default_factory=list)
    encoder_weights: list[Floats] = field(default_factory=list)
    decoder_weights: list[Floats] = field(default_factory=list)
