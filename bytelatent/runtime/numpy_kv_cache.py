"""KV cache of one row in numpy; its arrays are inputs of an ONNX graph.

The KV cache of the torch backend is :mod:`bytelatent.generation.torch_backend.kv_cache`.

Legend: ``L`` layers, ``G`` key/value heads, ``T`` slots, ``S`` new positions, ``E`` head width, ``C
= E / 2``, ``M = L * 2 G``; ``2`` stands for keys and values.
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
        store_L2GTE: keys and values of every layer.
        batch: the batch of rows in whose array the store lies, if it lies in one
            (:class:`.numpy_kv_batch.NumpyKVBatch`).
    """

    def __init__(self, shape: StackShape) -> None:
        self.shape = shape
        self.count = 0
        self.batch: object = None
        first = FIRST_SLOTS if shape.window is None else min(FIRST_SLOTS, shape.window)
        self.move_to(self._empty(first))
        self._saved_at = 0
        self._saved_L2GSE: Floats | None = None

    @property
    def slots(self) -> int:
        """Number of slots, ``T``."""
        return int(self.store_L2GTE.shape[3])

    def move_to(self, store_L2GTE: Floats) -> None:
        """Use ``store_L2GTE``, to which the content has been copied, from now on."""
        self.store_L2GTE = store_L2GTE
        self._parts: dict[str, NDArray[np.generic]] = {}
        for layer, (keys_GTE, values_GTE) in enumerate(store_L2GTE):
            self._parts[f"keys_{layer}"] = keys_GTE[None]
            self._parts[f"values_{layer}"] = values_GTE[None]

    def inputs(self, size: int) -> dict[str, NDArray[np.generic]]:
        """Return the inputs of a graph that runs over the next ``size`` positions of this row.

        They are the rotary factors, the attention mask, and the keys and values of every layer.
        Keys and values share memory with the cache.
        """
        cos, sin = _next_rotary_factors(
            self.shape.head_width, self.shape.rope_theta, self.count, size
        )
        split, mask = np.array((self.slots, size)), self._mask(size)[None, None]
        return {"cos": cos, "sin": sin, "mask": mask, "split": split, **self._parts}

    def copy(self) -> "NumpyKVCache":
        """Return an independent copy of the cache."""
        other = NumpyKVCache.__new__(NumpyKVCache)
        other.shape, other.count, other.batch = self.shape, self.count, None
        other.move_to(self.store_L2GTE.copy())
        other._saved_at, other._saved_L2GSE = 0, None
        return other

    def take(self, new_MSE: Floats) -> None:
        """Add the keys and values of the next positions, ``[M, S, E]``, which the graph returns."""
        size, window = new_MSE.shape[1], self.shape.window
        new_L2GSE = new_MSE.reshape(*self.store_L2GTE.shape[:3], size, -1)
        self.make_room(size)
        if size == 1:
            self.store_L2GTE[:, :, :, self._slot(self.count)] = new_L2GSE[:, :, :, 0]
        else:
            stored = size if window is None else min(size, window)
            slots = self._slots(self.count + size - stored, stored)
            self.store_L2GTE[:, :, :, slots] = new_L2GSE[:, :, :, size - stored :]
        self.count += size

    def checkpoint(self, size: int) -> None:
        """Save the slots that the next ``size`` positions overwrite, for :meth:`rollback`."""
        self.make_room(size)
        window = self.shape.window
        self._saved_at, self._saved_L2GSE = self.count, None
        if window is not None and self.count + size > window:
            self._saved_L2GSE = self.store_L2GTE[:, :, :, self._slots(self.count, size)]

    def rollback(self, count: int) -> None:
        """Remove the positions from ``count`` on; they must have come after :meth:`checkpoint`."""
        size, self.count = self.count - count, count
        if self._saved_L2GSE is not None and size:
            first = count - self._saved_at
            old_L2GSE = self._saved_L2GSE[:, :, :, first : first + size]
            self.store_L2GTE[:, :, :, self._slots(count, size)] = old_L2GSE

    def reset(self) -> None:
        """Empty the cache, because a document has ended."""
        self.count = 0

    def make_room(self, more: int) -> None:
        """Enlarge the cache, if necessary, so that ``more`` further positions fit."""
        slots, window = self.slots, self.shape.window
        needed = self.count + more if window is None else min(self.count + more, window)
        if needed <= slots:
            return
        while slots < needed:
            slots *= 2
        grown = self._empty(slots if window is None else min(slots, window))
        grown[:, :, :, : self.count] = self.store_L2GTE[:, :, :, : self.count]
        self.batch = None
        self.move_to(grown)

    def _mask(self, size: int) -> Floats:
        """Return the mask ``[S, T + S]``: -inf where a new position does not attend, else 0."""
        slots, window = self.slots, self.shape.window
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

    def _empty(self, slots: int) -> Floats:
        # Zeros instead of uninitialised memory: masked slots must be finite.
        shape = self.shape
        return np.zeros((shape.layers, 2, shape.kv_heads, slots, shape.head_width), np.float32)

    def _slot(self, position: int) -> int:
        return position if self.shape.window is None else position % self.shape.window

    def _slots(self, first: int, size: int) -> NDArray[np.int64]:
        slots_S = np.arange(first, first + size)
        return slots_S if self.shape.window is None else slots_S % self.shape.window


def rotary_factors(
    width: int, theta: float, position_RS: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return exact cosines and sines at positions of ``R`` rows, ``[R, S, C]``.

    Args:
        width: head width, ``E``.
        theta: base of the angles.
        position_RS: positions.
    """
    pair_C = np.arange(0, width, 2, dtype=np.float64)
    angle_RSC = position_RS[..., None] * theta ** (-pair_C / width)
    return np.cos(angle_RSC).astype(np.float32), np.sin(angle_RSC).astype(np.float32)


@lru_cache(maxsize=64)  # stacks with the same head width share positions
def _next_rotary_factors(width: int, theta: float, first: int, size: int) -> tuple[Floats, Floats]:
    """Return the factors of ``size`` positions of one row from ``first`` on, ``[1, S, C]``."""
    return rotary_factors(width, theta, np.arange(first, first + size)[None])
