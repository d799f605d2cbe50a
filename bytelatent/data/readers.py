"""Reading shard files as numbered records, and parsing records into documents.

A shard is read in blocks of consecutive records, so that any record can be reached by skipping
blocks, without parsing the records before it. A record is parsed only when its document is needed.
"""

import gzip
import json
import sys
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

CACHED_BLOCKS = 2
"""Number of blocks of a shard that are kept for row streams that need them a little later."""

CURSORS = 16
"""Number of read positions of a shard; row streams that are far apart have one position each."""


@dataclass(frozen=True)
class Document:
    """Text of one record with optional entropies.

    Attributes:
        data: UTF-8 bytes of the text.
        entropies: entropies in nats, float32, one for each token of BOS + bytes + EOS: the entropy
            of the prediction at the token. The value at EOS has no meaning. None if the entropies
            were not measured.
    """

    data: bytes
    entropies: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.entropies is None:
            return
        if self.entropies.shape != (len(self.data) + 2,):
            raise ValueError(
                f"{self.entropies.size} entropies for {len(self.data)} bytes; there must be one "
                "for each byte, BOS and EOS"
            )
        if not np.isfinite(self.entropies[:-1]).all():
            raise ValueError("entropies that are not finite")


Record = tuple[int, Any]
"""Number of the line or row, counted from 1, and the payload from which the shard parses it."""


class BadRecordError(ValueError):
    """Error of a line or row without a usable document; the message names file, line and reason."""


class Shard(ABC):
    """Base class of shards, which are files of documents.

    Args:
        path: path of the file.
        text_key: field or column that contains the text.
        block_size: number of records of a block.
    """

    unit = "line"

    def __init__(self, path: Path, text_key: str = "text", block_size: int = 4096) -> None:
        self.path, self.text_key, self.block_size = path, text_key, block_size
        self._blocks: OrderedDict[int, list[Record]] = OrderedDict()
        self._cursors: OrderedDict[int, Iterator[Record]] = OrderedDict()

    @abstractmethod
    def read(self, first: int) -> Iterator[Record]:
        """Yield the records from number ``first`` on, counted from 0.

        Any error means that the file is damaged.
        """

    @abstractmethod
    def parse(self, payload: Any) -> Document:
        """Return the document of the payload of a record.

        A ValueError, KeyError or TypeError marks the record as bad.
        """

    def records(self, first: int = 0) -> Iterator[Record]:
        """Yield the records from number ``first`` on (counted from 0) without parsing them.

        Raises:
            ValueError: the file cannot be read or is damaged.
        """
        try:
            yield from self.read(first)
        except Exception as error:  # every decompressor has its own
            raise ValueError(f"{self.path} cannot be read: {error}") from error

    def document(self, record: Record) -> Document:
        """Parse a record and return its document.

        Raises:
            BadRecordError: the record has no usable document.
        """
        number, payload = record
        try:
            return self.parse(payload)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"no {self.text_key!r}" if isinstance(error, KeyError) else str(error)
            raise BadRecordError(f"{self.path}, {self.unit} {number}: {reason}") from None

    def block(self, index: int) -> list[Record]:
        """Return the records of block ``index``; an empty list after the end of the file.

        The first record of the block has the number ``index * block_size``.
        """
        if index not in self._blocks:
            rows = self._cursors.pop(index, None) or self.records(index * self.block_size)
            self._blocks[index] = list(islice(rows, self.block_size))
            self._cursors[index + 1] = rows
        self._blocks.move_to_end(index)
        while len(self._blocks) > CACHED_BLOCKS:
            self._blocks.popitem(last=False)
        while len(self._cursors) > CURSORS:
            self._cursors.popitem(last=False)
        return self._blocks[index]

    def close(self) -> None:
        """Close the file and drop all cached blocks."""
        self._blocks.clear()
        self._cursors.clear()


class LineShard(Shard):
    """Shard of uncompressed JSON lines; a record is the offset and the length of a line."""

    def __init__(self, path: Path, text_key: str = "text", block_size: int = 4096) -> None:
        super().__init__(path, text_key, block_size)
        self._file: IO[bytes] | None = None
        self._marks = [(0, 0)]  # lines and bytes before each block whose offset is known

    def read(self, first: int) -> Iterator[Record]:
        """Yield the records from number ``first`` on; blank lines are not records."""
        mark = min(first // self.block_size, len(self._marks) - 1)
        index = mark * self.block_size
        number, offset = self._marks[mark]
        with self.path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if index == len(self._marks) * self.block_size:
                    self._marks.append((number, offset))
                number += 1
                if not line.isspace():
                    if index >= first:
                        yield number, (offset, len(line))
                    index += 1
                offset += len(line)

    def parse(self, payload: Any) -> Document:
        """Read the line of a record and return its document."""
        if self._file is None:
            self._file = self.path.open("rb", buffering=0)
        offset, length = payload
        self._file.seek(offset)
        return parse_line(self._file.read(length), self.text_key)

    def close(self) -> None:
        """Close the file and drop all cached blocks."""
        super().close()
        if self._file is not None:
            self._file.close()
            self._file = None


class PackedLineShard(Shard):
    """Base class of shards of compressed JSON lines, which are always read from the start."""

    def read(self, first: int) -> Iterator[Record]:
        """Yield the records from number ``first`` on; blank lines are not records."""
        with self.open() as file:
            lines = ((n, line) for n, line in enumerate(file, start=1) if not line.isspace())
            yield from islice(lines, first, None)

    def parse(self, payload: Any) -> Document:
        """Return the document of a line."""
        return parse_line(payload, self.text_key)

    @abstractmethod
    def open(self) -> IO[bytes]:
        """Open the file and return a stream of its uncompressed bytes."""


class GzipShard(PackedLineShard):
    """Shard of JSON lines that are compressed by gzip."""

    def open(self) -> IO[bytes]:
        """Open the file and return a stream of its uncompressed bytes.

        Raises:
            EOFError: the file is empty; Python's reader takes it for an archive of no bytes.
        """
        if not self.path.stat().st_size:
            raise EOFError("it is empty, and so no gzip file")
        return cast(IO[bytes], gzip.open(self.path, "rb"))


class ZstdShard(PackedLineShard):
    """Shard of JSON lines that are compressed by Zstandard."""

    def open(self) -> IO[bytes]:
        """Open the file and return a stream of its uncompressed bytes."""
        return cast(IO[bytes], _zstd().open(self.path, "rb"))


def _zstd() -> ModuleType:
    """Return ``compression.zstd`` of Python 3.14, or its backport for older versions."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return import_extra(name)


def import_extra(name: str) -> ModuleType:
    """Import a module of the ``data`` extra.

    Raises:
        ValueError: the module is not installed; the message says how to install it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"this format needs {error.name} (pip install 'bytelatent[data]')"
        ) from error


def parse_line(line: bytes, text_key: str) -> Document:
    """Parse a line of JSON and return its document.

    Args:
        line: UTF-8 bytes of the line.
        text_key: field that contains the text.

    Raises:
        ValueError, KeyError, TypeError: the line has no usable document.
    """
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise ValueError(f"no JSON ({error})") from None
    if not isinstance(fields, dict):
        raise ValueError(f"no JSON object but {type(fields).__name__}")
    text = fields[text_key]
    if not isinstance(text, str):
        raise ValueError(f"{text_key!r} is no string but {type(text).__name__}")
    entropies = fields.get("entropies")
    return Document(
        text.encode("utf-8"),
        None if entropies is None else np.asarray(entropies, dtype=np.float32),
    )
