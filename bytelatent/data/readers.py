"""Shard files as numbered records, and records as documents.

A shard is read in blocks of consecutive records, so that any place in it can be reached by
skipping, without parsing what lies before it. A record is parsed only when its turn comes.
"""

import json
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

CACHED_BLOCKS = 3
"""Blocks of a shard that are kept; streams that share a shard stay within a block or two."""


@dataclass(frozen=True)
class Document:
    """One text.

    Attributes:
        data: its UTF-8 bytes.
        entropies: nats, float32, one for each token of BOS + bytes + EOS: that of the prediction
            made at the token. The one at EOS means nothing. None: not measured.
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
"""Number of the line or row, counted from 1, and what its shard needs to parse it."""


class BadRecordError(ValueError):
    """A line or row without a usable document; the message names file, place and reason."""


class Shard(ABC):
    """A file of documents.

    Args:
        path: the file.
        text_key: field or column of the text.
        block_size: records of a block.
    """

    unit = "line"

    def __init__(self, path: Path, text_key: str = "text", block_size: int = 4096) -> None:
        self.path, self.text_key, self.block_size = path, text_key, block_size
        self._blocks: OrderedDict[int, Sequence[Record]] = OrderedDict()
        self._cursor: tuple[int, Iterator[Record]] | None = None

    @abstractmethod
    def records(self, first: int = 0) -> Iterator[Record]:
        """Records from number ``first`` on, unparsed.

        Raises:
            ValueError: the file itself is damaged.
        """

    @abstractmethod
    def parse(self, payload: Any) -> Document:
        """The document of a record; any ValueError, KeyError or TypeError marks it as bad."""

    def document(self, record: Record) -> Document:
        """Parse a record.

        Raises:
            BadRecordError: there is no usable document in it.
        """
        number, payload = record
        try:
            return self.parse(payload)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = f"no {self.text_key!r}" if isinstance(error, KeyError) else str(error)
            raise BadRecordError(f"{self.path}, {self.unit} {number}: {reason}") from None

    def block(self, index: int) -> Sequence[Record]:
        """Records ``index * block_size`` and following; empty past the end."""
        if index in self._blocks:
            self._blocks.move_to_end(index)
            return self._blocks[index]
        if self._cursor is None or self._cursor[0] != index:
            self._cursor = index, self.records(index * self.block_size)
        rows = self._cursor[1]
        block = list(islice(rows, self.block_size))
        self._cursor = index + 1, rows
        self._blocks[index] = block
        if len(self._blocks) > CACHED_BLOCKS:
            self._blocks.popitem(last=False)
        return block

    def close(self) -> None:
        """Let go of the file."""
        self._blocks.clear()
        self._cursor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LineShard(Shard):
    """Plain JSON lines; blocks hold places in the file, not text."""

    def __init__(self, path: Path, text_key: str = "text", block_size: int = 4096) -> None:
        super().__init__(path, text_key, block_size)
        self._file: IO[bytes] | None = None
        self._marks = [(0, 0)]  # line number and offset where each known block begins

    def records(self, first: int = 0) -> Iterator[Record]:
        """See :meth:`Shard.records`; blank lines are no records."""
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
        """See :meth:`Shard.parse`."""
        if self._file is None:
            self._file = self.path.open("rb", buffering=0)
        offset, length = payload
        self._file.seek(offset)
        return parse_line(self._file.read(length), self.text_key)

    def close(self) -> None:
        """See :meth:`Shard.close`."""
        super().close()
        if self._file is not None:
            self._file.close()
            self._file = None


def parse_line(line: bytes, text_key: str) -> Document:
    """The document of a JSON line.

    Raises:
        ValueError, KeyError, TypeError: there is none.
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


def open_shard(path: Path, text_key: str = "text", block_size: int = 4096) -> Shard:
    """The shard in ``path``; the format follows from the name.

    Raises:
        ValueError: no known format.
    """
    for suffix, kind in FORMATS.items():
        if path.name.endswith(suffix):
            return kind(path, text_key, block_size)
    raise ValueError(f"{path}: not one of the formats {', '.join(FORMATS)}")


def read_shard(path: Path, text_key: str = "text") -> Iterator[Document]:
    """All documents of a shard in the order of the file.

    Raises:
        ValueError: a bad record, named by file and line, or a damaged file.
    """
    with open_shard(path, text_key) as shard:
        yield from map(shard.document, shard.records())


FORMATS: dict[str, type[Shard]] = {".jsonl": LineShard}
"""Ends of file names and who reads them."""
