"""Headers of safetensors files."""

import json
import struct

import pytest
import torch
from safetensors.torch import save_file

from bytelatent.formats.safetensors_header import StoredTensors


@pytest.fixture
def path(tmp_path):
    tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "pt"})
    return tmp_path / "m.safetensors"


def test_tensors_lie_where_the_header_says(path) -> None:
    found = StoredTensors.read(path)
    a, b = found.tensors["a"], found.tensors["b"]
    assert (a.dtype, a.shape, b.dtype, b.shape) == ("F32", (2, 3), "BF16", (4,))
    content = path.read_bytes()
    assert struct.unpack("<6f", content[a.offset : a.offset + a.size]) == (0, 1, 2, 3, 4, 5)
    assert content[b.offset : b.offset + b.size] == b"\x80\x3f" * 4


def test_the_fingerprint_is_that_of_names_and_places(path, tmp_path) -> None:
    other = tmp_path / "other.safetensors"
    fingerprint = StoredTensors.read(path).fingerprint
    same = {"a": torch.zeros(2, 3), "b": torch.zeros(4, dtype=torch.bfloat16)}
    save_file(same, other, metadata={"format": "pt"})
    assert StoredTensors.read(other).fingerprint == fingerprint
    save_file(same | {"a": torch.zeros(3, 2)}, other, metadata={"format": "pt"})
    assert StoredTensors.read(other).fingerprint != fingerprint


def header_of(value: object) -> bytes:
    header = json.dumps(value).encode()
    return struct.pack("<Q", len(header)) + header


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04" * 9,
        struct.pack("<Q", 2**60),
        header_of([1]),
        header_of({"a": {"dtype": "F32", "shape": [1]}}),
        header_of({"a": 3}),
    ],
)
def test_other_files_are_refused(tmp_path, content) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(ValueError, match="m is no safetensors file, or is damaged"):
        StoredTensors.read(tmp_path / "m")


def test_files_that_are_cut_off_or_missing_are_refused(path, tmp_path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"m\.safetensors is cut off: it has \d+ bytes of \d+"):
        StoredTensors.read(path)
    with pytest.raises(ValueError, match="nothing does not exist"):
        StoredTensors.read(tmp_path / "nothing")
