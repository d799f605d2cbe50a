"""Loading of ONNX graphs: onnxruntime sessions, and errors that name the file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime


class ModelFileError(ValueError):
    """Error for a model file that is missing, damaged or of another kind; the message names it."""


class Session(Protocol):
    """Interface of a loaded graph; an onnxruntime session implements it."""

    def run(self, names: Sequence[str], feed: dict[str, Any]) -> list[Any]:
        """Run the graph over the inputs ``feed`` and return the outputs named in ``names``."""


class OneRowGraph:
    """Graph of one row, as earlier versions wrote it, with the inputs and outputs of today's.

    Args:
        session: session of a graph whose KV cache inputs, mask and output ``new`` have no
            dimension of rows; see :mod:`bytelatent.runtime.onnx_format`.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def is_one(session: onnxruntime.InferenceSession) -> bool:
        """Return whether ``session`` runs such a graph."""
        return any(value.name == "mask" and len(value.shape) == 2 for value in session.get_inputs())

    def run(self, names: Sequence[str], feed: dict[str, Any]) -> list[Any]:
        """Run the graph over the inputs ``feed`` of one row."""
        inputs = {
            name: value[0] if name.startswith(("keys_", "values_")) else value
            for name, value in feed.items()
        }
        inputs["mask"] = feed["mask"][0, 0]
        results = zip(names, self._session.run(names, inputs), strict=True)
        return [value[None] if name == "new" else value for name, value in results]


def open_session(
    path: Path, *, threads: int, weights: Path | None = None
) -> onnxruntime.InferenceSession:
    """Open an onnxruntime session on the file ``path``; several threads may run it at once.

    Args:
        path: an ONNX file.
        threads: number of cores that one call may use.
        weights: file in the same folder that holds the weights, if the ONNX file does not.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    if not path.is_file():
        raise ModelFileError(f"model file {path} does not exist")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised as exceptions
    # onnxruntime would keep a memory plan for every length of text, and needs none.
    options.enable_mem_pattern = False
    # Its arena never frees the memory of the longest text (50 MB here), and is not faster.
    options.enable_cpu_mem_arena = False
    # Threads that spin while they wait take cores from other requests: 15 % fewer requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        if weights is not None:
            # Mapped here, because onnxruntime does not follow links as in the hub's cache. It
            # copies what it needs, so a file that is written over in place changes no loaded model,
            # as it would if onnxruntime mapped the file itself.
            data = np.memmap(weights, dtype=np.uint8, mode="r")
            options.add_external_initializers_from_files_in_memory(
                [weights.name], [data], [len(data)]
            )
        model = str(path) if weights is None else path.read_bytes()
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a dozen classes of its own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelFileError(f"model file {path} cannot be loaded: {reason}") from error
