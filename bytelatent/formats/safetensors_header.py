"""Offsets of the tensors of a safetensors file, read from its header; no tensor is loaded.

A safetensors file consists of the length of the header (8 bytes, little-endian), the header in
JSON and the tensors.
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
"""Limit of the format for the length of the header, in bytes."""


@dataclass(frozen=True)
class Stored:
    """Description of one stored tensor.

    Attributes:
        dtype: name of the dtype in the format, for example ``BF16``.
        shape: sizes of the dimensions.
        offset: offset of the tensor from the beginning of the file, in bytes.
        size: size of the tensor in bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class StoredTensors:
    """Descriptions of all tensors of a safetensors file.

    Attributes:
        path: path of the file.
        tensors: description of each tensor, by its name.
        fingerprint: SHA-256 of the header; files with the same tensors at the same offsets have
            the same fingerprint, whatever the values.
    """

    path: Path
    tensors: dict[str, Stored]
    fingerprint: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the header of ``path``.

        Raises:
            ValueError: the file is missing, cut off or has another format.
        """
        with os_errors_as_value_error(path, "read"), path.open("rb") as file:
            prefix = file.read(PREFIX.size)
            size = PREFIX.unpack(prefix)[0] if len(prefix) == PREFIX.size else LARGEST_HEADER + 1
            header = file.read(size) if size <= LARGEST_HEADER else b""
            file_size = path.stat().st_size
        try:
            tensors = _tensors(header, PREFIX.size + size)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{path} is no safetensors file, or is damaged") from None
        needed = max((tensor.offset + tensor.size for tensor in tensors.values()), default=0)
        if file_size < needed:
            raise ValueError(f"{path} is cut off: it has {file_size} bytes of {needed}")
        return cls(path, tensors, hashlib.sha256(header).hexdigest())


def _tensors(header: bytes, begin: int) -> dict[str, Stored]:
    entries = json.loads(header)
    entries.pop("__metadata__", None)
    tensors = {}
    for name, entry in entries.items():
        first, after = entry["data_offsets"]
        tensors[name] = Stored(entry["dtype"], tuple(entry["shape"]), begin + first, after - first)
    return tensors
