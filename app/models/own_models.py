"""The option ``--model FOLDER``: the kind of the model, and the settings that use it."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from app.settings import Settings
from bytelatent.files import read_json
from bytelatent.formats.file_names import CONFIG_FILE, TRAIN_ARGS_FILE
from bytelatent.formats.released import MARKS
from bytelatent.runtime.model_files import entropy_folder
from bytelatent.runtime.onnx_format import BLT_GRAPHS, ENTROPY_GRAPH, SELF_CONTAINED_FILE

Kind = Literal["entropy", "blt"]
LARGEST_JSON = 16 * 1024 * 1024
"""Size in bytes of the largest JSON file of a model that is read."""


def kind_of(folder: Path) -> Kind:
    """Return the kind of the model in ``folder``, from its ONNX graphs or else from its config.

    A folder of unknown kind counts as an entropy model; loading it then reports the error.
    """
    if any((folder / name).is_file() for name in BLT_GRAPHS):
        return "blt"
    if _measures(folder):
        return "entropy"
    args = _object(folder / CONFIG_FILE).get("args")
    mark, _ = MARKS["ByteLatentTransformer"]
    return "blt" if isinstance(args, dict) and mark in args else "entropy"


def with_own_model(settings: Settings) -> Settings:
    """Return ``settings`` with the model that the server was started with, if any.

    An entropy model replaces the one that measures texts. A BLT replaces the one that generates
    texts; its own entropy model then measures texts if it was exported too, otherwise the shipped
    one does.
    """
    folder = settings.own_model
    if folder is None:
        return settings
    if kind_of(folder) == "entropy":
        return replace(settings, model_folder=folder)
    measuring = _entropy_model_of(folder)
    with_blt = replace(settings, blt_folder=folder)
    return replace(with_blt, model_folder=measuring) if measuring else with_blt


def _entropy_model_of(folder: Path) -> Path | None:
    try:
        entropy_model = entropy_folder(folder, _object(folder / TRAIN_ARGS_FILE), None)
    except ValueError:
        return None
    return entropy_model if _measures(entropy_model) else None


def _measures(folder: Path) -> bool:
    """Return whether ``folder`` contains an exported entropy model, of any version."""
    return any((folder / name).is_file() for name in (ENTROPY_GRAPH, SELF_CONTAINED_FILE))


def _object(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path, limit=LARGEST_JSON)
    except (ValueError, OSError):
        return {}
    return value if isinstance(value, dict) else {}
