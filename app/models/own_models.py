"""``--model FOLDER``: which kind of model a folder holds, and what the app does with it."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from app.settings import Settings
from bytelatent.files import read_json
from bytelatent.formats.released import CONFIG_FILE, MARKS
from bytelatent.runtime.blt_runtime import TRAIN_ARGS_FILE
from bytelatent.runtime.model_files import entropy_folder
from bytelatent.runtime.onnx_format import BLT_GRAPHS, ENTROPY_GRAPH, SELF_CONTAINED_FILE

Kind = Literal["entropy", "blt"]


def kind_of(folder: Path) -> Kind:
    """The kind of the model in ``folder``: by its graphs, or its config if it has none.

    What cannot be told counts as an entropy model; loading it will say what is wrong.
    """
    if any((folder / name).is_file() for name in BLT_GRAPHS):
        return "blt"
    if _measures(folder):
        return "entropy"
    args = _object(folder / CONFIG_FILE).get("args")
    mark, _ = MARKS["ByteLatentTransformer"]
    return "blt" if isinstance(args, dict) and mark in args else "entropy"


def with_own_model(settings: Settings) -> Settings:
    """``settings`` with the model that the server was started with, if any.

    An entropy model measures texts. A BLT makes them, and its own entropy model measures them if
    that was exported too; else the one that comes along does.
    """
    folder = settings.own_model
    if folder is None:
        return settings
    if kind_of(folder) == "entropy":
        return replace(settings, model_folder=folder)
    measuring = _entropy_model_of(folder)
    found = replace(settings, blt_folder=folder)
    return replace(found, model_folder=measuring) if measuring else found


def _entropy_model_of(folder: Path) -> Path | None:
    try:
        found = entropy_folder(folder, _object(folder / TRAIN_ARGS_FILE), None)
    except ValueError:
        return None
    return found if _measures(found) else None


def _measures(folder: Path) -> bool:
    """Whether an entropy model was exported there, by this version or an earlier one."""
    return any((folder / name).is_file() for name in (ENTROPY_GRAPH, SELF_CONTAINED_FILE))


def _object(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (ValueError, OSError):
        return {}
    return value if isinstance(value, dict) else {}
