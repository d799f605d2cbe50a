"""Finding and checking the graphs of a model's folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import onnxruntime
from pydantic import BaseModel, ValidationError

from bytelatent.formats.find import model_folder
from bytelatent.formats.safetensors_header import StoredTensors
from bytelatent.runtime.onnx_format import (
    ENTROPY_FOLDER,
    GRAPH_KEY,
    SHAPE_KEY,
    WEIGHTS_FILE,
    WEIGHTS_KEY,
)
from bytelatent.runtime.sessions import ModelFileError, open_session

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class LoadedGraph(Generic[Shape]):
    """A graph and what it says of its model."""

    session: onnxruntime.InferenceSession
    shape: Shape


def load_graph(
    path: Path, kind: type[Shape], *, threads: int, name: str | None = None
) -> LoadedGraph[Shape]:
    """Load a graph whose weights lie in ``model.safetensors`` beside it.

    Args:
        path: the graph.
        kind: of model that it must be of.
        threads: cores that one call may use.
        name: which of its graphs it must be; that of the file when left out.

    Raises:
        ModelFileError: the graph or the weights are missing, damaged, or not made for each other.
    """
    if not path.is_file():
        raise ModelFileError(
            f"model file {path} does not exist; python -m bytelatent.export {path.parent} writes it"
        )
    try:
        stored = StoredTensors.read(path.parent / WEIGHTS_FILE)
    except ValueError as error:
        raise ModelFileError(f"model file {error}") from None
    session = open_session(path, threads=threads, weights=stored.path)
    notes = session.get_modelmeta().custom_metadata_map
    name = name or path.name
    try:
        shape = kind.model_validate_json(notes[SHAPE_KEY])
        found = notes[GRAPH_KEY]
    except (KeyError, ValidationError):
        found = None
    if found != name:
        raise ModelFileError(
            f"model file {path} is no {name} of this version; python -m bytelatent.export "
            f"{path.parent} writes it"
        )
    if notes.get(WEIGHTS_KEY) != stored.fingerprint:
        raise ModelFileError(f"model file {path} was not made for {stored.path}; export it again")
    return LoadedGraph(session, shape)


def entropy_folder(folder: Path, settings: Any, given: str | Path | None) -> Path:
    """Where the entropy model of the BLT in ``folder`` is.

    Args:
        folder: of the BLT.
        settings: content of its ``train_args.json``.
        given: folder or name; else what the settings or the folder say.

    Raises:
        ModelFileError: nothing says, or there is none of that name.
    """
    named = given or settings.get("patcher_model")
    if named is None and (folder / ENTROPY_FOLDER).is_dir():
        return folder / ENTROPY_FOLDER
    if named is None:
        raise ModelFileError(
            f"patches of {folder} are cut by entropies, and its train_args.json names no "
            "patcher_model"
        )
    try:
        return model_folder(named)
    except ValueError as error:
        raise ModelFileError(f"entropy model of {folder}: {error}") from None
