"""Arrow and parquet files as shards; a record is a row with a text and a list of entropies."""

from abc import abstractmethod
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from bytelatent.data.readers import Document, Record, Shard, import_extra

ENTROPIES = "entropies"
"""Column of entropies in nats, ``list<float>``: one for each token of BOS + bytes + EOS."""

BATCH_ROWS = 1024
"""Largest number of rows of a parquet file that are decoded together."""

BATCH_BYTES = 16 * 2**20
"""Number of bytes of text that are decoded together, about; at least one row is."""

BUFFER_BYTES = 2**20
"""Number of bytes of a column that are read from a parquet file at once."""

END_OF_STREAM = (b"\xff\xff\xff\xff\0\0\0\0", b"\0\0\0\0")
"""Marks at the end of an Arrow stream: that of today and that of versions before 0.15."""


class TableShard(Shard):
    """Shard of a file with columns; a record is a row."""

    unit = "row"

    @abstractmethod
    def batches(self, first: int) -> Iterator[tuple[int, Any]]:
        """Yield record batches, each with the number of its first row, counted from 0.

        The first batch is the one that contains row ``first``.
        """

    def read(self, first: int) -> Iterator[Record]:
        """Yield the records from number ``first`` on; an error means that the file is damaged."""
        for number, batch in self.batches(first):
            text = batch.column(self.text_key)
            has_entropies = ENTROPIES in batch.schema.names
            entropies = batch.column(ENTROPIES) if has_entropies else None
            for row in range(max(0, first - number), batch.num_rows):
                yield number + row + 1, (text, entropies, row)

    def parse(self, payload: Any) -> Document:
        """Return the document of a record; an error marks the record as bad."""
        text, entropies, row = payload
        value = text[row]
        if hasattr(value, "dictionary"):
            value = value.value  # None or a scalar
        if value is None or not value.is_valid:
            raise ValueError(f"{self.text_key!r} is null")
        data = value.as_buffer().to_pybytes()
        data.decode("utf-8")  # pyarrow reads a column of text without a check
        if entropies is None:
            return Document(data)
        values = entropies[row]
        if not values.is_valid:
            raise ValueError(f"{ENTROPIES!r} is null")
        nats = values.values.to_numpy(zero_copy_only=False)
        return Document(data, np.asarray(nats, dtype=np.float32))

    def columns(self, schema: Any) -> list[str]:
        """Return the names of the columns to read.

        Raises:
            ValueError: the column of text is missing, or a column has a wrong type.
        """
        types = import_extra("pyarrow.types")
        if schema.names.count(self.text_key) != 1:
            raise ValueError(
                f"it has no column {self.text_key!r} but {', '.join(schema.names) or 'none'} "
                "(option text_key)"
            )
        kind = schema.field(self.text_key).type
        if not _is_text(types, kind):
            raise ValueError(f"column {self.text_key!r} holds no text but {kind}")
        if ENTROPIES not in schema.names:
            return [self.text_key]
        kind = schema.field(ENTROPIES).type
        if not _is_list(types, kind) or not types.is_floating(kind.value_type):
            raise ValueError(f"column {ENTROPIES!r} holds no list of floats but {kind}")
        return [self.text_key, ENTROPIES]


def _is_text(types: ModuleType, kind: Any) -> bool:
    """Return whether a column of type ``kind`` can hold text, perhaps in a dictionary.

    A column without any value has the type ``null``; each of its rows is a bad record.
    """
    if types.is_dictionary(kind):
        return _is_text(types, kind.value_type)
    checks = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    return any(check(kind) for check in checks)


def _is_list(types: ModuleType, kind: Any) -> bool:
    """Return whether a column of type ``kind`` holds lists."""
    checks = (types.is_list, types.is_large_list, types.is_list_view, types.is_large_list_view)
    return any(check(kind) for check in checks)


class ArrowShard(TableShard):
    """Shard of an Arrow IPC file (Feather 2) or stream, which is mapped into memory."""

    def batches(self, first: int) -> Iterator[tuple[int, Any]]:
        """Yield record batches from that of row ``first`` on, each with its first row's number."""
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
                    yield from _whole_stream(file, reader)


def _whole_stream(file: Any, reader: Any) -> Iterator[Any]:
    """Yield the record batches of an Arrow stream.

    Raises:
        ValueError: the file ends before the mark of its end, or goes on behind it; pyarrow takes a
            stream that was cut off between two batches for a shorter one.
    """
    end = file.tell()
    for batch in reader:
        end = file.tell()
        yield batch
    file.seek(end)
    rest = file.read()
    mark = next((mark for mark in END_OF_STREAM if rest.startswith(mark)), None)
    if mark is None:
        raise ValueError("it is cut off: the mark of the end of an Arrow stream is missing")
    if len(rest) > len(mark):
        raise ValueError(
            f"it has {len(rest) - len(mark)} bytes behind its end, as when two Arrow streams were "
            "joined; keep them in two files"
        )


class ParquetShard(TableShard):
    """Shard of a parquet file; row groups before the first requested row are not read."""

    def batches(self, first: int) -> Iterator[tuple[int, Any]]:
        """Yield record batches from that of row ``first`` on, each with its first row's number."""
        parquet = import_extra("pyarrow.parquet")
        options = {"buffer_size": BUFFER_BYTES, "page_checksum_verification": True}
        with parquet.ParquetFile(self.path, pre_buffer=False, **options) as file:
            columns = self.columns(file.schema_arrow)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            ends = np.cumsum(sizes)
            group = int(np.searchsorted(ends, first, side="right"))
            number = int(ends[group - 1]) if group else 0
            for index in range(group, len(sizes)):
                rows = _rows_at_once(file.metadata.row_group(index))
                for batch in file.iter_batches(rows, [index], columns, use_threads=False):
                    yield number, batch
                    number += batch.num_rows


def _rows_at_once(group: Any) -> int:
    """Return the number of rows of a row group that have about :data:`BATCH_BYTES` bytes."""
    mean = group.total_byte_size / max(1, group.num_rows)
    return int(min(BATCH_ROWS, max(1, BATCH_BYTES // max(1, mean))))
