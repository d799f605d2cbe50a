"""Byte-pair merges by rank, with tables that need little more memory than the vocabulary file.

Fast tokenizers keep tries and hash maps of a vocabulary: 35 MB for cl100k, 65 MB for o200k. The
tables of this module take 2 MB and 5 MB, which suits a web server that shows token boundaries.
"""

from array import array
from heapq import heapify, heappop, heappush

_HEAD, _RANK = 2, 4
"""Number of bytes of a record before and after the bytes of the token: its length and its rank."""

LONGEST = 255
"""Largest number of bytes of a token."""


class Ranks:
    """Ranks of tokens by their bytes: the content of the file and a hash table of offsets in it.

    Args:
        records: number of tokens (4 bytes, little-endian), then for each token its length (2
            bytes), its bytes and its rank (4 bytes).

    Raises:
        ValueError: ``records`` does not have this format.
    """

    def __init__(self, records: bytes) -> None:
        count = int.from_bytes(records[:4], "little")
        if not 0 < count <= len(records) // (_HEAD + 1 + _RANK):
            raise ValueError(f"no ranks: {count} tokens in {len(records)} bytes")
        self._records = records
        self._mask = (1 << (2 * count - 1).bit_length()) - 1
        self._offsets = array("I", bytes(4 * (self._mask + 1)))
        offset = 4
        for _ in range(count):
            offset = self._insert(offset)
        if offset != len(records):
            raise ValueError(f"no ranks: {offset} of {len(records)} bytes were read")

    def _insert(self, offset: int) -> int:
        """Insert the record at ``offset`` into the table; return the offset of the next record."""
        length = int.from_bytes(self._records[offset : offset + _HEAD], "little")
        after = offset + _HEAD + length
        if not 0 < length <= LONGEST or after + _RANK > len(self._records):
            raise ValueError(f"no ranks: a token of {length} bytes at {offset}")
        slot = hash(self._records[offset + _HEAD : after]) & self._mask
        while self._offsets[slot]:
            slot = (slot + 1) & self._mask
        self._offsets[slot] = offset
        return after + _RANK

    def rank(self, token: bytes) -> int | None:
        """Return the rank of the token with the bytes ``token``; None if there is no such token."""
        records, offsets, length = self._records, self._offsets, len(token)
        slot = hash(token) & self._mask
        while offset := offsets[slot]:
            if records[offset] == length and records.startswith(token, offset + _HEAD):
                after = offset + _HEAD + length
                return int.from_bytes(records[after : after + _RANK], "little")
            slot = (slot + 1) & self._mask
        return None

    def lengths(self, word: bytes) -> list[int]:
        """Return the lengths in bytes of the tokens of ``word``.

        The algorithm merges two adjacent parts that form the token of the lowest rank, the first
        pair of equals, until no two adjacent parts form a token. It takes ``n log n`` steps for
        ``n`` bytes.
        """
        size = len(word)
        if size == 1 or self.rank(word) is not None:
            return [size]
        ends = list(range(1, size + 1))  # end of the part that starts at an offset
        before = list(range(-1, size - 1))  # start of the part that ends at an offset
        ranks = [self.rank(word[start : start + 2]) for start in range(size - 1)]
        ranks.append(None)
        heap = [(rank, start) for start, rank in enumerate(ranks) if rank is not None]
        heapify(heap)
        while heap:
            rank, start = heappop(heap)
            if ranks[start] != rank:
                continue  # the part was merged in the meantime
            middle = ends[start]
            end = ends[start] = ends[middle]
            ranks[start] = ranks[middle] = None
            if end < size:
                before[end] = start
            for first in (before[start], start):
                if first >= 0 and ends[first] < size:
                    merged_rank = ranks[first] = self.rank(word[first : ends[ends[first]]])
                    if merged_rank is not None:
                        heappush(heap, (merged_rank, first))
        lengths, start = [], 0
        while start < size:
            lengths.append(ends[start] - start)
            start = ends[start]
        return lengths
