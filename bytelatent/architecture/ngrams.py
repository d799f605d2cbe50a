"""The rule of hash n-grams, without torch; :mod:`bytelatent.model.hashing` has it for tensors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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


def last_hashes(
    tokens: Sequence[int], sizes: Sequence[int], function: int, buckets: int
) -> list[int]:
    """Buckets of the n-grams that end at the last byte, one for every size.

    See :func:`bytelatent.model.hashing.ngram_hashes`, which gives those of all bytes.

    Args:
        tokens: the last ids of the row, the newest at the end; at least as many as the longest
            n-gram has, or all there are.
        sizes: n-gram lengths.
        function: number of the hash function.
        buckets: rows of each table.
    """
    prime, total, found = PRIMES[function], 0, {}
    for size in range(1, max(sizes, default=0) + 1):
        # An id further back has power 0 and raises the power of all that came before it here.
        total = total * prime + (tokens[-size] if size <= len(tokens) else 0)
        found[size] = wrapped(total) % buckets
    return [found[size] for size in sizes]


def all_last_hashes(
    tokens: Sequence[int], sizes: Sequence[int], functions: int, buckets: int
) -> list[int]:
    """:func:`last_hashes` of ``functions`` hash functions, one after the other."""
    return [
        bucket
        for function in range(functions)
        for bucket in last_hashes(tokens, sizes, function, buckets)
    ]


def next_buckets(
    tokens: Sequence[int],
    before: Sequence[int],
    sizes: Sequence[int],
    functions: int,
    buckets: int,
) -> NDArray[np.int64]:
    """Buckets of the n-grams that end at each of ``S`` tokens, ``[S, N]``: function, then size.

    Args:
        tokens: ids.
        before: ids in front of them, as many as the longest n-gram has less one, or all.
        sizes: n-gram lengths.
        functions: hash functions.
        buckets: rows of each table.
    """
    if len(tokens) == 1:
        last = all_last_hashes([*before, *tokens], sizes, functions, buckets)
        return np.array([last], dtype=np.int64)
    longest = max(sizes, default=1)
    row = np.zeros(longest - 1 + len(tokens), dtype=np.int64)
    given = [*before, *tokens][-len(row) :]
    row[len(row) - len(given) :] = given
    found = np.empty((len(tokens), functions * len(sizes)), dtype=np.int64)
    for function in range(functions):
        total_S = np.zeros(len(tokens), dtype=np.int64)  # of whole arrays: they wrap silently
        for size in range(1, longest + 1):
            first = longest - size
            prime = np.full(1, PRIMES[function], dtype=np.int64)
            total_S = total_S * prime + row[first : first + len(tokens)]
            for place, wanted in enumerate(sizes):
                if wanted == size:
                    found[:, function * len(sizes) + place] = total_S % buckets
    return found


def wrapped(number: int) -> int:
    """``number`` as a signed 64-bit integer."""
    return (number + 2**63) % 2**64 - 2**63
