"""Hash function of n-grams, without torch; :mod:`bytelatent.model.hashing` applies it to tensors.

Legend: ``R`` rows, ``S`` tokens, ``T`` ids that an n-gram may have, ``N`` pairs of hash function
and n-gram length.
"""

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
"""One 10-digit prime for each hash function; the released embedding tables require these values."""


def last_hashes(
    tokens: Sequence[int], sizes: Sequence[int], function: int, buckets: int
) -> list[int]:
    """Return the buckets of the n-grams that end at the last byte, one for every n-gram length.

    :func:`bytelatent.model.hashing.ngram_hashes` returns the buckets at all bytes of a row.

    Args:
        tokens: the last ids of the row, the newest at the end; at least as many ids as the longest
            n-gram has, or all ids of a shorter row.
        sizes: n-gram lengths.
        function: number of the hash function.
        buckets: number of rows of each embedding table.
    """
    prime, total, bucket_of = PRIMES[function], 0, {}
    for size in range(1, max(sizes, default=0) + 1):
        # An older id gets power 0, and the powers of all newer ids rise by one.
        total = total * prime + (tokens[-size] if size <= len(tokens) else 0)
        bucket_of[size] = wrapped(total) % buckets
    return [bucket_of[size] for size in sizes]


def all_last_hashes(
    tokens: Sequence[int], sizes: Sequence[int], functions: int, buckets: int
) -> list[int]:
    """Return the results of :func:`last_hashes` for ``functions`` hash functions in one list."""
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
    """Return the buckets of the n-grams that end at each token, ``[S, N]``.

    The columns are sorted by hash function, then by n-gram length.

    Args:
        tokens: ``S`` ids.
        before: the ids in front of ``tokens``: one fewer than the longest n-gram has, or all ids
            of a shorter row.
        sizes: n-gram lengths.
        functions: number of hash functions.
        buckets: number of rows of each embedding table.
    """
    if len(tokens) == 1:
        last = all_last_hashes([*before, *tokens], sizes, functions, buckets)
        return np.array([last], dtype=np.int64)
    longest = max(sizes, default=1)
    row = np.zeros(longest - 1 + len(tokens), dtype=np.int64)
    ids = [*before, *tokens][-len(row) :]
    row[len(row) - len(ids) :] = ids
    firsts = range(longest - 1, -1, -1)
    ids_back = [row[first : first + len(tokens)] for first in firsts]
    return _buckets_of(ids_back, sizes, functions, buckets)


def last_buckets(
    rows: Sequence[Sequence[int]], sizes: Sequence[int], functions: int, buckets: int
) -> NDArray[np.int64]:
    """Return the buckets of the n-grams that end at the last byte of each row, ``[R, N]``.

    Args:
        rows: the last ids of each of ``R`` rows, as for :func:`last_hashes`.
        sizes: n-gram lengths.
        functions: number of hash functions.
        buckets: number of rows of each embedding table.
    """
    longest = max(sizes, default=1)
    ids_RT = np.zeros((len(rows), longest), dtype=np.int64)
    for ids_T, row in zip(ids_RT, rows, strict=True):
        last = [*row][-longest:]
        ids_T[longest - len(last) :] = last
    return _buckets_of(list(ids_RT.T[::-1]), sizes, functions, buckets)


def _buckets_of(
    ids_back: Sequence[NDArray[np.int64]], sizes: Sequence[int], functions: int, buckets: int
) -> NDArray[np.int64]:
    """Return the buckets at ``S`` bytes, ``[S, N]``; ``ids_back[k]`` are the ids ``k`` bytes back.

    An id in front of a row is 0.
    """
    buckets_SN = np.empty((len(ids_back[0]), functions * len(sizes)), dtype=np.int64)
    for function in range(functions):
        prime = np.full(1, PRIMES[function], dtype=np.int64)
        total_S = np.zeros(len(ids_back[0]), dtype=np.int64)  # arrays wrap without a warning
        for size, ids_S in enumerate(ids_back, start=1):
            total_S = total_S * prime + ids_S
            for number, length in enumerate(sizes):
                if length == size:
                    buckets_SN[:, function * len(sizes) + number] = total_S % buckets
    return buckets_SN


def wrapped(number: int) -> int:
    """Return ``number`` wrapped around to a signed 64-bit integer."""
    return (number + 2**63) % 2**64 - 2**63
