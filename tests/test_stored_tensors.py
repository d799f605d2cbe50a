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
    return text_of(json.dumps(value))


def text_of(header: str) -> bytes:
    return struct.pack("<Q", len(header)) + header.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04" * 9,
        struct.pack("<Q", 2**60),
        header_of([1]),
        header_of({"a": {"dtype": "F32", "shape": [1]}}),
        header_of({"a": 3}),
        text_of("[" * 200_000),
        text_of('{"a": %s}' % ("1" * 5000)),
        text_of('{"a": ' + "[" * 200_000 + "]" * 200_000 + "}"),
    ],
    ids=lambda content: f"{len(content)} bytes",
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


def entry(first: int, after: int, *shape: object, dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [first, after]}


@pytest.mark.parametrize(
    ("entries", "size", "fault"),
    [
        ({"a": entry(0, 8, 2), "b": entry(4, 12, 2)}, 12, "b overlaps the tensor before it"),
        ({"a": entry(0, 8, 2), "b": entry(0, 8, 2)}, 8, "b overlaps the tensor before it"),
        ({"a": entry(0, 8, 2), "b": entry(12, 20, 2)}, 20, "b has a gap before it"),
        ({"a": entry(4, 12, 2)}, 12, "a has a gap before it"),
        ({"a": entry(0, 8, 2)}, 9, "1 bytes follow its last tensor"),
        ({}, 3, "3 bytes follow its last tensor"),
        ({"a": entry(0, 8, 3)}, 8, r"a has 8 bytes, which is not the size of F32 in shape \(3,\)"),
        ({"a": entry(0, 8)}, 8, r"a has 8 bytes, which is not the size of F32 in shape \(\)"),
        ({"a": entry(0, 8, 2, dtype="F16")}, 8, "a has 8 bytes, which is not the size of F16"),
    ],
)
def test_tensors_lie_one_after_the_other_and_fit_their_shapes(
    tmp_path, entries, size, fault
) -> None:
    (tmp_path / "m").write_bytes(header_of(entries) + bytes(size))
    with pytest.raises(ValueError, match=f"m is damaged: {fault}"):
        StoredTensors.read(tmp_path / "m")


@pytest.mark.parametrize(
    "header",
    [
        *(
            {"a": entry(*numbers)}
            for numbers in [(-4, 4, 2), (0, 8, -2), (0, 8, 2.0), (0, 4, True)]
        ),
        {"a": entry(8, 0, 2)},
    ],
)
def test_numbers_that_are_no_sizes_are_refused(tmp_path, header) -> None:
    (tmp_path / "m").write_bytes(header_of(header) + bytes(8))
    with pytest.raises(ValueError, match=r"m is (no safetensors file, or )?(is )?damaged"):
        StoredTensors.read(tmp_path / "m")


def test_a_name_that_occurs_twice_is_refused(tmp_path) -> None:
    one = json.dumps({"a": entry(0, 4, 1)})[1:-1]
    header = f"{{{one}, {one}}}".encode()
    (tmp_path / "m").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(ValueError, match="m is no safetensors file, or is damaged"):
        StoredTensors.read(tmp_path / "m")


DTYPES = [
    *(torch.bool, torch.uint8, torch.int16, torch.int32, torch.int64, torch.float64),
    *(torch.float8_e4m3fn, torch.float8_e5m2, torch.float16, torch.bfloat16, torch.float32),
]


def test_every_dtype_of_torch_is_read(tmp_path) -> None:
    tensors = {str(n): torch.zeros(3, n + 1, dtype=dtype) for n, dtype in enumerate(DTYPES)}
    save_file(tensors | {"empty": torch.zeros(0, 4)}, tmp_path / "m")
    assert len(StoredTensors.read(tmp_path / "m").tensors) == len(DTYPES) + 1
