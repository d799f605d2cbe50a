"""A batch of rows for training.

Legend: ``B`` rows, ``S`` tokens of a row, ``P`` patches.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Rows of tokens and what they are to predict.

    Attributes:
        tokens_BS: inputs, int64; filled up with PAD where a row ends early.
        targets_BS: the token after each input, int64; PAD where there is none.
        sizes_BS: int64; bytes that a target stands for: one, or those of a token of several; none
            for BOS, EOS and PAD.
        entropies_BS: nats, float32, of the prediction at each input token; 0 at EOS and PAD. None
            unless all documents in the batch have them.
        patch_lengths_BP: int64, rows sum to ``S + 1``, zeros at the end; None without a patcher,
            or if its rule needs entropies and there are none.
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
        """Bool; targets that stand for bytes."""
        return self.sizes_BS > 0

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """The same batch on ``device``."""

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
        """The same rows in parts of ``rows``; the last may have fewer."""

        def part(first: int) -> "Batch":
            here = slice(first, first + rows)
            entropies, lengths = self.entropies_BS, self.patch_lengths_BP
            return replace(
                self,
                tokens_BS=self.tokens_BS[here],
                targets_BS=self.targets_BS[here],
                sizes_BS=self.sizes_BS[here],
                entropies_BS=None if entropies is None else entropies[here],
                patch_lengths_BP=None if lengths is None else lengths[here],
                sources=self.sources[here],
            )

        return [part(first) for first in range(0, len(self.sources), rows)]
