"""Reading and writing files of tensors (``.safetensors`` and ``.pth``) with little memory.

A file is mapped into memory, and its tensors are views of the map: nothing is read until a tensor
is used, and the system may drop the pages again. Weights of another dtype are converted part by
part, and the map is closed after every part, so that pages do not accumulate.
"""

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bytelatent.files import os_errors_as_value_error
from bytelatent.formats.file_names import INDEX_FILE
from bytelatent.formats.stored_names import (
    files_of_tensors,
    scale_of_quantised_weights,
    stored_names,
)

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Precisions in which weights may be stored, by name."""

PART_BYTES = 2**24
"""Number of bytes that are converted before the map of the file is closed and opened again."""

OTHER_WEIGHTS = {".bin", ".ckpt", ".gguf", ".h5", ".msgpack", ".pt", ".pth", ".safetensors"}
"""Suffixes of files that may hold weights under a name that is not read."""

State = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]


def read_tensors(
    path: Path,
    shapes: Shapes,
    dtype: torch.dtype | None = None,
    shared: Mapping[str, str] | None = None,
    *,
    one_dtype: bool = True,
) -> State:
    """Read the tensors of a file or of shards and check their names and shapes.

    Names may have the prefixes that wrappers of torch put in front of them.

    Args:
        path: a ``.safetensors`` file, the index of such files, or a torch file with the tensors
            under ``model`` or at its top.
        shapes: shape of every tensor of the model, by its name.
        dtype: dtype of the result; when None the tensors are views of the mapped file.
        shared: names that a file may have besides those of ``shapes``, each with the name of the
            tensor that it must be equal to; a file may have either name or both.
        one_dtype: whether all tensors are converted to the widest dtype of the file if it has
            several and ``dtype`` is None, because torch multiplies no mixture. A file with several
            models may have one dtype for each.

    Raises:
        ValueError: the file is missing, damaged or not readable, or a tensor is missing, unknown,
            of another shape, not of floating point or quantised; the message names it.
    """
    tensors = map_tensors(path)
    names = _names(path, tensors, shapes, shared or {})
    tensors = {own: tensors[stored] for own, stored in names.items()}
    _check(path, tensors, shapes, dtype)
    dtypes = {tensor.dtype for tensor in tensors.values()}
    if len(dtypes) > 1 and dtype is None and one_dtype:
        dtype = next(iter(dtypes))
        for other in dtypes:
            dtype = torch.promote_types(dtype, other)
    if dtype is None or dtypes == {dtype}:
        return tensors
    del tensors
    converted = {name: torch.empty(shape, dtype=dtype) for name, shape in shapes.items()}
    for part in _parts(shapes):
        tensors = map_tensors(path)
        for name, rows in part:
            converted[name][rows] = tensors[names[name]][rows]
        del tensors  # closes the map
    return converted


def map_tensors(path: Path) -> State:
    """Map a file, or the shards of an index, into memory; return all tensors as views of the map.

    The map exists as long as one of the tensors.

    Raises:
        ValueError: the file is missing, damaged or not readable.
    """
    if path.name == INDEX_FILE:
        return _map_shards(path)
    with os_errors_as_value_error(path, "read"):
        _point_out_other_weights(path)
    return _map_file(path)


def _map_file(path: Path) -> State:
    with os_errors_as_value_error(path, "read"):
        if path.suffix == ".safetensors":
            return _map_safetensors(path)
        return _map_torch(path)


def with_own_memory(state: State) -> State:
    """Return contiguous tensors with the same values that share no memory with other tensors.

    A tensor that is a part of a larger one, or that shares its memory with an earlier tensor of
    ``state``, is copied: safetensors refuses tensors with common memory, and torch would write all
    memory that a tensor is a part of. The other tensors are not copied.
    """
    own: State = {}
    used: set[int] = set()
    for name, tensor in state.items():
        tensor = tensor.detach().contiguous()
        storage = tensor.untyped_storage()
        if storage.nbytes() > tensor.nbytes or storage.data_ptr() in used:
            tensor = tensor.clone()
        used.add(tensor.untyped_storage().data_ptr())
        own[name] = tensor
    return own


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


def _map_shards(index: Path) -> State:
    files = files_of_tensors(index)
    tensors: State = {}
    for shard in sorted(set(files.values())):
        mapped = _map_file(shard)
        for name in (name for name, file in files.items() if file == shard):
            if name not in mapped:
                raise ValueError(f"{shard} lacks tensor {name!r}, which {index.name} lists there")
            tensors[name] = mapped[name]
    return tensors


def _point_out_other_weights(path: Path) -> None:
    """Raise an error if a single file of weights is missing and its folder has another one."""
    if path.exists() or not path.parent.is_dir():
        return
    names = sorted(other.name for other in path.parent.iterdir())
    others = [name for name in names if Path(name).suffix in OTHER_WEIGHTS]
    if others:
        raise ValueError(
            f"{path} does not exist; {others[0]} is not read: convert or rename it to {path.name}"
        )


def _names(path: Path, tensors: State, shapes: Shapes, shared: Mapping[str, str]) -> dict[str, str]:
    """Return the stored name of each tensor by its own name; shared ones are left out if equal."""
    names = stored_names(path, tensors, shapes)
    for alias, own in shared.items():
        if alias in shapes or alias not in names:
            continue
        stored = names.pop(alias)
        if own not in names:
            names[own] = stored
        elif not torch.equal(tensors[stored], tensors[names[own]]):
            raise ValueError(
                f"{path}: tensor {alias!r} differs from {own!r}, although the config has "
                "weight_tying, with which the two are one; set weight_tying to false there"
            )
    return names


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


def _check(path: Path, tensors: State, shapes: Shapes, dtype: torch.dtype | None) -> None:
    scale = scale_of_quantised_weights(tensors.keys() - shapes.keys())
    if scale is not None:
        raise ValueError(
            f"{path} is quantised: {scale!r} belongs to no weight of the model; store the weights "
            "in float32, bfloat16 or float16"
        )
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
        if tensor.dtype.itemsize == 1 and dtype is None:
            raise ValueError(
                f"{path}: tensor {name!r} is stored as {tensor.dtype}, in which torch computes no "
                "model; load it with a wider dtype, such as dtype=torch.bfloat16"
            )


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
