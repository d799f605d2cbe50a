"""Arrow and parquet files as shards; a record is a row, its entropies a list beside its text."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from bytelatent.data.readers import Document, Record, Shard, import_extra

ENTROPIES = "entropies"
"""Column of nats, ``list<float>``: one for each token of BOS + bytes + EOS."""

BATCH_ROWS = 1024
"""Rows of a parquet file that are decoded together."""


class TableShard(Shard):
    """Rows of a file in columns."""

    unit = "row"

    @abstractmethod
    def batches(self, first: int) -> Iterator[tuple[int, Any]]:
        """Record batches from the one that holds row ``first`` on, each with its first number."""

    def read(self, first: int) -> Iterator[Record]:
        """See :meth:`Shard.read`."""
        for number, batch in self.batches(first):
            text = batch.column(self.text_key)
            has_entropies = ENTROPIES in batch.schema.names
            entropies = batch.column(ENTROPIES) if has_entropies else None
            for row in range(max(0, first - number), batch.num_rows):
                yield number + row + 1, (text, entropies, row)

    def parse(self, payload: Any) -> Document:
        """See :meth:`Shard.parse`."""
        text, entropies, row = payload
        data = text[row]
        if not data.is_valid:
            raise ValueError(f"{self.text_key!r} is null")
        if entropies is None:
            return Document(data.as_buffer().to_pybytes())
        values = entropies[row]
        if not values.is_valid:
            raise ValueError(f"{ENTROPIES!r} is null")
        nats = values.values.to_numpy(zero_copy_only=False)
        return Document(data.as_buffer().to_pybytes(), np.asarray(nats, dtype=np.float32))

    def columns(self, schema: Any) -> list[str]:
        """Columns to read.

        Raises:
            ValueError: there is no column of text, or one of another type.
        """
        types = import_extra("pyarrow.types")
        if schema.names.count(self.text_key) != 1:
            raise ValueError(
                f"it has no column {self.text_key!r} but {', '.join(schema.names) or 'none'} "
                "(option data.text_key)"
            )
        kind = schema.field(self.text_key).type
        if not (types.is_string(kind) or types.is_large_string(kind)):
            raise ValueError(f"column {self.text_key!r} holds no text but {kind}")
        if ENTROPIES not in schema.names:
            return [self.text_key]
        kind = schema.field(ENTROPIES).type
        if not (types.is_list(kind) or types.is_large_list(kind)) or not (
            types.is_floating(kind.value_type)
        ):
            raise ValueError(f"column {ENTROPIES!r} holds no list of floats but {kind}")
        return [self.text_key, ENTROPIES]


class ArrowShard(TableShard):
    """Arrow IPC, the format of files (Feather 2) as well as that of streams; mapped to memory."""

    def batches(self, first: int) -> Iterator[tuple[int, Any]]:
        """See :meth:`TableShard.batches`."""
        number = 0
        for batch in self._all_batches():
            if number + batch.num_rows > first:
                yield number, batch
            number += batch.num_rows

    def _all_batches(self) -> Iterator[Any]:
        pa, ipc = import_extra("pyarrow"), import_extra("pyarrow.ipc")
        with self.path.open("rb") as file:
            is_file = file.read(6) == b"ARROW1"
        opener = ipc.open_file if is_file else ipc.open_stream
        with pa.memory_map(str(self.path)) as file:
            schema = opener(file).schema
            fields = [schema.get_field_index(name) for name in self.columns(schema)]
            file.seek(0)
            options = ipc.IpcReadOptions(included_fields=fields, use_threads=False)
            with opener(file, options=options) as reader:
                if is_file:
                    yield from map(reader.get_batch, range(reader.num_record_batches))
                else:
                    yield from reader


class ParquetShard(TableShard):
    """Parquet; row groups before the wanted place are not read."""

    def batches(self, first: int) -> Iterator[tuple[int, Any]]:
        """See :meth:`TableShard.batches`."""
        parquet = import_extra("pyarrow.parquet")
        with parquet.ParquetFile(self.path, pre_buffer=False) as file:
            columns = self.columns(file.schema_arrow)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            ends = np.cumsum(sizes)
            group = int(np.searchsorted(ends, first, side="right"))
            number = int(ends[group - 1]) if group else 0
            rest = list(range(group, len(sizes)))
            for batch in file.iter_batches(BATCH_ROWS, rest, columns, use_threads=False):
                yield number, batch
                number += batch.num_rows
