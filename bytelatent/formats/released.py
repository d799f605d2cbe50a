"""The two checkpoint layouts of Meta and their flat settings.

| layout | args | weights |
|---|---|---|
| released | ``config.json``: ``{"args": {...}}`` | ``model.safetensors``, or shards and index |
| consolidated | ``params.json``, see :func:`args_of_params` | ``consolidated.pth`` |

If a folder contains both layouts, the released layout is read. Released files contain every option
of the program that wrote them. Options that do not change the result are *retired*: they are
accepted when a file is read and never written with another meaning.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.files import os_errors_as_value_error, read_json
from bytelatent.formats.file_names import (
    CONFIG_FILE,
    CONSOLIDATED_FILE,
    INDEX_FILE,
    PARAMS_FILE,
    WEIGHTS_FILE,
)

FileFormat = Literal["safetensors", "pth"]

RETIRED_LM_KEYS = frozenset({"attn_impl", "rope_use_fp32_in_outer_product"})
"""Keys of released entropy models that choose a kernel and change no result."""

Args = TypeVar("Args", bound=BaseModel)


MARKS = {
    "LMTransformer": ("sliding_window", "an entropy model"),
    "ByteLatentTransformer": ("dim_global", "a BLT"),
}
"""For each class that loads checkpoints, a flat key that only its checkpoints have, and a name."""


@dataclass(frozen=True)
class CheckpointKind(Generic[Args]):
    """Format of the settings in checkpoints of one kind of model.

    Attributes:
        loader: name of the class that loads these checkpoints.
        section: key of the settings of this model in training settings and in ``params.json``.
        read: function from flat settings to checked settings; it raises ``ValueError``.
        write: function from checked settings to flat settings; it raises ``ValueError``.
    """

    loader: str
    section: str
    read: Callable[[dict[str, Any]], Args]
    write: Callable[[Args], dict[str, Any]]


class StoredCheckpoint(NamedTuple, Generic[Args]):
    """Checkpoint in a folder.

    Attributes:
        args: settings of the model.
        weights: path of the file of weights, or of the index of shards; it may be missing.
    """

    args: Args
    weights: Path


def lm_args(flat: dict[str, Any]) -> LMTransformerArgs:
    """Convert the flat settings of a released entropy model to checked settings.

    Raises:
        ValueError: a key is unknown or has an impossible value.
    """
    kept = {key: value for key, value in flat.items() if key not in RETIRED_LM_KEYS}
    check_keys(kept, LMTransformerArgs)
    return LMTransformerArgs.model_validate(kept)


def lm_flat_args(args: LMTransformerArgs) -> dict[str, Any]:
    """Convert the settings of an entropy model to flat settings, the inverse of :func:`lm_args`."""
    return args.model_dump() | {"attn_impl": "sdpa"}


LM_KIND = CheckpointKind("LMTransformer", "entropy_model", lm_args, lm_flat_args)


def find_checkpoint(folder: Path, kind: CheckpointKind[Args]) -> StoredCheckpoint[Args]:
    """Read the settings of the checkpoint in ``folder`` and find the path of its weights.

    The file of weights may be missing.

    Raises:
        ValueError: the config is missing or damaged, describes another kind of model, or contains
            an unknown or impossible setting.
    """
    config, params = folder / CONFIG_FILE, folder / PARAMS_FILE
    with os_errors_as_value_error(folder, "read"):
        released, consolidated = config.is_file(), params.is_file()
    if released:
        args = _interpret(config, _args_of_config(config), kind)
        in_shards = not (folder / WEIGHTS_FILE).exists() and (folder / INDEX_FILE).is_file()
        return StoredCheckpoint(args, folder / (INDEX_FILE if in_shards else WEIGHTS_FILE))
    if consolidated:
        args = _interpret(params, args_of_params(params, kind.section), kind)
        return StoredCheckpoint(args, folder / CONSOLIDATED_FILE)
    raise ValueError(
        f"{config} does not exist, nor {PARAMS_FILE} of a .pth checkpoint: {folder} holds no model"
    )


def check_keys(flat: dict[str, Any], kind: type[BaseModel]) -> None:
    """Check that every key of ``flat`` is a field of ``kind``.

    Raises:
        ValueError: a key is unknown; the message names the first one and the nearest known key.
    """
    unknown = min(flat.keys() - kind.model_fields.keys(), default=None)
    if unknown is not None:
        near = difflib.get_close_matches(unknown, kind.model_fields, n=1, cutoff=0.0)
        raise ValueError(f"{unknown}: unknown key; the nearest known one is {near[0]}")


def explain(error: ValidationError) -> str:
    """Return one line about the first error in a configuration."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "config"
    return f"{place}: {first['msg']}"


def _args_of_config(path: Path) -> dict[str, Any]:
    config = read_json(path)
    flat = config.get("args") if isinstance(config, dict) else None
    if isinstance(flat, dict):
        return flat
    library_kind = config.get("model_type") if isinstance(config, dict) else None
    if library_kind == "blt":
        raise ValueError(
            f"{path} is in the format of the transformers library; convert it with "
            "python -m bytelatent.hf convert-from-transformers"
        )
    if library_kind is not None:
        raise ValueError(f"{path} describes a model of another kind, {library_kind!r}")
    raise ValueError(f'{path} is no released config: it needs an object under "args"')


def args_of_params(path: Path, section: str) -> dict[str, Any]:
    """Read the settings of a model from ``params.json``.

    They are in the section ``section`` of training settings, under ``model``, under ``args``, or at
    the top of the file.

    Raises:
        ValueError: the file is missing, damaged or contains no JSON object.
    """
    params = read_json(path)
    if not isinstance(params, dict):
        raise ValueError(f"{path} holds no object")
    for key in (section, "model", "args"):
        if isinstance(params.get(key), dict):
            return dict(params[key])
    return params


def _interpret(path: Path, flat: dict[str, Any], kind: CheckpointKind[Args]) -> Args:
    for loader, (mark, name) in MARKS.items():
        if loader != kind.loader and mark in flat and MARKS[kind.loader][0] not in flat:
            raise ValueError(f"{path} describes {name}; read it with {loader}.from_pretrained")
    try:
        return kind.read(flat)
    except ValidationError as error:
        raise ValueError(f"{path}: {explain(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
