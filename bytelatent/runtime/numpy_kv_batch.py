"""KV caches of several rows as inputs of one call of an ONNX graph.

Legend: ``R`` rows, ``L`` layers, ``G`` key/value heads, ``T`` slots, ``E`` head width, ``M = L * 2
G``; ``2`` stands for keys and values.
"""

import weakref
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bytelatent.runtime.numpy_kv_cache import Floats, NumpyKVCache, rotary_factors

MORE_SLOTS, MORE_ROWS = 64, 4
"""Numbers of slots and of rows by which a batch grows.

Attention reads all slots of all rows at every step.
"""


class NumpyKVBatch:
    """KV caches of ``R`` rows of one transformer in one array, for steps of one position per row.

    Args:
        caches: the caches; their content is copied.
        slots: number of slots of the array; all caches must have their content in the first of
            them.
        room: number of rows that the array has room for, ``R`` or more.
    """

    def __init__(self, caches: Sequence[NumpyKVCache], slots: int, room: int) -> None:
        shape = caches[0].shape
        sizes = shape.layers, 2, room, shape.kv_heads, slots, shape.head_width
        # Zeros instead of uninitialised memory: masked slots must be finite.
        self._store_L2RGTE: Floats = np.zeros(sizes, np.float32)
        self._shape, self._slots = shape, slots
        self._places = [self._store_L2RGTE[:, :, row] for row in range(room)]
        self._users: list[weakref.ref[NumpyKVCache] | None] = [None] * room
        for cache, place_L2GTE in zip(caches, self._places, strict=False):
            _copy(cache, place_L2GTE)

    @classmethod
    def shared(cls, caches: Sequence[NumpyKVCache]) -> "NumpyKVBatch":
        """Return a batch with room for the next position, whose array the caches use from now on.

        It is the same batch as before, if these caches have room in it; only the content of caches
        that are new in it, or come at another place, is copied.
        """
        window = caches[0].shape.window
        needed = 1 + max(cache.count for cache in caches)
        needed = needed if window is None else min(needed, window)
        batch = next((cache.batch for cache in caches if isinstance(cache.batch, cls)), None)
        if batch is None or batch._slots < needed or not batch._seat(caches):
            slots, room = _rounded(needed, MORE_SLOTS), _rounded(len(caches), MORE_ROWS)
            batch = cls(caches, slots if window is None else min(slots, window), room)
            for place, cache in enumerate(caches):
                batch._let(place, cache)
        return batch

    @classmethod
    def copied(cls, caches: Sequence[NumpyKVCache]) -> "NumpyKVBatch":
        """Return a batch of copies of caches without a window, with no more slots than are used."""
        assert caches[0].shape.window is None
        return cls(caches, max(1, *(cache.count for cache in caches)), len(caches))

    def inputs(self, caches: Sequence[NumpyKVCache]) -> dict[str, NDArray[np.generic]]:
        """Return the inputs of a graph that runs over the next position of each row."""
        count_R, shape = np.array([cache.count for cache in caches]), self._shape
        cos, sin = rotary_factors(shape.head_width, shape.rope_theta, count_R[:, None])
        feed: dict[str, NDArray[np.generic]] = {"cos": cos, "sin": sin, "mask": self._mask(count_R)}
        feed["split"] = np.array((self._slots, 1))
        for layer, (keys_RGTE, values_RGTE) in enumerate(self._store_L2RGTE):
            feed[f"keys_{layer}"] = keys_RGTE[: len(caches)]
            feed[f"values_{layer}"] = values_RGTE[: len(caches)]
        return feed

    def take(self, caches: Sequence[NumpyKVCache], new_RM1E: Floats) -> None:
        """Add the keys and values of the next position of each row, which the graph returns."""
        layers, _, _, heads, _, width = self._store_L2RGTE.shape
        count_R, window = np.array([cache.count for cache in caches]), self._shape.window
        slot_R = count_R if window is None else count_R % window
        new_RL2GE = new_RM1E.reshape(len(caches), layers, 2, heads, width)
        self._store_L2RGTE[:, :, np.arange(len(caches)), :, slot_R] = new_RL2GE
        for cache in caches:
            cache.count += 1

    def _seat(self, caches: Sequence[NumpyKVCache]) -> bool:
        """Move each cache to its place in the array; return whether that is possible.

        It is not if there are too few places, or if a place belongs to another of the caches.
        """
        if len(caches) > len(self._places):
            return False
        for place, cache in enumerate(caches):
            place_L2GTE = self._places[place]
            if cache.store_L2GTE is not place_L2GTE:
                if any(other.store_L2GTE is place_L2GTE for other in caches):
                    return False
                self._free(place)
                _copy(cache, place_L2GTE)
                self._let(place, cache)
        return True

    def _let(self, place: int, cache: NumpyKVCache) -> None:
        """Let a cache use a place, to which its content has been copied."""
        cache.move_to(self._places[place])
        cache.batch = self
        self._users[place] = weakref.ref(cache)

    def _free(self, place: int) -> None:
        """Move the cache that uses a place, if there is one, to an array of its own."""
        user = self._users[place]
        cache = None if user is None else user()
        if cache is not None and cache.store_L2GTE is self._places[place]:
            cache.move_to(cache.store_L2GTE.copy())
            cache.batch = None

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


def _copy(cache: NumpyKVCache, place_L2GTE: Floats) -> None:
    used = min(cache.count, cache.slots)
    place_L2GTE[:, :, :, :used] = cache.store_L2GTE[:, :, :, :used]


def _rounded(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
