"""Reading and writing files of tensors (``.safetensors`` and ``.pth``) with little memory.

A file is mapped into memory, and its tensors are views of the map: nothing is read until a tensor
is used, and the system may drop the pages again. Weights of another dtype are converted part by
part, and the map is closed after every part, so that pages do not accumulate.
"""

import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bytelatent.files import os_errors_as_value_error

PART_BYTES = 2**24
"""Number of bytes that are converted before the map of the file is closed and opened again."""

State = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]


def read_tensors(path: Path, shapes: Shapes, dtype: torch.dtype | None = None) -> State:
    """Read the tensors of a file and check their names and shapes.

    Args:
        path: a ``.safetensors`` file, or a torch file with the tensors under ``model`` or at its
            top.
        shapes: shape of every tensor of the model, by its name.
        dtype: dtype of the result; when None the tensors are views of the mapped file.

    Raises:
        ValueError: the file is missing, damaged or not readable, or a tensor is missing, unknown,
            of another shape or not of floating point; the message names it.
    """
    tensors = map_tensors(path)
    _check(path, tensors, shapes)
    if dtype is None or all(tensor.dtype == dtype for tensor in tensors.values()):
        return tensors
    del tensors
    converted = {name: torch.empty(shape, dtype=dtype) for name, shape in shapes.items()}
    for part in _parts(shapes):
        tensors = map_tensors(path)
        for name, rows in part:
            converted[name][rows] = tensors[name][rows]
        del tensors  # closes the map
    return converted


def map_tensors(path: Path) -> State:
    """Map a file into memory and return all its tensors as views of the map.

    The map exists as long as one of the tensors.

    Raises:
        ValueError: the file is missing, damaged or not readable.
    """
    with os_errors_as_value_error(path, "read"):
        if path.suffix == ".safetensors":
            return _map_safetensors(path)
        return _map_torch(path)


def write_tensors(path: Path, state: State) -> None:
    """Write tensors to ``path`` in the format of its suffix; torch files have the key ``model``.

    Raises:
        OSError: the system refuses to write. :func:`bytelatent.files.replacing`, which provides a
            temporary path, turns this error into a ``ValueError``.
    """
    if path.suffix == ".safetensors":
        _write_safetensors(path, state)
    else:
        _write_torch(path, state)


def _map_safetensors(path: Path) -> State:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def _map_torch(path: Path) -> State:
    try:
        content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            f"{path} holds more than tensors and plain values; such a file could run code, so it "
            "is not opened"
        ) from None
    except RuntimeError as error:
        if "mmap can only be used" in str(error):
            raise ValueError(
                f"{path} is no torch checkpoint, or one in the format before torch 1.6; load it "
                "and save it again with torch.save"
            ) from None
        reason = str(error).split(". ")[0]
        raise ValueError(f"{path} is damaged, perhaps cut short: {reason}") from None
    state = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no state dict, neither bare nor under 'model'")
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"{path}: {name!r} is no tensor but a {type(value).__name__}")
    return state


def _write_safetensors(path: Path, state: State) -> None:
    try:
        save_file(state, path, metadata={"format": "pt"})
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while serializing: I/O error: ")
        raise OSError(re.sub(r" \(os error \d+\)$", "", reason)) from None


def _write_torch(path: Path, state: State) -> None:
    try:
        with path.open("wb") as file:
            torch.save({"model": state}, file)
    except RuntimeError as error:  # torch replaces the system's message by its own
        raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def _check(path: Path, tensors: State, shapes: Shapes) -> None:
    for text, names in (
        ("lacks", shapes.keys() - tensors.keys()),
        ("has unknown", tensors.keys() - shapes.keys()),
    ):
        if names:
            raise ValueError(
                f"{path} {text} tensor {min(names)!r} ({len(names)} in all); "
                "is it a checkpoint of another kind?"
            )
    for name, tensor in sorted(tensors.items()):
        if tuple(tensor.shape) != shapes[name]:
            raise ValueError(
                f"{path}: tensor {name!r} has shape {tuple(tensor.shape)}, "
                f"the config asks for {shapes[name]}"
            )
        if not tensor.is_floating_point():
            raise ValueError(f"{path}: tensor {name!r} holds {tensor.dtype}, not floating point")


def _parts(shapes: Shapes) -> Iterator[list[tuple[str, slice]]]:
    """Divide the rows of all tensors into parts of about ``PART_BYTES`` bytes in fp32."""
    part: list[tuple[str, slice]] = []
    room = PART_BYTES
    for name, (count, *rest) in shapes.items():
        row_bytes = 4 * torch.Size(rest).numel()
        first = 0
        while first < count:
            rows = max(1, min(count - first, room // row_bytes))
            part.append((name, slice(first, first + rows)))
            first, room = first + rows, room - rows * row_bytes
            if room <= 0:
                yield part
                part, room = [], PART_BYTES
    yield part
