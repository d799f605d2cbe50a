"""The released checkpoint layout: ``config.json`` with flat args, and ``model.safetensors``.

``config.json`` holds ``{"args": {...}}``. The reference wrote every option it ever had; those that
do nothing for the result are retired: accepted when read, never written back with another meaning.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from bytelatent.files import read_json, replacing, write_json
from bytelatent.model.args import LMTransformerArgs

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"

RETIRED_LM_KEYS = frozenset({"attn_impl", "rope_use_fp32_in_outer_product"})
"""Keys of released entropy models that choose a kernel and change no result."""

Args = TypeVar("Args")
Model = TypeVar("Model", bound=nn.Module)


def lm_args(flat: dict[str, Any]) -> LMTransformerArgs:
    """The entropy model that flat args of a released file describe."""
    return LMTransformerArgs.model_validate(
        {key: value for key, value in flat.items() if key not in RETIRED_LM_KEYS}
    )


def read_args(folder: Path, interpret: Callable[[dict[str, Any]], Args]) -> Args:
    """The args in ``folder/config.json``, as ``interpret`` understands their flat keys.

    Raises:
        ValueError: the file is missing or damaged, or holds an unknown or impossible setting.
    """
    path = folder / CONFIG_FILE
    config = read_json(path)
    flat = config.get("args") if isinstance(config, dict) else None
    if not isinstance(flat, dict):
        raise ValueError(f'{path} is no released config: it needs an object under "args"')
    try:
        return interpret(flat)
    except ValidationError as error:
        raise ValueError(f"{path}: {explain(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def write_folder(folder: Path, model: nn.Module, flat: dict[str, Any]) -> None:
    """Write ``model`` in the released layout; each file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(folder / WEIGHTS_FILE) as temporary:
        save_file(state, temporary, metadata={"format": "pt"})
    write_json(folder / CONFIG_FILE, {"args": dict(sorted(flat.items()))})


def read_weights(folder: Path, model: Model, dtype: torch.dtype | None = None) -> Model:
    """Fill a model that was built on the meta device from ``folder/model.safetensors``.

    The file is memory-mapped and converted tensor by tensor, so the weights are never held twice.

    Raises:
        ValueError: a tensor is missing, unknown or of another shape, or the file is damaged.
    """
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise ValueError(f"{path} does not exist")
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    state = {}
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            _check_names(path, names, set(expected))
            for name in sorted(names):
                tensor = file.get_tensor(name)
                if tuple(tensor.shape) != expected[name]:
                    raise ValueError(
                        f"{path}: tensor {name!r} has shape {tuple(tensor.shape)}, "
                        f"the config asks for {expected[name]}"
                    )
                state[name] = tensor if dtype is None else tensor.to(dtype)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    model.load_state_dict(state, assign=True)
    return model


def explain(error: ValidationError) -> str:
    """One line for the first thing that is wrong in a configuration."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "config"
    return f"{place}: {first['msg']}"


def _check_names(path: Path, found: set[str], expected: set[str]) -> None:
    for text, names in (("lacks", expected - found), ("has unknown", found - expected)):
        if names:
            raise ValueError(
                f"{path} {text} tensor {min(names)!r} ({len(names)} in all); "
                "is it a checkpoint of another kind?"
            )
