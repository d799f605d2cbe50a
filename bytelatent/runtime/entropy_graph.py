"""The graph of an entropy model: texts of any length, piece by piece.

Legend: ``S`` new bytes, ``V`` vocabulary, ``N`` hash tables.
"""

import sys
from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bytelatent.architecture.ngrams import next_buckets
from bytelatent.runtime.numpy_kv_cache import Floats, KVCache
from bytelatent.runtime.onnx_format import EntropyShape

PIECE = 128
"""Bytes that look back together: more of them waste work on what is masked, fewer waste calls."""


class Reading(Protocol):
    """A model in the middle of a text."""

    def advance(self, tokens_S: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Take in the next bytes: logits ``[S, V]`` and nats ``[S]`` after each."""
        ...

    def copy(self) -> Self:
        """Another one at the same place, which goes its own way."""
        ...


class EntropyGraph:
    """The graph of :data:`bytelatent.runtime.onnx_format.ENTROPY_GRAPH`.

    Args:
        session: the loaded graph.
        shape: what it says of its model.

    Attributes:
        longest_ngram: bytes that an embedding depends on, its own included.
        reach: bytes before a place that its entropy may depend on, at most.
    """

    def __init__(self, session: onnxruntime.InferenceSession, shape: EntropyShape) -> None:
        self.session, self.shape = session, shape
        self.longest_ngram = max(shape.hash_sizes, default=1)
        window, layers = shape.stack.window, shape.stack.layers
        self.reach = sys.maxsize if window is None else layers * window + self.longest_ngram

    def begin(self) -> "GraphReading":
        """In front of a text."""
        return GraphReading(self, KVCache(self.shape.stack), [])

    def run(
        self, cache: KVCache, tokens: Sequence[int], before: Sequence[int], *outputs: str
    ) -> list[Any]:
        """Run over the next bytes; ``cache`` takes them in.

        Args:
            cache: the past.
            tokens: ids; an end of document may only be the last.
            before: ids in front of them, as many as the longest n-gram has less one, or all.
            outputs: names of what to give.
        """
        shape, feed = self.shape, cache.inputs(len(tokens)) | {"tokens": np.array(tokens)}
        if shape.hash_sizes:
            feed["hashes"] = next_buckets(
                tokens, before, shape.hash_sizes, shape.hash_functions, shape.hash_buckets
            )
        found: list[Any] = self.session.run(["new", *outputs], feed)
        cache.take(found[0])
        return found[1:]


class GraphReading:
    """A text that a graph is in the middle of.

    Args:
        graph: runs.
        cache: of what came before.
        recent: the last ids.
    """

    def __init__(self, graph: EntropyGraph, cache: KVCache, recent: list[int]) -> None:
        self._graph, self._cache, self._recent = graph, cache, recent

    def advance(self, tokens_S: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """See :class:`Reading`."""
        tokens, parts = tokens_S.tolist(), []
        for first in range(0, len(tokens), PIECE):
            piece = tokens[first : first + PIECE]
            parts.append(self._graph.run(self._cache, piece, self._recent, "logits", "entropies"))
            whole = [*self._recent, *piece]
            self._recent = whole[max(0, len(whole) - self._graph.longest_ngram + 1) :]
        if len(parts) == 1:
            return parts[0][0], parts[0][1]
        logits, nats = zip(*parts, strict=True)
        return np.concatenate(logits), np.concatenate(nats)

    def copy(self) -> "GraphReading":
        """See :class:`Reading`."""
        return GraphReading(self._graph, self._cache.copy(), self._recent)
