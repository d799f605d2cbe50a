"""Offsets of the tensors of a safetensors file, read from its header; no tensor is loaded.

A safetensors file consists of the length of the header (8 bytes, little-endian), the header in
JSON and the tensors.
"""

import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bytelatent.files import os_errors_as_value_error, parse_json

BITS = {
    **{"BOOL": 8, "U8": 8, "I8": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6},
    **{"F8_E4M3": 8, "F8_E4M3FNUZ": 8, "F8_E5M2": 8, "F8_E5M2FNUZ": 8, "F8_E8M0": 8},
    **{"I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32},
    **{"I64": 64, "U64": 64, "F64": 64, "C64": 64},
}
"""Number of bits of a value, by the name of its dtype in the format."""

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
            ValueError: the file is missing, cut off or has another format: the tensors lie one
                after the other from the header to the end of the file, each as long as its shape
                and dtype say.
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
        needed = _end(path, tensors, PREFIX.size + size)
        if file_size < needed:
            raise ValueError(f"{path} is cut off: it has {file_size} bytes of {needed}")
        if file_size > needed:
            raise ValueError(
                f"{path} is damaged: {file_size - needed} bytes follow its last tensor"
            )
        return cls(path, tensors, hashlib.sha256(header).hexdigest())


def _tensors(header: bytes, begin: int) -> dict[str, Stored]:
    entries = parse_json(header, make_object=_without_duplicates)
    entries.pop("__metadata__", None)
    tensors = {}
    for name, entry in entries.items():
        first, after = map(_natural, entry["data_offsets"])
        shape = tuple(map(_natural, entry["shape"]))
        tensors[name] = Stored(entry["dtype"], shape, begin + first, after - first)
    return tensors


def _natural(number: object) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(number)
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _end(path: Path, tensors: dict[str, Stored], begin: int) -> int:
    """Return the offset of the end of the last tensor.

    Raises:
        ValueError: tensors overlap, there is a gap before one, or its size is not that of its
            shape.
    """
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].offset, item[1].size)):
        bits = BITS.get(tensor.dtype)
        if bits is not None and bits * math.prod(tensor.shape) != 8 * tensor.size:
            raise ValueError(
                f"{path} is damaged: {name} has {tensor.size} bytes, which is not the size of "
                f"{tensor.dtype} in shape {tensor.shape}"
            )
        if tensor.offset != begin:
            fault = "overlaps the tensor" if tensor.offset < begin else "has a gap"
            raise ValueError(f"{path} is damaged: {name} {fault} before it")
        begin = tensor.offset + tensor.size
    return begin
