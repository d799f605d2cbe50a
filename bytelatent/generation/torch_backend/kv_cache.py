"""Keys and values that a row's next byte looks at.

Legend: ``L`` layers, ``G`` key/value heads, ``T`` places, ``S`` new positions, ``E`` head width.
"""

import torch
from torch import Tensor

FIRST_PLACES = 64
"""Places that a cache without a window begins with; it doubles when they are full."""


class KVCache:
    """Rotated keys, and values, of the bytes or patches of one row in all layers of a stack.

    With a window it is a ring of that many places, otherwise it grows by doubling. Positions are
    counted from the beginning of the document; nothing of an older one can be seen, and attention
    depends on differences of positions alone. Keys are rotated by exact angles, so they stay good
    however long a document is. The order of places means nothing to attention.

    Attributes:
        store_LNTE: keys of the ``G`` heads, then values: ``N = 2 G``.
        count: positions of this document so far; the next one has this number.
        window: places of the ring, or None.
    """

    def __init__(self, like: Tensor, shape: tuple[int, int, int], window: int | None) -> None:
        layers, self.heads, width = shape
        self.window = window
        self.count = 0
        self._saved_at = 0
        # Zeros, not whatever was in memory: masked places must be finite.
        self.store_LNTE = like.new_zeros(layers, 2 * self.heads, window or FIRST_PLACES, width)
        self._saved_LNSE = self.store_LNTE[:, :, :0]

    def make_room(self, more: int = 1) -> None:
        """See to it that ``more`` positions fit."""
        places = self.store_LNTE.shape[2]
        if self.window is not None or self.count + more <= places:
            return
        while places < self.count + more:
            places *= 2
        layers, heads, _, width = self.store_LNTE.shape
        grown = self.store_LNTE.new_zeros(layers, heads, places, width)
        grown[:, :, : self.count] = self.store_LNTE[:, :, : self.count]
        self.store_LNTE = grown

    @property
    def filled(self) -> int:
        """Places in use."""
        return self.count if self.window is None else min(self.count, self.window)

    def place_next(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Take the next position in; of every layer where it goes and what it then sees.

        Returns:
            ``[N, E]`` to write key and value to, keys ``[G, E, T]`` and values ``[G, T, E]``.
        """
        self.make_room()
        place = self.count if self.window is None else self.count % self.window
        self.count += 1
        seen_LNTE = self.store_LNTE[:, :, : self.filled]
        return (
            list(self.store_LNTE[:, :, place].unbind(0)),
            list(seen_LNTE[:, : self.heads].transpose(-1, -2).unbind(0)),
            list(seen_LNTE[:, self.heads :].unbind(0)),
        )

    def places(self, size: int) -> Tensor:
        """Where the next ``size`` positions go."""
        assert self.window is None or size <= self.window
        places_S = torch.arange(self.count, self.count + size, device=self.store_LNTE.device)
        return places_S if self.window is None else places_S % self.window

    def positions(self) -> Tensor:
        """The position that stands at each place in use."""
        places_T = torch.arange(self.filled, device=self.store_LNTE.device)
        if self.window is None:
            return places_T
        last = self.count - 1
        return last - (last - places_T) % self.window

    def checkpoint(self, size: int) -> None:
        """Remember what the next ``size`` positions will stand on, for :meth:`rollback`."""
        if self.window is not None:
            self._saved_at = self.count
            self._saved_LNSE = self.store_LNTE.index_select(2, self.places(size))

    def rollback(self, count: int) -> None:
        """Forget the positions from ``count`` on, which came after :meth:`checkpoint`."""
        size, self.count = self.count - count, count
        if self.window is not None and size:
            first = count - self._saved_at
            old_LNSE = self._saved_LNSE[:, :, first : first + size]
            self.store_LNTE.index_copy_(2, self.places(size), old_LNSE)

    def fill(self, keys_LSGE: Tensor, values_LSGE: Tensor) -> None:
        """Begin with ``S`` positions of a document, no more than the window; keys are rotated."""
        size = keys_LSGE.shape[1]
        assert self.window is None or size <= self.window
        self.count = 0
        self.make_room(size)
        self.count = size
        both_LSNE = torch.cat([keys_LSGE, values_LSGE], dim=2)
        self.store_LNTE[:, :, :size] = both_LSNE.transpose(1, 2)

    def reset(self) -> None:
        """The document has ended."""
        self.count = 0
