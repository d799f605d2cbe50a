"""The entropies of a long text, in parts that are measured at once.

An entropy depends on a bounded stretch of text before it: each layer looks back a window. So a part
that begins that much earlier, measured alone, has the entropies of the whole, up to rounding.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from bytelatent.runtime.entropy_runtime import ByteAnalysis, EntropyRuntime
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer

CHUNK = 1024
"""Bytes that the model runs at once; more is no faster."""
SMALLEST = 16_384
"""Bytes of the smallest part that is worth a thread."""

Progress = Callable[[int, int], None]
"""Told how many bytes are done, of how many."""


def analyse_in_parts(
    model: EntropyRuntime, data: bytes, progress: Progress, *, workers: int = 2
) -> ByteAnalysis:
    """What ``model.analyse(data)`` gives, without predictions.

    Args:
        model: loaded with one thread, to which each worker has a core.
        data: any bytes.
        progress: told after every chunk, by any of the workers.
        workers: threads.
    """
    count = min(workers, max(1, len(data) // SMALLEST))
    edges = [len(data) * part // count for part in range(count + 1)]
    spans = [(max(0, start - model.reach), start, end) for start, end in pairwise(edges)]
    done = _Done(len(data), sum(end - first for first, _, end in spans), progress)
    with ThreadPoolExecutor(count) as pool:
        found = list(
            pool.map(
                lambda span: model.analyse(data[span[0] : span[2]], chunk=CHUNK, between=done.add),
                spans,
            )
        )
    progress(len(data), len(data))
    entropies = [
        part.entropies[start - first : end - first]
        for part, (first, start, end) in zip(found, spans, strict=True)
    ]
    nats = [
        part.nats[start - first : end - first]
        for part, (first, start, end) in zip(found, spans, strict=True)
    ]
    tokens = np.array(BltTokenizer(add_bos=True, add_eos=False).encode_bytes(data), dtype=np.int64)
    none = np.zeros((len(tokens), 0))
    return ByteAnalysis(
        tokens=tokens,
        entropies=np.concatenate([*entropies, found[-1].entropies[-1:]]),
        nats=np.concatenate(nats),
        top_ids=none.astype(np.int64),
        top_probabilities=none.astype(np.float32),
    )


class _Done:
    """Counts chunks of several threads; tells of bytes of the text."""

    def __init__(self, size: int, work: int, progress: Progress) -> None:
        self._size, self._work, self._progress = size, work, progress
        self._lock, self._done = threading.Lock(), 0

    def add(self) -> None:
        """A chunk begins."""
        with self._lock:
            self._progress(
                min(self._size * self._done // max(self._work, 1), self._size), self._size
            )
            self._done += CHUNK
