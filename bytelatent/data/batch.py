"""Batch of rows for training.

Legend: ``B`` rows, ``S`` tokens of a row, ``P`` patches.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Rows of tokens with their targets.

    Attributes:
        tokens_BS: input tokens, int64; PAD fills the rest of a row that ends early.
        targets_BS: the token after each input token, int64; PAD if there is none.
        sizes_BS: number of bytes of each target, int64: one or more for ordinary tokens, 0 for BOS,
            EOS and PAD.
        entropies_BS: entropy of the prediction at each input token in nats, float32; 0 at EOS and
            PAD. None unless all documents in the batch have entropies.
        patch_lengths_BP: patch lengths, int64; rows sum to ``S + 1`` and end with zeros. None
            without a patcher, or if its rule needs entropies and there are none.
        sources: name of the source of every row.
    """

    tokens_BS: Tensor
    targets_BS: Tensor
    sizes_BS: Tensor
    entropies_BS: Tensor | None
    patch_lengths_BP: Tensor | None
    sources: list[str]

    @property
    def counted_BS(self) -> Tensor:  # noqa: N802 (a tensor, named as one)
        """Mask of the targets that have bytes, bool."""
        return self.sizes_BS > 0

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """Return a copy of the batch on ``device``.

        Args:
            device: target device.
            non_blocking: whether the copy may run while the host goes on.
        """

        def moved(x: Tensor | None) -> Tensor | None:
            return None if x is None else x.to(device, non_blocking=non_blocking)

        return replace(
            self,
            tokens_BS=self.tokens_BS.to(device, non_blocking=non_blocking),
            targets_BS=self.targets_BS.to(device, non_blocking=non_blocking),
            sizes_BS=self.sizes_BS.to(device, non_blocking=non_blocking),
            entropies_BS=moved(self.entropies_BS),
            patch_lengths_BP=moved(self.patch_lengths_BP),
        )

    def split(self, rows: int) -> list["Batch"]:
        """Divide the batch into batches of ``rows`` rows; the last one may have fewer rows."""

        def part(first: int) -> "Batch":
            part_rows = slice(first, first + rows)
            entropies, lengths = self.entropies_BS, self.patch_lengths_BP
            return replace(
                self,
                tokens_BS=self.tokens_BS[part_rows],
                targets_BS=self.targets_BS[part_rows],
                sizes_BS=self.sizes_BS[part_rows],
                entropies_BS=None if entropies is None else entropies[part_rows],
                patch_lengths_BP=None if lengths is None else lengths[part_rows],
                sources=self.sources[part_rows],
            )

        return [part(first) for first in range(0, len(self.sources), rows)]
