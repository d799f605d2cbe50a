"""The two checkpoint layouts of Meta, and their flat args.

| layout | args | weights |
|---|---|---|
| released | ``config.json``: ``{"args": {...}}`` | ``model.safetensors`` |
| consolidated | ``params.json``, see :func:`args_of_params` | ``consolidated.pth`` |

Where a folder holds both, the released one is read. The reference wrote every option it ever had
into the args; those that do nothing for the result are retired: accepted when read, never written
back with another meaning.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.files import os_errors_as_value_error, read_json

FileFormat = Literal["safetensors", "pth"]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
PARAMS_FILE = "params.json"
CONSOLIDATED_FILE = "consolidated.pth"
MODEL_FILES = (CONFIG_FILE, WEIGHTS_FILE, PARAMS_FILE, CONSOLIDATED_FILE)
"""What reading a model may need of a folder or repository."""

RETIRED_LM_KEYS = frozenset({"attn_impl", "rope_use_fp32_in_outer_product"})
"""Keys of released entropy models that choose a kernel and change no result."""

Args = TypeVar("Args", bound=BaseModel)


MARKS = {
    "LMTransformer": ("sliding_window", "an entropy model"),
    "ByteLatentTransformer": ("dim_global", "a BLT"),
}
"""For each class that reads checkpoints, a flat key that only its own have, and what they are."""


@dataclass(frozen=True)
class Kind(Generic[Args]):
    """What the checkpoints of one kind of model say.

    Attributes:
        loader: the class that reads them.
        section: where training args, and so ``params.json``, keep this model's args.
        read: flat args to checked ones; raises ``ValueError``.
        write: checked args to flat ones; raises ``ValueError``.
    """

    loader: str
    section: str
    read: Callable[[dict[str, Any]], Args]
    write: Callable[[Args], dict[str, Any]]


class Found(NamedTuple, Generic[Args]):
    """A checkpoint in a folder: its args, and the file of its weights."""

    args: Args
    weights: Path


def lm_args(flat: dict[str, Any]) -> LMTransformerArgs:
    """The entropy model that flat args of a released file describe.

    Raises:
        ValueError: a key is unknown or has an impossible value.
    """
    kept = {key: value for key, value in flat.items() if key not in RETIRED_LM_KEYS}
    check_keys(kept, LMTransformerArgs)
    return LMTransformerArgs.model_validate(kept)


def lm_flat_args(args: LMTransformerArgs) -> dict[str, Any]:
    """The flat keys of an entropy model; :func:`lm_args` reads them back."""
    return args.model_dump() | {"attn_impl": "sdpa"}


LM_KIND = Kind("LMTransformer", "entropy_model", lm_args, lm_flat_args)


def find_checkpoint(folder: Path, kind: Kind[Args]) -> Found[Args]:
    """The args of the checkpoint in ``folder`` and the path of its weights, which may be missing.

    Raises:
        ValueError: there is no config, or it is damaged, describes another kind of model, or holds
            an unknown or impossible setting.
    """
    config, params = folder / CONFIG_FILE, folder / PARAMS_FILE
    with os_errors_as_value_error(folder, "read"):
        released, consolidated = config.is_file(), params.is_file()
    if released:
        args = _interpret(config, _args_of_config(config), kind)
        return Found(args, folder / WEIGHTS_FILE)
    if consolidated:
        args = _interpret(params, args_of_params(params, kind.section), kind)
        return Found(args, folder / CONSOLIDATED_FILE)
    raise ValueError(
        f"{config} does not exist, nor {PARAMS_FILE} of a .pth checkpoint: {folder} holds no model"
    )


def check_keys(given: dict[str, Any], kind: type[BaseModel]) -> None:
    """Refuse keys that ``kind`` has not got.

    Raises:
        ValueError: names the first, and the nearest known one.
    """
    unknown = min(given.keys() - kind.model_fields.keys(), default=None)
    if unknown is not None:
        near = difflib.get_close_matches(unknown, kind.model_fields, n=1, cutoff=0.0)
        raise ValueError(f"{unknown}: unknown key; the nearest known one is {near[0]}")


def explain(error: ValidationError) -> str:
    """One line for the first thing that is wrong in a configuration."""
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
    """Args in the section of training args, under ``model`` or ``args``, or bare."""
    params = read_json(path)
    if not isinstance(params, dict):
        raise ValueError(f"{path} holds no object")
    for key in (section, "model", "args"):
        if isinstance(params.get(key), dict):
            return dict(params[key])
    return params


def _interpret(path: Path, flat: dict[str, Any], kind: Kind[Args]) -> Args:
    for loader, (mark, name) in MARKS.items():
        if loader != kind.loader and mark in flat and MARKS[kind.loader][0] not in flat:
            raise ValueError(f"{path} describes {name}; read it with {loader}.from_pretrained")
    try:
        return kind.read(flat)
    except ValidationError as error:
        raise ValueError(f"{path}: {explain(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
