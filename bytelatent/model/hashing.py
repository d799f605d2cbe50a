"""Hashes of the n-grams that end at each byte.

Legend: ``B`` rows, ``S`` bytes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from bytelatent.architecture.ngrams import PRIMES, wrapped


def ngram_hashes(tokens_BS: Tensor, size: int, function: int, buckets: int) -> Tensor:
    """Bucket of the ``size``-gram ending at every byte, ``[B, S]`` in ``0 .. buckets - 1``.

    The hash is the sum of ``id * prime ** i`` over the window in order, the OLDEST id with power 0
    (the paper's eq. 23 has it the other way round; the released weights need this one), zero ids
    before the start of the row, in 64-bit arithmetic that wraps.

        ids 5 6 7, size 2:  0 + 5p,  5 + 6p,  6 + 7p   (mod buckets)
    """
    prime = PRIMES[function]
    padded = F.pad(tokens_BS, (size - 1, 0))
    length = tokens_BS.shape[1]
    total_BS = torch.zeros_like(tokens_BS)
    for power in range(size):
        total_BS = total_BS + padded[:, power : power + length] * wrapped(prime**power)
    return total_BS % buckets
