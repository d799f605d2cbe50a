"""KV cache of one row for the torch backend.

Legend: ``L`` layers, ``G`` key/value heads, ``N = 2 G`` keys and values, ``T`` slots, ``S`` new
positions, ``E`` head width.
"""

import torch
from torch import Tensor

FIRST_SLOTS = 64
"""Number of slots of a new cache without a window; it doubles whenever they are full."""


class TorchKVCache:
    """KV cache of one row in one transformer: rotated keys, and values, of every layer.

    The positions are bytes or, in the global transformer, patches. With a window the cache is a
    ring buffer of that many slots; otherwise it grows by doubling. Positions are counted from the
    beginning of the current document: older documents are not attended to, and attention depends
    only on differences of positions. Keys are rotated by exact angles, so they stay exact in
    documents of any length. The order of the slots does not affect attention.

    Args:
        like: a tensor whose precision and device the cache gets.
        shape: numbers of layers and of key/value heads, and the head width.
        window: number of positions that a position attends to, itself included; None for all.

    Attributes:
        store_LNTE: keys of the ``G`` heads, then values of the ``G`` heads.
        count: number of positions of the current document so far; the next position has this
            number.
        window: number of slots of the ring buffer, or None.
    """

    def __init__(self, like: Tensor, shape: tuple[int, int, int], window: int | None) -> None:
        layers, self.heads, width = shape
        self.window = window
        self.count = 0
        self._saved_at = 0
        # Zeros instead of uninitialised memory: masked slots must be finite.
        self.store_LNTE = like.new_zeros(layers, 2 * self.heads, window or FIRST_SLOTS, width)
        self._saved_LNSE = self.store_LNTE[:, :, :0]

    def make_room(self, more: int = 1) -> None:
        """Enlarge the cache, if necessary, so that ``more`` further positions fit."""
        slots = self.store_LNTE.shape[2]
        if self.window is not None or self.count + more <= slots:
            return
        while slots < self.count + more:
            slots *= 2
        layers, heads, _, width = self.store_LNTE.shape
        grown = self.store_LNTE.new_zeros(layers, heads, slots, width)
        grown[:, :, : self.count] = self.store_LNTE[:, :, : self.count]
        self.store_LNTE = grown

    @property
    def filled(self) -> int:
        """Number of slots of the cache that are in use."""
        return self.count if self.window is None else min(self.count, self.window)

    def next_slot(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Add one position and return, for every layer, its slot and what its query attends to.

        Returns:
            The slots ``[N, E]`` that the new keys and values must be written to, the keys
            ``[G, E, T]`` and the values ``[G, T, E]`` in use, each as a list of layers.
        """
        self.make_room()
        slot = self.count if self.window is None else self.count % self.window
        self.count += 1
        seen_LNTE = self.store_LNTE[:, :, : self.filled]
        return (
            list(self.store_LNTE[:, :, slot].unbind(0)),
            list(seen_LNTE[:, : self.heads].transpose(-1, -2).unbind(0)),
            list(seen_LNTE[:, self.heads :].unbind(0)),
        )

    def slots(self, size: int) -> Tensor:
        """Return the slots of the next ``size`` positions, ``[S]``."""
        assert self.window is None or size <= self.window
        slots_S = torch.arange(self.count, self.count + size, device=self.store_LNTE.device)
        return slots_S if self.window is None else slots_S % self.window

    def positions(self) -> Tensor:
        """Return the position that each slot in use holds, ``[T]``."""
        slots_T = torch.arange(self.filled, device=self.store_LNTE.device)
        if self.window is None:
            return slots_T
        last = self.count - 1
        return last - (last - slots_T) % self.window

    def checkpoint(self, size: int) -> None:
        """Save the slots that the next ``size`` positions overwrite, for :meth:`rollback`."""
        if self.window is not None:
            self._saved_at = self.count
            self._saved_LNSE = self.store_LNTE.index_select(2, self.slots(size))

    def rollback(self, count: int) -> None:
        """Remove the positions from ``count`` on; they must have come after :meth:`checkpoint`."""
        size, self.count = self.count - count, count
        if self.window is not None and size:
            first = count - self._saved_at
            old_LNSE = self._saved_LNSE[:, :, first : first + size]
            self.store_LNTE.index_copy_(2, self.slots(size), old_LNSE)

    def fill(self, keys_LSGE: Tensor, values_LSGE: Tensor) -> None:
        """Replace the content by ``S`` positions, at most the window, with rotated keys."""
        size = keys_LSGE.shape[1]
        assert self.window is None or size <= self.window
        self.count = 0
        self.make_room(size)
        self.count = size
        both_LSNE = torch.cat([keys_LSGE, values_LSGE], dim=2)
        self.store_LNTE[:, :, :size] = both_LSNE.transpose(1, 2)

    def reset(self) -> None:
        """Empty the cache, because a document has ended."""
        self.count = 0
