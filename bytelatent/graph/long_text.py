"""Measurement of a long text's entropies in parts that run in parallel.

An entropy depends on a bounded stretch of text before it, because each layer attends to a window.
Therefore a part that begins that much earlier gets the same entropies alone as in the whole text,
up to rounding.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from bytelatent.graph.mentions import Progress
from bytelatent.runtime.entropy_runtime import ByteAnalysis, EntropyRuntime
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer

CHUNK = 1024
"""Number of bytes per model call; larger calls are not faster."""
SMALLEST = 16_384
"""Minimum number of bytes of a part that gets its own thread."""


def analyse_in_parts(
    model: EntropyRuntime, data: bytes, progress: Progress, *, workers: int = 2
) -> ByteAnalysis:
    """Measure a text as ``model.analyse(data)`` does, without predictions, in parallel threads.

    Args:
        model: model loaded with one thread, because each worker occupies one core.
        data: any bytes.
        progress: called after every chunk, from any of the workers.
        workers: maximum number of threads.
    """
    count = min(workers, max(1, len(data) // SMALLEST))
    edges = [len(data) * part // count for part in range(count + 1)]
    spans = [(max(0, start - model.reach), start, end) for start, end in pairwise(edges)]
    done = _Done(len(data), sum(end - first for first, _, end in spans), progress)
    with ThreadPoolExecutor(count) as pool:
        analyses = list(
            pool.map(
                lambda span: model.analyse(data[span[0] : span[2]], chunk=CHUNK, between=done.add),
                spans,
            )
        )
    progress(len(data), len(data))
    entropies = [
        part.entropies[start - first : end - first]
        for part, (first, start, end) in zip(analyses, spans, strict=True)
    ]
    nats = [
        part.nats[start - first : end - first]
        for part, (first, start, end) in zip(analyses, spans, strict=True)
    ]
    tokens = np.array(BltTokenizer(add_bos=True, add_eos=False).encode_bytes(data), dtype=np.int64)
    none = np.zeros((len(tokens), 0))
    return ByteAnalysis(
        tokens=tokens,
        entropies=np.concatenate([*entropies, analyses[-1].entropies[-1:]]),
        nats=np.concatenate(nats),
        top_ids=none.astype(np.int64),
        top_probabilities=none.astype(np.float32),
    )


class _Done:
    """Progress counter of several threads, in bytes of the text."""

    def __init__(self, size: int, work: int, progress: Progress) -> None:
        self._size, self._work, self._progress = size, work, progress
        self._lock, self._done = threading.Lock(), 0

    def add(self) -> None:
        """Report the progress and count the chunk that starts."""
        with self._lock:
            self._progress(
                min(self._size * self._done // max(self._work, 1), self._size), self._size
            )
            self._done += CHUNK
