"""Cache of the model's outputs for the beginnings of recent texts, for texts that grow by typing.

A text is measured in chunks that begin at fixed positions. The output for a chunk therefore depends
only on the bytes up to its end, and is identical whether it comes from the cache or not.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytelatent.runtime.entropy_graph import Reading

OUTPUTS = 64
"""Default number of outputs that are kept."""

STATES = 4
"""Default number of states that are kept.

A state takes 4 MB for a window of 512 bytes, 4 layers and a width of 256.
"""


@dataclass(frozen=True)
class Output:
    """Output of the model for one chunk of ``C`` tokens.

    Attributes:
        log_p: log probabilities of the token after each token, ``[C, V]``.
        entropies: entropies of these predictions in nats, ``[C]``.
    """

    log_p: NDArray[np.float32]
    entropies: NDArray[np.float32]


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

    def known(self, keys: Sequence[bytes]) -> tuple[list[Output], Reading | None]:
        """Return cached outputs of the first chunks of a text, and the state after them.

        The outputs cover all chunks (then the state is None), or as many chunks as a state is
        cached for. The caller must copy the state before it advances it.
        """
        with self._lock:
            outputs = []
            for key in keys:
                if key not in self._outputs:
                    break
                self._outputs.move_to_end(key)
                outputs.append(self._outputs[key])
            if len(outputs) == len(keys):
                return outputs, None
            while outputs:
                key = keys[len(outputs) - 1]
                if key in self._states:
                    self._states.move_to_end(key)
                    return outputs, self._states[key]
                outputs.pop()
            return [], None

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
            if state is not None:
                self._states[key] = state
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
