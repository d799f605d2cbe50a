"""Beginnings of recent texts and what a model made of them, for somebody who types the next byte.

A text is measured by chunks that begin at fixed places, so what a chunk gives depends on the bytes
up to its end alone, and is the same to the last bit whether it was known or not.
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
STATES = 4
"""A state is 4 MB for a window of 512 bytes, 4 layers and a width of 256."""


@dataclass(frozen=True)
class Output:
    """Of one chunk of ``C`` tokens.

    Attributes:
        log_p: of what follows each token ``[C, V]``.
        entropies: nats ``[C]``.
    """

    log_p: NDArray[np.float32]
    entropies: NDArray[np.float32]


class Prefixes:
    """The chunks used last; safe for many threads.

    Args:
        outputs: how many to keep.
        states: likewise, of what the model remembers at the end of a chunk.
    """

    def __init__(self, *, outputs: int = OUTPUTS, states: int = STATES) -> None:
        self._lock = threading.Lock()
        self._outputs: OrderedDict[bytes, Output] = OrderedDict()
        self._states: OrderedDict[bytes, Reading] = OrderedDict()
        self._limits = outputs, states

    def known(self, keys: Sequence[bytes]) -> tuple[list[Output], Reading | None]:
        """Outputs of the first chunks of a text, and the model after them, not to be advanced.

        They are all of its chunks (and no state), or as many as a state is known after.
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
        """Remember a chunk; ``state``, which nobody advances, only if the next can begin there."""
        with self._lock:
            self._outputs[key] = output
            if state is not None:
                self._states[key] = state
            while len(self._outputs) > self._limits[0]:
                self._outputs.popitem(last=False)
            while len(self._states) > self._limits[1]:
                self._states.popitem(last=False)


def chunk_keys(tokens: NDArray[np.int64], chunk: int) -> list[bytes]:
    """A key for every chunk: of its tokens and all before them."""
    digest, keys = hashlib.blake2b(str(chunk).encode(), digest_size=16), []
    for first in range(0, len(tokens), chunk):
        digest.update(tokens[first : first + chunk].tobytes())
        keys.append(digest.digest())
    return keys
