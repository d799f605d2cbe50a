"""KV caches of several rows as inputs of one call of an ONNX graph.

Legend: ``R`` rows, ``L`` layers, ``G`` key/value heads, ``T`` slots, ``E`` head width, ``M = L * 2
G``; ``2`` stands for keys and values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bytelatent.runtime.numpy_kv_cache import Floats, NumpyKVCache, rotary_factors

MORE_SLOTS = 64
"""Number of slots by which a batch grows; attention reads all slots of all rows at every step."""


class NumpyKVBatch:
    """KV caches of ``R`` rows of one transformer in one array, for steps of one position per row.

    Args:
        caches: the caches; their content is copied.
        slots: number of slots of the array; all caches must have their content in the first of
            them.
    """

    def __init__(self, caches: Sequence[NumpyKVCache], slots: int) -> None:
        shape = caches[0].shape
        sizes = shape.layers, 2, len(caches), shape.kv_heads, slots, shape.head_width
        # Zeros instead of uninitialised memory: masked slots must be finite.
        self._store_L2RGTE: Floats = np.zeros(sizes, np.float32)
        self._shape, self._slots = shape, slots
        for row, cache in enumerate(caches):
            used = min(cache.count, cache.slots)
            self._store_L2RGTE[:, :, row, :, :used] = cache.store_L2GTE[:, :, :, :used]
        self._of_rows = [self._store_L2RGTE[:, :, row] for row in range(len(caches))]
        self._parts: dict[str, NDArray[np.generic]] = {}
        for layer, (keys_RGTE, values_RGTE) in enumerate(self._store_L2RGTE):
            self._parts[f"keys_{layer}"] = keys_RGTE
            self._parts[f"values_{layer}"] = values_RGTE

    @classmethod
    def shared(cls, caches: Sequence[NumpyKVCache]) -> "NumpyKVBatch":
        """Return a batch with room for the next position, whose array the caches use from now on.

        As long as the same caches come in the same order and have room, it is the same batch, and
        nothing is copied.
        """
        batch, window = caches[0].batch, caches[0].shape.window
        needed = 1 + max(cache.count for cache in caches)
        needed = needed if window is None else min(needed, window)
        if not isinstance(batch, cls) or not batch._holds(caches) or batch._slots < needed:
            slots = -(-needed // MORE_SLOTS) * MORE_SLOTS
            batch = cls(caches, slots if window is None else min(slots, window))
            for cache, store_L2GTE in zip(caches, batch._of_rows, strict=True):
                cache.move_to(store_L2GTE)
                cache.batch = batch
        return batch

    @classmethod
    def copied(cls, caches: Sequence[NumpyKVCache]) -> "NumpyKVBatch":
        """Return a batch of copies of caches without a window, with no more slots than are used."""
        assert caches[0].shape.window is None
        return cls(caches, max(1, *(cache.count for cache in caches)))

    def inputs(self, caches: Sequence[NumpyKVCache]) -> dict[str, NDArray[np.generic]]:
        """Return the inputs of a graph that runs over the next position of each row."""
        count_R, shape = np.array([cache.count for cache in caches]), self._shape
        cos, sin = rotary_factors(shape.head_width, shape.rope_theta, count_R[:, None])
        split = np.array((self._slots, 1))
        return {"cos": cos, "sin": sin, "mask": self._mask(count_R), "split": split, **self._parts}

    def take(self, caches: Sequence[NumpyKVCache], new_RM1E: Floats) -> None:
        """Add the keys and values of the next position of each row, which the graph returns."""
        layers, _, rows, heads, _, width = self._store_L2RGTE.shape
        count_R, window = np.array([cache.count for cache in caches]), self._shape.window
        slot_R = count_R if window is None else count_R % window
        new_RL2GE = new_RM1E.reshape(rows, layers, 2, heads, width)
        self._store_L2RGTE[:, :, np.arange(rows), :, slot_R] = new_RL2GE
        for cache in caches:
            cache.count += 1

    def _holds(self, caches: Sequence[NumpyKVCache]) -> bool:
        return len(caches) == len(self._of_rows) and all(
            cache.store_L2GTE is store for cache, store in zip(caches, self._of_rows, strict=True)
        )

    def _mask(self, count_R: NDArray[np.int64]) -> Floats:
        """Return the mask ``[R, 1, 1, T + 1]``: -inf where a row does not attend, else 0."""
        slots, window = self._slots, self._shape.window
        hidden_RT = np.arange(slots + 1) >= count_R[:, None]
        if window is not None:
            # The new position does not see the oldest slot, which it will overwrite.
            full = np.nonzero(count_R >= window)[0]
            hidden_RT[full, count_R[full] % window] = True
        hidden_RT[:, slots] = False
        return np.where(hidden_RT, np.float32(-np.inf), np.float32(0))[:, None, None]
