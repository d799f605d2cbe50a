"""Hashes of the n-grams that end at each byte.

Legend: ``B`` rows, ``S`` bytes.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

PRIMES = (
    1000000007,
    5915587277,
    1500450271,
    3267000013,
    5754853343,
    4093082899,
    9576890767,
    3628273133,
    2860486313,
    5463458053,
    3367900313,
)
"""One 10-digit prime per hash function, as the released tables expect."""


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
        total_BS = total_BS + padded[:, power : power + length] * _wrapped(prime**power)
    return total_BS % buckets


def last_hashes(
    tokens: Sequence[int], sizes: Sequence[int], function: int, buckets: int
) -> list[int]:
    """:func:`ngram_hashes` of the last byte alone, for every size.

    Args:
        tokens: the last ids of the row, the newest at the end; at least as many as the longest
            n-gram has, or all there are.
        sizes: n-gram lengths.
        function, buckets: as in :func:`ngram_hashes`.
    """
    prime, total, found = PRIMES[function], 0, {}
    for size in range(1, max(sizes, default=0) + 1):
        # An id further back has power 0 and raises the power of all that came before it here.
        total = total * prime + (tokens[-size] if size <= len(tokens) else 0)
        found[size] = _wrapped(total) % buckets
    return [found[size] for size in sizes]


def _wrapped(number: int) -> int:
    """``number`` as a signed 64-bit integer."""
    return (number + 2**63) % 2**64 - 2**63
