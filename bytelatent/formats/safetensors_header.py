"""Where the tensors of a safetensors file lie, read off its header; no tensor is loaded.

The format: 8 bytes (little-endian) with the length of the header, the header in JSON, the tensors.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bytelatent.files import os_errors_as_value_error

PREFIX = struct.Struct("<Q")
LARGEST_HEADER = 100_000_000
"""Bytes; the limit of the format."""


@dataclass(frozen=True)
class Stored:
    """One tensor.

    Attributes:
        dtype: by its name in the format, ``BF16`` say.
        shape: its sizes.
        offset, size: bytes from the beginning of the file, and in it.
    """

    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class StoredTensors:
    """The tensors of a file.

    Attributes:
        path: the file.
        tensors: by name.
        fingerprint: of the header: equal for files with the same tensors at the same places,
            whatever their values.
    """

    path: Path
    tensors: dict[str, Stored]
    fingerprint: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the header of ``path``.

        Raises:
            ValueError: the file is missing, cut off or of another format.
        """
        with os_errors_as_value_error(path, "read"), path.open("rb") as file:
            prefix = file.read(PREFIX.size)
            size = PREFIX.unpack(prefix)[0] if len(prefix) == PREFIX.size else LARGEST_HEADER + 1
            header = file.read(size) if size <= LARGEST_HEADER else b""
            there = path.stat().st_size
        try:
            tensors = _tensors(header, PREFIX.size + size)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{path} is no safetensors file, or is damaged") from None
        needed = max((one.offset + one.size for one in tensors.values()), default=0)
        if there < needed:
            raise ValueError(f"{path} is cut off: it has {there} bytes of {needed}")
        return cls(path, tensors, hashlib.sha256(header).hexdigest())


def _tensors(header: bytes, begin: int) -> dict[str, Stored]:
    entries = json.loads(header)
    entries.pop("__metadata__", None)
    found = {}
    for name, entry in entries.items():
        first, after = entry["data_offsets"]
        found[name] = Stored(entry["dtype"], tuple(entry["shape"]), begin + first, after - first)
    return found
