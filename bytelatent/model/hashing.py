"""Hash function of the n-grams that end at each byte, for tensors.

Legend: ``B`` rows, ``S`` bytes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from bytelatent.architecture.ngrams import PRIMES, wrapped


def ngram_hashes(tokens_BS: Tensor, size: int, function: int, buckets: int) -> Tensor:
    """Return the bucket of the ``size``-gram that ends at every byte, ``[B, S]``.

    Buckets are numbers from 0 to ``buckets - 1``. The hash is the sum of ``id * prime ** i`` over
    the ids of the n-gram; the OLDEST id has power 0. (Equation 23 of the paper gives the newest id
    power 0, but the released weights need the order used here.) Ids before the start of the row
    are 0, and 64-bit arithmetic wraps around.

        ids 5 6 7, size 2:  0 + 5p,  5 + 6p,  6 + 7p   (mod buckets)

    Args:
        tokens_BS: ids.
        size: n-gram length.
        function: number of the hash function.
        buckets: number of buckets.
    """
    prime = PRIMES[function]
    padded = F.pad(tokens_BS, (size - 1, 0))
    length = tokens_BS.shape[1]
    total_BS = torch.zeros_like(tokens_BS)
    for power in range(size):
        total_BS = total_BS + padded[:, power : power + length] * wrapped(prime**power)
    return total_BS % buckets
