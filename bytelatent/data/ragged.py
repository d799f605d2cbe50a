"""Rows of different length in batches.

Legend: ``B`` rows, ``S`` tokens of the longest.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bytelatent.tokenizers.constants import PAD_ID

MOST_FILLING, FREE_FILLING = 1.125, 16
"""A row is filled up to this many times its length and as many tokens at most."""


def length_batches(lengths: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Indices of rows by length, so many together that the filled batch stays within ``limit``.

    A row that is longer than that is a batch of its own; none is filled up by much.
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
    """Rows of tokens as one tensor ``[B, S]`` int64, PAD after the shorter ones."""
    tokens_BS = torch.full((len(rows), max(map(len, rows))), PAD_ID, dtype=torch.int64)
    for number, row in enumerate(rows):
        tokens_BS[number, : len(row)] = torch.from_numpy(row.astype(np.int64))
    return tokens_BS
