"""``model.onnx`` with its weights, the format of entropy models in earlier versions.

The graph runs over ``N`` blocks of ``C`` bytes at once (here one block), which attend to themselves
and to the ``P`` bytes before them. ``P`` is 0 for the first piece of a text, and ``W`` after that
many bytes (the metadata of the file hold ``W`` as ``window``).

| input                | shape                    | output                 | shape                |
|----------------------|--------------------------|------------------------|----------------------|
| ``tokens``           | ``[1, N, C]`` int64      | ``logits``             | ``[1, N * C, V]``    |
| ``keys``, ``values`` | ``[L, 1, P, G, E]``      | ``entropies`` (nats)   | ``[1, N * C]``       |
| ``documents``        | ``[1, P]`` int64         | ``next_keys``, ...     | the last ``W`` bytes |

Legend: ``L`` layers, ``G`` key/value heads, ``E`` head width, ``V`` vocabulary, ``S`` new bytes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bytelatent.runtime.numpy_kv_cache import Floats
from bytelatent.runtime.sessions import ModelFileError, open_session

WINDOW_KEY = "window"

BLOCK = 128
"""Number of bytes that one call runs over."""

State = dict[str, NDArray[Any]]


class SelfContained:
    """An entropy model as one graph with its weights.

    Args:
        session: the loaded graph.
        name: name of the model.

    Attributes:
        window: number of bytes that a byte attends to, itself included.
        reach: largest number of bytes before a position that its entropy may depend on.

    Raises:
        ModelFileError: the graph is of another kind.
    """

    def __init__(self, session: onnxruntime.InferenceSession, name: str) -> None:
        self.session = session
        shapes = {value.name: value.shape for value in session.get_inputs()}
        if set(shapes) != {"tokens", "keys", "values", "documents"}:
            raise ModelFileError(f"{name} is no entropy model: its inputs are {sorted(shapes)}")
        try:
            self.window = int(session.get_modelmeta().custom_metadata_map[WINDOW_KEY])
        except (KeyError, ValueError):
            raise ModelFileError(f"{name} does not say its window; export it again") from None
        layers, _, _, heads, width = shapes["keys"]
        self._empty = np.zeros((layers, 1, 0, heads, width), dtype=np.float32)
        self.reach = int(layers) * (self.window + BLOCK)

    @classmethod
    def load(cls, path: Path, *, threads: int) -> "SelfContained":
        """Load a graph from the file ``path``.

        Args:
            path: an ONNX file.
            threads: number of cores that one call may use.

        Raises:
            ModelFileError: the file is missing, damaged or of another kind.
        """
        return cls(open_session(path, threads=threads), path.parent.name)

    def begin(self) -> "SelfContainedReading":
        """Return the state before the first byte of a text."""
        documents = np.zeros((1, 0), dtype=np.int64)
        state = {"keys": self._empty, "values": self._empty, "documents": documents}
        return SelfContainedReading(self, state)

    def run(self, tokens_S: NDArray[np.int64], state: State) -> tuple[Floats, Floats, State]:
        """Run over one block; return logits ``[S, V]``, entropies ``[S]`` and the next state."""
        logits, nats, *after = self.session.run(None, {"tokens": tokens_S[None, None], **state})
        return logits[0], nats[0], dict(zip(state, after, strict=True))


class SelfContainedReading:
    """State of the graph at a position in a text; see :class:`.entropy_graph.Reading`."""

    def __init__(self, model: SelfContained, state: State) -> None:
        self._model, self._state = model, state

    def advance(self, tokens_S: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Run over the next bytes; return logits ``[S, V]`` and entropies ``[S]`` in nats."""
        parts = []
        for first in range(0, len(tokens_S), BLOCK):
            piece = tokens_S[first : first + BLOCK]
            *outputs, self._state = self._model.run(piece, self._state)
            parts.append(outputs)
        logits, nats = zip(*parts, strict=True)
        return np.concatenate(logits), np.concatenate(nats)

    def copy(self) -> "SelfContainedReading":
        """Return an independent copy at the same position."""
        return SelfContainedReading(self._model, self._state)
