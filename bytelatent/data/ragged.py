"""Batches of rows of different length.

Legend: ``B`` rows, ``S`` tokens of the longest row.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bytelatent.tokenizers.constants import PAD_ID

MOST_FILLING, FREE_FILLING = 1.125, 16
"""A row of ``n`` tokens is padded to at most ``MOST_FILLING * n + FREE_FILLING`` tokens."""


def length_batches(lengths: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Group rows of similar length into batches and yield the row indices of each batch.

    A row that is longer than ``limit`` is a batch of its own.

    Args:
        lengths: number of tokens of each row.
        limit: largest number of tokens of a batch, padding included.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        length = lengths[index]
        full = (len(batch) + 1) * length > limit
        if batch and (full or length > MOST_FILLING * lengths[batch[0]] + FREE_FILLING):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def fill_up(rows: Sequence[NDArray[np.uint16]]) -> Tensor:
    """Pad rows of tokens at their end with PAD to one tensor ``[B, S]``, int64."""
    tokens_BS = torch.full((len(rows), max(map(len, rows))), PAD_ID, dtype=torch.int64)
    for number, row in enumerate(rows):
        tokens_BS[number, : len(row)] = torch.from_numpy(row.astype(np.int64))
    return tokens_BS
