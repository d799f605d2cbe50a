"""Loading graphs: onnxruntime sessions, and errors that name the file."""

from pathlib import Path

import numpy as np
import onnxruntime


class ModelFileError(ValueError):
    """A model file is missing, damaged or of another kind; the message names it."""


def open_session(
    path: Path, *, threads: int, weights: Path | None = None
) -> onnxruntime.InferenceSession:
    """A session on ``path``; several threads may run it at once.

    Args:
        path: an ONNX file.
        threads: cores that one call may use.
        weights: file in the same folder that its weights are in.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    if not path.is_file():
        raise ModelFileError(f"model file {path} does not exist")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its complaints come back as exceptions
    # A memory plan is kept for every length of text that was ever seen, and none is needed.
    options.enable_mem_pattern = False
    # Its arena never gives back what the longest text took (50 MB here), and is no faster.
    options.enable_cpu_mem_arena = False
    # Threads that spin while they wait take the cores from other requests: 15 % fewer of them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        if weights is not None:
            # Mapped here: onnxruntime itself follows no link, as in the cache of the hub.
            data = np.memmap(weights, dtype=np.uint8, mode="r")
            options.add_external_initializers_from_files_in_memory(
                [weights.name], [data], [len(data)]
            )
        model = str(path) if weights is None else path.read_bytes()
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a dozen kinds of its own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelFileError(f"model file {path} cannot be loaded: {reason}") from error
