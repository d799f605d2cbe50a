"""State of a row between its bytes, and internal values for display, in numpy.

Legend: ``S`` bytes, ``J`` encoder layers whose states patches use, ``D`` local width, ``F`` width
of a latent, ``V`` vocabulary, ``M`` bytes of a patch, ``N`` hash tables, ``X`` layers of the
decoder with cross-attention, ``K`` vectors per patch, ``H`` heads.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.patching.rules import BoundaryState
from bytelatent.runtime.numpy_kv_cache import Floats, NumpyKVCache


class NumpyOpenPatch:
    """Encoder states of the bytes of the open patch, after each layer whose states patches use.

    Args:
        layers: number of these layers, ``J``.
        dim: local width, ``D``.

    Attributes:
        size: number of bytes in the open patch.
        ends_document: whether one of these bytes is an end-of-document token (EOS).
    """

    def __init__(self, layers: int, dim: int) -> None:
        self.size = 0
        self.ends_document = False
        self._read_JMD = np.empty((layers, 16, dim), dtype=np.float32)

    def add(self, read_JSD: Floats) -> None:
        """Append the states of the next bytes, ``[J, S, D]``."""
        end = self.size + read_JSD.shape[1]
        if end > self._read_JMD.shape[1]:
            layers, _, dim = read_JSD.shape
            grown = np.empty((layers, 2 * end, dim), dtype=np.float32)
            grown[:, : self.size] = self.states()
            self._read_JMD = grown
        self._read_JMD[:, self.size : end] = read_JSD
        self.size = end

    def states(self) -> Floats:
        """Return the states of all bytes, ``[J, S, D]``."""
        return self._read_JMD[:, : self.size]

    def keep(self, begin: int, end: int) -> None:
        """Keep only the bytes ``begin`` to ``end`` (exclusive)."""
        self.size = end - begin
        if begin:
            self._read_JMD[:, : self.size] = self._read_JMD[:, begin:end]


@dataclass
class NumpyRow:
    """State of one row: everything that the prediction of its next byte depends on.

    Attributes:
        recent: the last token ids of the row, as many as the longest n-gram has bytes.
        boundary: state of the patching rule.
        entropy_cache: KV cache of the entropy model, one entry per byte; None if the rule uses no
            entropy model.
        encoder_cache, decoder_cache: KV caches of the local transformers, one entry per byte.
        global_cache: KV cache of the global transformer, one entry per complete patch.
        open_patch: the patch that has not ended yet.
        latent: latent ``[F]`` of the latest complete patch, from which the decoder predicts bytes;
            None before the first byte.
        entropy: entropy in nats of the entropy model's prediction of the next byte; None if the
            rule uses no entropy model.
        starts: whether the next byte starts a patch.
        logits_V: logits of the next byte, ``[V]``.
    """

    recent: deque[int]
    entropy_cache: NumpyKVCache | None
    encoder_cache: NumpyKVCache
    global_cache: NumpyKVCache
    decoder_cache: NumpyKVCache
    open_patch: NumpyOpenPatch
    latent: Any = None
    logits_V: Any = None
    boundary: BoundaryState = field(default_factory=BoundaryState)
    entropy: float | None = None
    starts: bool = False


@dataclass
class Seen:
    """Internal values that :meth:`StepModel.advance` collects for display.

    Attributes:
        entropies: entropy in nats of the prediction after each byte, or None.
        closes: whether a patch ends with each byte.
        hashes: buckets of the hash n-grams, ``[S, N]`` for each call.
        logits: logits ``[S, V]`` for each call.
        encoder_weights: cross-attention weights ``[J, M, K, H]`` of every complete patch; empty
            without cross-attention.
        decoder_weights: cross-attention weights ``[X, S, K, H]`` for each call; empty without
            cross-attention.
    """

    entropies: list[float | None] = field(default_factory=list)
    closes: list[bool] = field(default_factory=list)
    hashes: list[NDArray[np.int64]] = field(default_factory=list)
    logits: list[Floats] = field(default_factory=list)
    encoder_weights: list[Floats] = field(default_factory=list)
    decoder_weights: list[Floats] = field(default_factory=list)
