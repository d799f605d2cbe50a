"""Embeddings of bytes: a vector of each byte, and those of the hash n-grams that end with it.

Legend: ``B`` rows, ``S`` bytes, ``D`` width, ``N`` tables, that of single bytes included, ``R``
bytes before.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bytelatent.architecture.args import HashArgs
from bytelatent.architecture.ngrams import all_last_hashes
from bytelatent.formats.pretrained import Pretrained
from bytelatent.model.hashing import ngram_hashes


def hash_tables(hashes: HashArgs | None, dim: int) -> nn.ModuleList:
    """Tables of hash n-grams, in the order of :meth:`EmbedsBytes.hash_ids`."""
    if hashes is None:
        return nn.ModuleList()
    return nn.ModuleList(nn.Embedding(hashes.buckets, dim) for _ in range(hashes.tables))


class EmbedsBytes(Pretrained):
    """A model whose bytes begin as the sum of one row of each of its tables.

    N-grams hash the ids of a row as they stand: they also reach across an end of document, into the
    one before it.
    """

    def byte_table(self) -> nn.Embedding:
        """The table of single bytes."""
        raise NotImplementedError

    def ngram_tables(self) -> nn.ModuleList:
        """The tables of hash n-grams, by function and then by size."""
        raise NotImplementedError

    @property
    def longest_ngram(self) -> int:
        """Bytes that an embedding depends on, its own included."""
        hashes: HashArgs | None = self.args.hashes
        return 1 if hashes is None else hashes.longest

    def hash_ids(self, tokens_BS: Tensor, before_BR: Tensor | None = None) -> list[Tensor]:
        """Bucket of the n-gram that ends at each byte, one ``[B, S]`` for every table.

        Args:
            tokens_BS: ids.
            before_BR: the ids in front of them, as many as the longest n-gram has less one, or all
                there are; none where left out.
        """
        hashes: HashArgs | None = self.args.hashes
        if hashes is None:
            return []
        first = 0 if before_BR is None else before_BR.shape[1]
        whole = tokens_BS if before_BR is None else torch.cat([before_BR, tokens_BS], dim=1)
        return [
            ngram_hashes(whole, size, function, hashes.buckets)[:, first:]
            for function in range(hashes.functions)
            for size in hashes.sizes
        ]

    def embedded(self, tokens_BS: Tensor, hash_ids: Sequence[Tensor]) -> Tensor:
        """Embeddings ``[B, S, D]`` of bytes whose :meth:`hash_ids` are given."""
        if hash_ids and torch.is_grad_enabled() and tokens_BS.device.type == "cpu":
            return _summed_rows(self._all_tables(), [tokens_BS, *hash_ids])
        h_BSD: Tensor = self.byte_table()(tokens_BS)
        for table, ids in zip(self.ngram_tables(), hash_ids, strict=True):
            h_BSD = h_BSD + table(ids)
        return h_BSD

    def next_ids(self, tokens: Sequence[int]) -> list[int]:
        """Which row of each of its tables the newest byte of a row takes.

        The first is its id, the others are buckets of the hash n-grams that end with it.

        Args:
            tokens: the row's last ids, the newest at the end: as many as the longest n-gram has,
                or all there are.
        """
        hashes: HashArgs | None = self.args.hashes
        if hashes is None:
            return [tokens[-1]]
        buckets = all_last_hashes(tokens, hashes.sizes, hashes.functions, hashes.buckets)
        return [tokens[-1], *buckets]

    def embed_next(self, tokens: Sequence[int]) -> Tensor:
        """The embedding ``[D]`` of the newest byte of a row; ``tokens`` as above."""
        tables = zip(self._all_tables(), self.next_ids(tokens), strict=True)
        rows = [table[place] for table, place in tables]
        return rows[0] if len(rows) == 1 else torch.stack(rows).sum(0)

    def embed_ids(self, ids_N: Tensor) -> Tensor:
        """The embedding ``[1, D]`` of a byte whose :meth:`next_ids` are told by a tensor."""
        tables = enumerate(self._all_tables())
        rows = [table.index_select(0, ids_N[number : number + 1]) for number, table in tables]
        return rows[0] if len(rows) == 1 else torch.cat(rows).sum(0, keepdim=True)

    def _all_tables(self) -> list[Tensor]:
        hashed = cast(list[nn.Embedding], list(self.ngram_tables()))
        return [self.byte_table().weight, *(table.weight for table in hashed)]


def _summed_rows(tables: Sequence[Tensor], ids: Sequence[Tensor]) -> Tensor:
    """The sum ``[B, S, D]`` of one row of each table, as one look-up in all of them.

    On a CPU the compiled gradient of a look-up in one table adds number by number, and takes three
    times as long as this.
    """
    sizes = [table.shape[0] for table in tables]
    firsts = [sum(sizes[:number]) for number in range(len(sizes))]
    places = [ids_BS + first for ids_BS, first in zip(ids, firsts, strict=True)]
    places_BSN = torch.stack(places, dim=-1)
    rows = F.embedding_bag(places_BSN.flatten(0, 1), torch.cat(list(tables)), mode="sum")
    return rows.reshape(*ids[0].shape, tables[0].shape[1])
