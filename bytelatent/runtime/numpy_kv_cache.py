"""Keys and values that a row's next byte looks at, in numpy: inputs of a graph, kept in place.

The same as :mod:`bytelatent.generation.torch_backend.kv_cache` for torch.

Legend: ``L`` layers, ``G`` key/value heads, ``N = 2 G``, ``T`` places, ``S`` new positions,
``E`` head width, ``C = E / 2``.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bytelatent.runtime.onnx_format import StackShape

FIRST_PLACES = 64
"""Places that a cache begins with; they double when they are full, up to the window."""

Floats = NDArray[np.float32]


class KVCache:
    """Rotated keys, and values, of one row in all layers of a stack.

    With a window it is a ring of at most that many places. Positions are counted from the
    beginning of the document.

    Attributes:
        count: positions so far; the next one has this number.
    """

    def __init__(self, shape: StackShape) -> None:
        self.shape = shape
        self.count = 0
        first = FIRST_PLACES if shape.window is None else min(FIRST_PLACES, shape.window)
        self._place(self._empty(first))
        self._saved_at = 0
        self._saved_LNSE: Floats | None = None

    def inputs(self, size: int) -> dict[str, NDArray[np.generic]]:
        """What the graph takes of the cache to run on the next ``size`` positions."""
        places = self._store_LNTE.shape[2]
        cos, sin = _rotary_factors(self.shape.head_width, self.shape.rope_theta, self.count, size)
        split = np.array((places, size))
        return {"cos": cos, "sin": sin, "mask": self._mask(size), "split": split, **self._parts}

    def copy(self) -> "KVCache":
        """Another one with the same past, which goes its own way."""
        other = KVCache.__new__(KVCache)
        other.shape, other.count = self.shape, self.count
        other._place(self._store_LNTE.copy())
        other._saved_at, other._saved_LNSE = 0, None
        return other

    def take(self, new_MSE: Floats) -> None:
        """Take in what the graph gives of the new positions, ``M = L * N``."""
        size, window = new_MSE.shape[1], self.shape.window
        new_LNSE = new_MSE.reshape(self.shape.layers, -1, size, self.shape.head_width)
        self._make_room(size)
        if size == 1:
            self._store_LNTE[:, :, self._wrapped(self.count)] = new_LNSE[:, :, 0]
        else:
            kept = size if window is None else min(size, window)
            places = self._places(self.count + size - kept, kept)
            self._store_LNTE[:, :, places] = new_LNSE[:, :, size - kept :]
        self.count += size

    def checkpoint(self, size: int) -> None:
        """Remember what the next ``size`` positions will stand on, for :meth:`rollback`."""
        self._make_room(size)
        window = self.shape.window
        self._saved_at, self._saved_LNSE = self.count, None
        if window is not None and self.count + size > window:
            self._saved_LNSE = self._store_LNTE[:, :, self._places(self.count, size)]

    def rollback(self, count: int) -> None:
        """Forget the positions from ``count`` on, which came after :meth:`checkpoint`."""
        size, self.count = self.count - count, count
        if self._saved_LNSE is not None and size:
            first = count - self._saved_at
            old_LNSE = self._saved_LNSE[:, :, first : first + size]
            self._store_LNTE[:, :, self._places(count, size)] = old_LNSE

    def reset(self) -> None:
        """The document has ended."""
        self.count = 0

    def _mask(self, size: int) -> Floats:
        """0, and -inf where a new position does not look, ``[S, T + S]``."""
        places, window = self._store_LNTE.shape[2], self.shape.window
        if size == 1:
            mask_1T = np.zeros((1, places + 1), dtype=np.float32)
            mask_1T[0, min(self.count, places) : places] = -np.inf
            if window is not None and self.count >= window:  # the oldest, which it will replace
                mask_1T[0, self.count % window] = -np.inf
            return mask_1T
        place_T = np.arange(places)
        last = self.count - 1
        place_T = last - (last - place_T) % places if self.count > places else place_T
        new_S = np.arange(self.count, self.count + size)
        distance_ST = new_S[:, None] - np.concatenate([place_T, new_S])
        hidden_ST = distance_ST < 0
        hidden_ST[:, min(self.count, places) : places] = True
        if window is not None:
            hidden_ST |= distance_ST >= window
        return np.where(hidden_ST, np.float32(-np.inf), np.float32(0))

    def _make_room(self, more: int) -> None:
        places, window = self._store_LNTE.shape[2], self.shape.window
        wanted = self.count + more if window is None else min(self.count + more, window)
        if wanted <= places:
            return
        while places < wanted:
            places *= 2
        grown = self._empty(places if window is None else min(places, window))
        grown[:, :, : self.count] = self._store_LNTE[:, :, : self.count]
        self._place(grown)

    def _empty(self, places: int) -> Floats:
        # Zeros, not whatever was in memory: masked places must be finite.
        shape = self.shape
        return np.zeros((shape.layers, 2 * shape.kv_heads, places, shape.head_width), np.float32)

    def _place(self, store_LNTE: Floats) -> None:
        self._store_LNTE, kept = store_LNTE, self.shape.kv_heads
        self._parts: dict[str, NDArray[np.generic]] = {}
        for layer, both_NTE in enumerate(store_LNTE):
            self._parts[f"keys_{layer}"] = both_NTE[:kept]
            self._parts[f"values_{layer}"] = both_NTE[kept:]

    def _wrapped(self, position: int) -> int:
        return position if self.shape.window is None else position % self.shape.window

    def _places(self, first: int, size: int) -> NDArray[np.int64]:
        places_S = np.arange(first, first + size)
        return places_S if self.shape.window is None else places_S % self.shape.window


@lru_cache(maxsize=64)  # stacks with heads of equal width are at the same position
def _rotary_factors(width: int, theta: float, first: int, size: int) -> tuple[Floats, Floats]:
    """Cosines and sines of ``size`` positions from ``first``, ``[1, S, C]``, by exact angles."""
    pair_C = np.arange(0, width, 2, dtype=np.float64)
    place_S = np.arange(first, first + size, dtype=np.float64)
    angle_SC = place_S[:, None] * theta ** (-pair_C / width)
    return np.cos(angle_SC).astype(np.float32)[None], np.sin(angle_SC).astype(np.float32)[None]
