"""Loading and checking of the graphs in a model's folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from bytelatent.files import read_json
from bytelatent.formats.file_names import (
    CALIBRATION_FILE,
    ENTROPY_FOLDER,
    TRAIN_ARGS_FILE,
    WEIGHTS_FILE,
)
from bytelatent.formats.find import model_folder
from bytelatent.formats.safetensors_header import StoredTensors
from bytelatent.patching.patcher import DEFAULT_THRESHOLD
from bytelatent.runtime.onnx_format import GRAPH_KEY, SHAPE_KEY, WEIGHTS_KEY
from bytelatent.runtime.sessions import ModelFileError, OneRowGraph, Session, open_session

LARGEST_ARGS = 16 * 1024 * 1024
"""Size in bytes of the largest ``train_args.json`` that a name is read from."""

UNNAMED = frozenset({"model", "blt", "entropy", ENTROPY_FOLDER})
"""Names of folders that say nothing about a model: commands give them to every model."""

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class LoadedGraph(Generic[Shape]):
    """A loaded graph and the description of its model.

    Attributes:
        session: the onnxruntime session, or one with the same interface.
        shape: dimensions of the model, from the metadata of the graph.
    """

    session: Session
    shape: Shape

    @property
    def takes_rows(self) -> bool:
        """Whether a call may run over several rows."""
        return not isinstance(self.session, OneRowGraph)


def load_graph(
    path: Path, kind: type[Shape], *, threads: int, name: str | None = None
) -> LoadedGraph[Shape]:
    """Load a graph whose weights are in ``model.safetensors`` in the same folder.

    Args:
        path: file of the graph.
        kind: class of the description that the graph must have.
        threads: number of cores that one call may use.
        name: name that the graph must have in its metadata; the name of the file if None.

    Raises:
        ModelFileError: the graph or the weights are missing, damaged, or do not belong together.
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
        graph_name = notes[GRAPH_KEY]
    except (KeyError, ValidationError):
        graph_name = None
    if graph_name != name:
        raise ModelFileError(
            f"model file {path} is no {name} of this version; python -m bytelatent.export "
            f"{path.parent} writes it"
        )
    if notes.get(WEIGHTS_KEY) != stored.fingerprint:
        raise ModelFileError(f"model file {path} was not made for {stored.path}; export it again")
    return LoadedGraph(OneRowGraph(session) if OneRowGraph.is_one(session) else session, shape)


def model_name(folder: Path) -> str:
    """Return the name of the model in ``folder``.

    It is the name of the folder. For a folder that a command names alike for every model, such as
    ``model``, it is the ``name`` in ``train_args.json``, or else the name of the folder above.
    """
    folder = folder.absolute()
    if folder.name not in UNNAMED:
        return folder.name
    try:
        name = read_json(folder / TRAIN_ARGS_FILE, limit=LARGEST_ARGS)["name"]
    except (ValueError, KeyError, TypeError, OSError):
        name = None
    if isinstance(name, str) and name.strip() and name.isprintable():
        return name
    return folder.parent.name or folder.name


def is_calibrated(folder: Path, threshold: float) -> bool:
    """Return whether a threshold in nats was chosen for the model in ``folder``.

    It was not if it is that of the released checkpoints and the folder has no calibration.
    """
    return threshold != DEFAULT_THRESHOLD or (folder / CALIBRATION_FILE).is_file()


def entropy_folder(folder: Path, settings: Any, entropy_model: str | Path | None) -> Path:
    """Return the folder of the entropy model of the BLT in ``folder``.

    Args:
        folder: folder of the BLT.
        settings: content of its ``train_args.json``.
        entropy_model: folder or name of the entropy model; if None, that in the settings, or else
            the sub-folder of ``folder``.

    Raises:
        ModelFileError: no entropy model is named, or there is none of that name.
    """
    model_name = entropy_model or settings.get("patcher_model")
    if model_name is None and (folder / ENTROPY_FOLDER).is_dir():
        return folder / ENTROPY_FOLDER
    if model_name is None:
        raise ModelFileError(
            f"patches of {folder} are cut by entropies, and its train_args.json names no "
            "patcher_model"
        )
    try:
        return model_folder(model_name)
    except ValueError as error:
        raise ModelFileError(f"entropy model of {folder}: {error}") from None
