"""KV cache of one row in numpy; its arrays are inputs of an ONNX graph.

The KV cache of the torch backend is :mod:`bytelatent.generation.torch_backend.kv_cache`.

Legend: ``L`` layers, ``G`` key/value heads, ``N = 2 G``, ``T`` slots, ``S`` new positions, ``E``
head width, ``C = E / 2``, ``M = L * N``.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bytelatent.runtime.onnx_format import StackShape

FIRST_SLOTS = 64
"""Number of slots of a new cache; it doubles whenever they are full, up to the window."""

Floats = NDArray[np.float32]


class NumpyKVCache:
    """KV cache of one row in one transformer: rotated keys, and values, of every layer.

    With a window the cache is a ring buffer of at most that many slots. Positions are counted from
    the beginning of the document.

    Args:
        shape: dimensions of the transformer blocks.

    Attributes:
        count: number of positions of the current document so far; the next position has this
            number.
    """

    def __init__(self, shape: StackShape) -> None:
        self.shape = shape
        self.count = 0
        first = FIRST_SLOTS if shape.window is None else min(FIRST_SLOTS, shape.window)
        self._set_store(self._empty(first))
        self._saved_at = 0
        self._saved_LNSE: Floats | None = None

    def inputs(self, size: int) -> dict[str, NDArray[np.generic]]:
        """Return the inputs of a graph that runs over the next ``size`` positions.

        They are the rotary factors, the attention mask, and the keys and values of every layer.
        Keys and values share memory with the cache.
        """
        slots = self._store_LNTE.shape[2]
        cos, sin = _rotary_factors(self.shape.head_width, self.shape.rope_theta, self.count, size)
        split = np.array((slots, size))
        return {"cos": cos, "sin": sin, "mask": self._mask(size), "split": split, **self._parts}

    def copy(self) -> "NumpyKVCache":
        """Return an independent copy of the cache."""
        other = NumpyKVCache.__new__(NumpyKVCache)
        other.shape, other.count = self.shape, self.count
        other._set_store(self._store_LNTE.copy())
        other._saved_at, other._saved_LNSE = 0, None
        return other

    def take(self, new_MSE: Floats) -> None:
        """Add the keys and values of the next positions, ``[M, S, E]``, which the graph returns."""
        size, window = new_MSE.shape[1], self.shape.window
        new_LNSE = new_MSE.reshape(self.shape.layers, -1, size, self.shape.head_width)
        self._make_room(size)
        if size == 1:
            self._store_LNTE[:, :, self._slot(self.count)] = new_LNSE[:, :, 0]
        else:
            stored = size if window is None else min(size, window)
            slots = self._slots(self.count + size - stored, stored)
            self._store_LNTE[:, :, slots] = new_LNSE[:, :, size - stored :]
        self.count += size

    def checkpoint(self, size: int) -> None:
        """Save the slots that the next ``size`` positions overwrite, for :meth:`rollback`."""
        self._make_room(size)
        window = self.shape.window
        self._saved_at, self._saved_LNSE = self.count, None
        if window is not None and self.count + size > window:
            self._saved_LNSE = self._store_LNTE[:, :, self._slots(self.count, size)]

    def rollback(self, count: int) -> None:
        """Remove the positions from ``count`` on; they must have come after :meth:`checkpoint`."""
        size, self.count = self.count - count, count
        if self._saved_LNSE is not None and size:
            first = count - self._saved_at
            old_LNSE = self._saved_LNSE[:, :, first : first + size]
            self._store_LNTE[:, :, self._slots(count, size)] = old_LNSE

    def reset(self) -> None:
        """Empty the cache, because a document has ended."""
        self.count = 0

    def _mask(self, size: int) -> Floats:
        """Return the mask ``[S, T + S]``: -inf where a new position does not attend, else 0."""
        slots, window = self._store_LNTE.shape[2], self.shape.window
        if size == 1:
            mask_1T = np.zeros((1, slots + 1), dtype=np.float32)
            mask_1T[0, min(self.count, slots) : slots] = -np.inf
            # The new position does not see the oldest slot, which it will overwrite.
            if window is not None and self.count >= window:
                mask_1T[0, self.count % window] = -np.inf
            return mask_1T
        position_T = np.arange(slots)
        last = self.count - 1
        position_T = last - (last - position_T) % slots if self.count > slots else position_T
        new_S = np.arange(self.count, self.count + size)
        distance_ST = new_S[:, None] - np.concatenate([position_T, new_S])
        hidden_ST = distance_ST < 0
        hidden_ST[:, min(self.count, slots) : slots] = True
        if window is not None:
            hidden_ST |= distance_ST >= window
        return np.where(hidden_ST, np.float32(-np.inf), np.float32(0))

    def _make_room(self, more: int) -> None:
        slots, window = self._store_LNTE.shape[2], self.shape.window
        needed = self.count + more if window is None else min(self.count + more, window)
        if needed <= slots:
            return
        while slots < needed:
            slots *= 2
        grown = self._empty(slots if window is None else min(slots, window))
        grown[:, :, : self.count] = self._store_LNTE[:, :, : self.count]
        self._set_store(grown)

    def _empty(self, slots: int) -> Floats:
        # Zeros instead of uninitialised memory: masked slots must be finite.
        shape = self.shape
        return np.zeros((shape.layers, 2 * shape.kv_heads, slots, shape.head_width), np.float32)

    def _set_store(self, store_LNTE: Floats) -> None:
        self._store_LNTE, kv_heads = store_LNTE, self.shape.kv_heads
        self._parts: dict[str, NDArray[np.generic]] = {}
        for layer, both_NTE in enumerate(store_LNTE):
            self._parts[f"keys_{layer}"] = both_NTE[:kv_heads]
            self._parts[f"values_{layer}"] = both_NTE[kv_heads:]

    def _slot(self, position: int) -> int:
        return position if self.shape.window is None else position % self.shape.window

    def _slots(self, first: int, size: int) -> NDArray[np.int64]:
        slots_S = np.arange(first, first + size)
        return slots_S if self.shape.window is None else slots_S % self.shape.window


@lru_cache(maxsize=64)  # stacks with the same head width share positions
def _rotary_factors(width: int, theta: float, first: int, size: int) -> tuple[Floats, Floats]:
    """Return exact cosines and sines of ``size`` positions from ``first`` on, ``[1, S, C]``."""
    pair_C = np.arange(0, width, 2, dtype=np.float64)
    position_S = np.arange(first, first + size, dtype=np.float64)
    angle_SC = position_S[:, None] * theta ** (-pair_C / width)
    return np.cos(angle_SC).astype(np.float32)[None], np.sin(angle_SC).astype(np.float32)[None]
