"""Byte-pair merges by rank, from tables that take little more than the vocabulary's file.

Whoever wants speed keeps tries and hash maps of a vocabulary: 35 MB for cl100k, 65 for o200k. A web
server that shows where a text is cut has more use for the memory: here they take 2 and 5.
"""

from array import array
from heapq import heapify, heappop, heappush

_HEAD, _RANK = 2, 4
"""Bytes in front of a token, and behind it."""

LONGEST = 255
"""Bytes of a token at most."""


class Ranks:
    """Ranks of tokens by their bytes: the file as it is, and a table of places in it.

    Args:
        records: number of tokens (4 bytes, the lowest first), then for each of them its length
            (2 bytes), its bytes, and its rank (4 bytes).

    Raises:
        ValueError: ``records`` are something else.
    """

    def __init__(self, records: bytes) -> None:
        count = int.from_bytes(records[:4], "little")
        if not 0 < count <= len(records) // (_HEAD + 1 + _RANK):
            raise ValueError(f"no ranks: {count} tokens in {len(records)} bytes")
        self._records = records
        self._mask = (1 << (2 * count - 1).bit_length()) - 1
        self._places = array("I", bytes(4 * (self._mask + 1)))
        place = 4
        for _ in range(count):
            place = self._take(place)
        if place != len(records):
            raise ValueError(f"no ranks: {place} of {len(records)} bytes were read")

    def _take(self, place: int) -> int:
        """Enter the record at ``place``; where the next one begins."""
        length = int.from_bytes(self._records[place : place + _HEAD], "little")
        after = place + _HEAD + length
        if not 0 < length <= LONGEST or after + _RANK > len(self._records):
            raise ValueError(f"no ranks: a token of {length} bytes at {place}")
        slot = hash(self._records[place + _HEAD : after]) & self._mask
        while self._places[slot]:
            slot = (slot + 1) & self._mask
        self._places[slot] = place
        return after + _RANK

    def rank(self, token: bytes) -> int | None:
        """The rank of ``token``, or None if it is none."""
        records, places, length = self._records, self._places, len(token)
        slot = hash(token) & self._mask
        while place := places[slot]:
            if records[place] == length and records.startswith(token, place + _HEAD):
                after = place + _HEAD + length
                return int.from_bytes(records[after : after + _RANK], "little")
            slot = (slot + 1) & self._mask
        return None

    def lengths(self, word: bytes) -> list[int]:
        """Lengths of the tokens of ``word``, which sum to its own.

        Of all neighbours that make up a token, those with the lowest rank are merged, the first of
        equals, until there are none. Takes ``n log n`` steps for ``n`` bytes.
        """
        size = len(word)
        if size == 1 or self.rank(word) is not None:
            return [size]
        ends = list(range(1, size + 1))  # of the part that begins there
        before = list(range(-1, size - 1))  # where the part that ends there begins
        ranks = [self.rank(word[place : place + 2]) for place in range(size - 1)]
        ranks.append(None)
        heap = [(rank, place) for place, rank in enumerate(ranks) if rank is not None]
        heapify(heap)
        while heap:
            rank, place = heappop(heap)
            if ranks[place] != rank:
                continue  # merged, or grown, since
            middle = ends[place]
            end = ends[place] = ends[middle]
            ranks[place] = ranks[middle] = None
            if end < size:
                before[end] = place
            for first in (before[place], place):
                if first >= 0 and ends[first] < size:
                    found = ranks[first] = self.rank(word[first : ends[ends[first]]])
                    if found is not None:
                        heappush(heap, (found, first))
        lengths, place = [], 0
        while place < size:
            lengths.append(ends[place] - place)
            place = ends[place]
        return lengths
