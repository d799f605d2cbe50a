"""Cache of the model's outputs for the beginnings of recent texts, for texts that grow by typing.

A text is measured in chunks that begin at fixed positions. The output for a chunk therefore depends
only on the bytes up to its end, and is identical whether it comes from the cache or not.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bytelatent.runtime.entropy_graph import Reading
from bytelatent.runtime.scores import top

OUTPUTS = 1600
"""Default number of outputs that are kept: those of three texts of 64 KiB in chunks of 128 bytes.

A text that has more chunks than are kept would push out its own beginning, and would be measured
anew at every key. An output takes 14 KB for a chunk of 128 bytes.
"""

STATES = 8
"""Default number of states that are kept.

A state takes 4 MB for a window of 512 bytes, 4 layers and a width of 256.
"""

KEPT_TOP = 16
"""Largest number of most likely tokens of a position that are kept."""


@dataclass(frozen=True)
class Output:
    """Output of the model for one chunk of ``C`` tokens, without what no text needs again.

    Attributes:
        entropies: entropies of the predictions after each token in nats, ``[C]``.
        log_p: log probabilities of the tokens that follow inside the chunk, ``[C - 1]``.
        last_log_p: log probabilities of all tokens after the last token, ``[V]``.
        top_ids, top_probabilities: most likely tokens after each token and their probabilities,
            ``[C, k]``, in descending order.
    """

    entropies: NDArray[np.float32]
    log_p: NDArray[np.float32]
    last_log_p: NDArray[np.float32]
    top_ids: NDArray[np.uint16]
    top_probabilities: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        tokens: NDArray[np.int64],
        log_p: NDArray[np.float32],
        entropies: NDArray[np.float32],
        top_k: int,
    ) -> Self:
        """Return the output for ``tokens`` with log probabilities ``[C, V]`` of what follows."""
        ids, probabilities = top(log_p, min(max(top_k, KEPT_TOP), log_p.shape[1]))
        inside = log_p[np.arange(len(tokens) - 1), tokens[1:]]
        return cls(entropies, inside, log_p[-1].copy(), ids.astype(np.uint16), probabilities)

    def log_p_of(self, following: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the log probabilities of the tokens after each token, as far as there are any.

        Args:
            following: ``C`` tokens, or ``C - 1`` if the text ends with the chunk.
        """
        after = self.last_log_p[following[len(self.log_p) :]]
        return np.concatenate([self.log_p, after])


class Known(NamedTuple):
    """What is cached of a text.

    Attributes:
        outputs: outputs of the first chunks, as many as need not be run.
        state: state of the model after them; None at the beginning, and if all chunks are cached.
            It must be copied before it is advanced.
        common: number of first chunks whose outputs are cached, with or without a state.
    """

    outputs: list[Output]
    state: Reading | None
    common: int


class Prefixes:
    """Cache of the most recently used chunks; it may be used by several threads.

    Args:
        outputs: number of outputs to keep.
        states: number of states of the model at the end of a chunk to keep.
    """

    def __init__(self, *, outputs: int = OUTPUTS, states: int = STATES) -> None:
        self._lock = threading.Lock()
        self._outputs: OrderedDict[bytes, Output] = OrderedDict()
        self._states: OrderedDict[bytes, Reading] = OrderedDict()
        self._limits = outputs, states

    def known(self, keys: Sequence[bytes]) -> Known:
        """Return cached outputs of the first chunks of a text, and the state after them.

        The outputs cover all chunks (then the state is None), or as many chunks as a state is
        cached for.
        """
        with self._lock:
            outputs = []
            for key in keys:
                if key not in self._outputs:
                    break
                self._outputs.move_to_end(key)
                outputs.append(self._outputs[key])
            common = len(outputs)
            if common == len(keys):
                return Known(outputs, None, common)
            while outputs:
                key = keys[len(outputs) - 1]
                if key in self._states:
                    self._states.move_to_end(key)
                    return Known(outputs, self._states[key], common)
                outputs.pop()
            return Known([], None, common)

    def keep(self, key: bytes, output: Output, state: Reading | None) -> None:
        """Add a chunk to the cache.

        Args:
            key: key of the chunk (:func:`chunk_keys`).
            output: output of the model for the chunk.
            state: state of the model after the chunk, which must not be advanced; None if the
                next chunk cannot begin there.
        """
        with self._lock:
            self._outputs[key] = output
            self._outputs.move_to_end(key)
            if state is not None:
                self._states[key] = state
                self._states.move_to_end(key)
            while len(self._outputs) > self._limits[0]:
                self._outputs.popitem(last=False)
            while len(self._states) > self._limits[1]:
                self._states.popitem(last=False)


def chunk_keys(tokens: NDArray[np.int64], chunk: int) -> list[bytes]:
    """Return a key for every chunk, computed from its tokens and all tokens before it."""
    digest, keys = hashlib.blake2b(str(chunk).encode(), digest_size=16), []
    for first in range(0, len(tokens), chunk):
        digest.update(tokens[first : first + chunk].tobytes())
        keys.append(digest.digest())
    return keys
