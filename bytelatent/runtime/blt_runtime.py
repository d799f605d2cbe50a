"""Text generation by onnxruntime, without torch; the torch ``Engine`` generates the same text."""

from pathlib import Path
from typing import Self

from bytelatent.files import read_json
from bytelatent.formats.file_names import TRAIN_ARGS_FILE
from bytelatent.formats.find import local_folder
from bytelatent.generation.options import PROMPT_LIMIT
from bytelatent.generation.shared import SharedGenerator
from bytelatent.generation.text_generator import TextGenerator
from bytelatent.patching.patcher import PatcherArgs, released_patcher_args
from bytelatent.patching.rules import ENTROPY_MODES
from bytelatent.runtime.inspection import Inspection, inspect
from bytelatent.runtime.model_files import entropy_folder, load_graph, model_name
from bytelatent.runtime.numpy_rows import NumpyRow
from bytelatent.runtime.onnx_format import (
    BLT_GRAPHS,
    ENTROPY_GRAPH,
    BltShape,
    EntropyShape,
)
from bytelatent.runtime.row_steps import RowStepModel
from bytelatent.runtime.sessions import ModelFileError
from bytelatent.runtime.steps import Sessions, StepModel


class BltRuntime(TextGenerator[NumpyRow]):
    """Text generator that runs a BLT with only onnxruntime and numpy.

    Calls are independent and may run in several threads: each call creates its own state. A stream
    can be ended after any byte, by ``close()`` of the iterator or by leaving the loop; nothing runs
    in the background. The KV caches of a call hold at most the windows of bytes, and the keys and
    values of every patch for the global transformer.

    Args:
        model: the loaded graphs.
        name: name of the model.
        patcher: the patching rule.
        prompt_limit: largest number of bytes of a prompt, or of a text to inspect.
    """

    model: StepModel
    prompt_limit: int

    def __init__(
        self,
        model: StepModel,
        *,
        name: str,
        patcher: PatcherArgs,
        prompt_limit: int = PROMPT_LIMIT,
    ) -> None:
        super().__init__(model, prompt_limit=prompt_limit)
        self.name, self.patcher = name, patcher

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        entropy_model: str | Path | None = None,
        threads: int = 1,
        prompt_limit: int = PROMPT_LIMIT,
    ) -> Self:
        """Load the graphs that ``python -m bytelatent.export`` has written to a folder.

        Args:
            folder: folder of the BLT, or the name of a shipped one.
            entropy_model: folder or name of the entropy model; if None, the ``patcher_model`` of
                ``train_args.json``, or else the sub-folder ``entropy_model``.
            threads: number of cores that one step may use.
            prompt_limit: largest number of bytes of a prompt.

        Raises:
            ModelFileError: a file is missing, damaged or of another kind; the message names it.
        """
        folder = local_folder(folder)
        encoder, globals_, decoder = (
            load_graph(folder / name, BltShape, threads=threads) for name in BLT_GRAPHS
        )
        settings_path = folder / TRAIN_ARGS_FILE
        try:
            settings = read_json(settings_path)
            patcher = released_patcher_args(settings, settings_path)
        except ValueError as error:
            raise ModelFileError(str(error)) from None
        entropy, entropy_shape = None, None
        rows_together = all(graph.takes_rows for graph in (encoder, globals_, decoder))
        if patcher.mode() in ENTROPY_MODES:
            entropy_path = entropy_folder(folder, settings, entropy_model)
            graph = load_graph(entropy_path / ENTROPY_GRAPH, EntropyShape, threads=threads)
            entropy, entropy_shape = graph.session, graph.shape
            rows_together &= graph.takes_rows
        elif entropy_model is not None:
            raise ModelFileError(
                f"entropy_model: {folder} cuts patches by rule {patcher.mode().value!r}, which "
                "needs none"
            )
        sessions = Sessions(encoder.session, globals_.session, decoder.session, entropy)
        kind = RowStepModel if rows_together else StepModel
        try:
            model = kind(sessions, encoder.shape, entropy_shape, patcher)
        except ValueError as error:
            raise ModelFileError(f"{folder}: {error}") from None
        return cls(model, name=model_name(folder), patcher=patcher, prompt_limit=prompt_limit)

    def shared(self) -> SharedGenerator[NumpyRow]:
        """Return a generator for several threads, whose texts run through the model together."""
        return SharedGenerator(self)

    def inspect(self, data: bytes, *, top_k: int = 0) -> Inspection:
        """Run the model over ``data`` and return its patches, entropies, weights and predictions.

        Args:
            data: a text, valid UTF-8 or not; may be empty.
            top_k: number of most likely next tokens to return for every position.

        Raises:
            ValueError: ``data`` is longer than ``prompt_limit``.
        """
        self.check_prompt(data)
        return inspect(self.model, data, top_k=top_k)
