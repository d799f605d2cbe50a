"""The graph of an entropy model, for texts of any length in pieces.

Legend: ``R`` rows, ``S`` new bytes, ``V`` vocabulary, ``N`` hash tables.
"""

import sys
from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bytelatent.architecture.ngrams import last_buckets, next_buckets
from bytelatent.runtime.numpy_kv_batch import NumpyKVBatch
from bytelatent.runtime.numpy_kv_cache import Floats, NumpyKVCache
from bytelatent.runtime.onnx_format import EntropyShape
from bytelatent.runtime.sessions import Session

PIECE = 128
"""Number of bytes in one call.

With more bytes, more work is wasted on masked scores; with fewer bytes, there are more calls.
"""


class Reading(Protocol):
    """State of an entropy model at a position in a text."""

    def advance(self, tokens_S: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Run over the next bytes; return logits ``[S, V]`` and entropies ``[S]`` in nats."""
        ...

    def copy(self) -> Self:
        """Return an independent copy at the same position."""
        ...


class EntropyGraph:
    """The graph :data:`bytelatent.runtime.onnx_format.ENTROPY_GRAPH` of an entropy model.

    Args:
        session: the loaded graph.
        shape: dimensions of the model, from the metadata of the graph.

    Attributes:
        longest_ngram: number of bytes that an embedding depends on, its own byte included.
        reach: largest number of bytes before a position that its entropy may depend on.
    """

    def __init__(self, session: Session, shape: EntropyShape) -> None:
        self.session, self.shape = session, shape
        self.longest_ngram = max(shape.hash_sizes, default=1)
        window, layers = shape.stack.window, shape.stack.layers
        self.reach = sys.maxsize if window is None else layers * window + self.longest_ngram

    def begin(self) -> "GraphReading":
        """Return the state before the first byte of a text."""
        return GraphReading(self, NumpyKVCache(self.shape.stack), [])

    def begin_at(self, first: int, before: Sequence[int]) -> "GraphReading":
        """Return a state at position ``first`` of a text that does not know the bytes before it.

        Its outputs are those of a state that knows them from :attr:`reach` positions on, to the
        last bit if ``first`` is a multiple of the window.

        Args:
            first: position in the text.
            before: token ids that precede the position, as for :meth:`run`.
        """
        window = self.shape.stack.window
        assert window is not None
        cache = NumpyKVCache(self.shape.stack)
        cache.make_room(window)
        cache.count = first  # the slots hold zeros, which the first positions attend to
        return GraphReading(self, cache, list(before[max(0, first - self.longest_ngram + 1) :]))

    def run(
        self, cache: NumpyKVCache, tokens: Sequence[int], before: Sequence[int], *outputs: str
    ) -> list[Any]:
        """Run over the next bytes of a row and return the outputs named in ``outputs``.

        Args:
            cache: KV cache of the row, which takes in the bytes.
            tokens: token ids; an end of document may only be the last.
            before: token ids that precede them: all, or at least the length of the longest n-gram
                minus 1.
            outputs: names of the outputs to return.
        """
        shape, feed = self.shape, cache.inputs(len(tokens)) | {"tokens": np.array(tokens)}
        if shape.hash_sizes:
            feed["hashes"] = next_buckets(
                tokens, before, shape.hash_sizes, shape.hash_functions, shape.hash_buckets
            )
        results: list[Any] = self.session.run(["new", *outputs], feed)
        cache.take(results[0][0])
        return results[1:]

    def step(
        self, caches: Sequence[NumpyKVCache], tokens: Sequence[int], recent: Sequence[Sequence[int]]
    ) -> list[float]:
        """Run over the next byte of several rows; return the entropy in nats after each.

        Args:
            caches: KV cache of each row, which takes in the byte.
            tokens: the next token id of each row.
            recent: last token ids of each row, this token included: all, or at least the length of
                the longest n-gram.
        """
        shape, batch = self.shape, NumpyKVBatch.shared(caches)
        feed = batch.inputs(caches) | {"tokens": np.array(tokens)}
        if shape.hash_sizes:
            feed["hashes"] = last_buckets(
                recent, shape.hash_sizes, shape.hash_functions, shape.hash_buckets
            )
        nats_R, new = self.session.run(["entropies", "new"], feed)
        batch.take(caches, new)
        entropies: list[float] = nats_R.tolist()
        return entropies


class GraphReading:
    """State of an entropy graph at a position in a text.

    Args:
        graph: the graph.
        cache: KV cache of the bytes so far.
        recent: the last token ids.
    """

    def __init__(self, graph: EntropyGraph, cache: NumpyKVCache, recent: list[int]) -> None:
        self._graph, self._cache, self._recent = graph, cache, recent

    def advance(self, tokens_S: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Run over the next bytes; return logits ``[S, V]`` and entropies ``[S]`` in nats."""
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
        """Return an independent copy at the same position."""
        return GraphReading(self._graph, self._cache.copy(), self._recent)
