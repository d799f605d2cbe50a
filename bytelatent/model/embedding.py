"""Byte embeddings: the sum of the embedding of a byte and those of the hash n-grams that end at it.

Legend: ``B`` rows, ``S`` bytes, ``D`` width, ``N`` tables, the byte table included, ``R`` bytes
before the row.
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
    """Return new hash n-gram tables of width ``dim``, in the order of :meth:`EmbedsBytes.hash_ids`.

    Args:
        hashes: settings of the tables; None for no tables.
        dim: width of a row of a table.
    """
    if hashes is None:
        return nn.ModuleList()
    return nn.ModuleList(nn.Embedding(hashes.buckets, dim) for _ in range(hashes.tables))


class EmbedsBytes(Pretrained):
    """Base class of models whose byte embedding is the sum of one row of each embedding table.

    Hash n-grams are not cut at the end of a document: they may include bytes of an earlier one.
    """

    def byte_table(self) -> nn.Embedding:
        """Return the embedding table of single bytes."""
        raise NotImplementedError

    def ngram_tables(self) -> nn.ModuleList:
        """Return the hash n-gram tables, sorted by hash function and then by n-gram length."""
        raise NotImplementedError

    @property
    def longest_ngram(self) -> int:
        """Number of bytes that an embedding depends on, its own byte included."""
        hashes: HashArgs | None = self.args.hashes
        return 1 if hashes is None else hashes.longest

    def hash_ids(self, tokens_BS: Tensor, before_BR: Tensor | None = None) -> list[Tensor]:
        """Return the bucket of the n-gram that ends at each byte, one ``[B, S]`` for every table.

        Args:
            tokens_BS: ids.
            before_BR: the ids in front of ``tokens_BS``: one fewer than the longest n-gram has, or
                all ids of a shorter row; None for no ids.
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
        """Return the embeddings ``[B, S, D]`` of bytes.

        Args:
            tokens_BS: ids.
            hash_ids: result of :meth:`hash_ids` for ``tokens_BS``.
        """
        if hash_ids and torch.is_grad_enabled() and tokens_BS.device.type == "cpu":
            return _summed_rows(self._all_tables(), [tokens_BS, *hash_ids])
        h_BSD: Tensor = self.byte_table()(tokens_BS)
        for table, ids in zip(self.ngram_tables(), hash_ids, strict=True):
            h_BSD = h_BSD + table(ids)
        return h_BSD

    def next_ids(self, tokens: Sequence[int]) -> list[int]:
        """Return the row number of each embedding table for the newest byte of a row.

        The first number is the id of the byte, the others are the buckets of the hash n-grams that
        end at the byte.

        Args:
            tokens: the last ids of the row, the newest at the end: as many ids as the longest
                n-gram has, or all ids of a shorter row.
        """
        hashes: HashArgs | None = self.args.hashes
        if hashes is None:
            return [tokens[-1]]
        buckets = all_last_hashes(tokens, hashes.sizes, hashes.functions, hashes.buckets)
        return [tokens[-1], *buckets]

    def embed_next(self, tokens: Sequence[int]) -> Tensor:
        """Return the embedding ``[D]`` of the newest byte of a row.

        Args:
            tokens: the last ids of the row, as for :meth:`next_ids`.
        """
        tables = zip(self._all_tables(), self.next_ids(tokens), strict=True)
        rows = [table[number] for table, number in tables]
        return rows[0] if len(rows) == 1 else torch.stack(rows).sum(0)

    def embed_ids(self, ids_N: Tensor) -> Tensor:
        """Return the embedding ``[1, D]`` of one byte.

        Args:
            ids_N: row numbers of :meth:`next_ids` as a tensor.
        """
        tables = enumerate(self._all_tables())
        rows = [table.index_select(0, ids_N[number : number + 1]) for number, table in tables]
        return rows[0] if len(rows) == 1 else torch.cat(rows).sum(0, keepdim=True)

    def _all_tables(self) -> list[Tensor]:
        hashed = cast(list[nn.Embedding], list(self.ngram_tables()))
        return [self.byte_table().weight, *(table.weight for table in hashed)]


def _summed_rows(tables: Sequence[Tensor], ids: Sequence[Tensor]) -> Tensor:
    """Return the sum ``[B, S, D]`` of one row of each table by one look-up in all tables.

    On a CPU the compiled gradient of a look-up in one table adds one number at a time and takes
    three times as long.
    """
    sizes = [table.shape[0] for table in tables]
    firsts = [sum(sizes[:number]) for number in range(len(sizes))]
    row_numbers = [ids_BS + first for ids_BS, first in zip(ids, firsts, strict=True)]
    row_numbers_BSN = torch.stack(row_numbers, dim=-1)
    rows = F.embedding_bag(row_numbers_BSN.flatten(0, 1), torch.cat(list(tables)), mode="sum")
    return rows.reshape(*ids[0].shape, tables[0].shape[1])
