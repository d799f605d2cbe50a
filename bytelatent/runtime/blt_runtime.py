"""A BLT without torch, which generates the same text as the torch ``Engine``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from bytelatent.files import read_json
from bytelatent.formats.find import local_folder
from bytelatent.generation.events import Event, Generated
from bytelatent.generation.run import MAX_BYTES, Options, Run, Speculate
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.patching.patcher import PatcherArgs, released_patcher_args
from bytelatent.patching.rules import ENTROPY_MODES
from bytelatent.runtime.inspection import Inspection, inspect
from bytelatent.runtime.model_files import (
    TRAIN_ARGS_FILE,
    entropy_folder,
    load_graph,
    model_name,
)
from bytelatent.runtime.onnx_format import (
    BLT_GRAPHS,
    ENTROPY_GRAPH,
    BltShape,
    EntropyShape,
)
from bytelatent.runtime.runtime_rows import Row
from bytelatent.runtime.sessions import ModelFileError
from bytelatent.runtime.steps import Sessions, StepModel

PROMPT_LIMIT = 32_768
"""Largest number of bytes of a prompt: memory grows with its number of patches."""


class BltRuntime:
    """A BLT that runs with only onnxruntime and numpy.

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

    def __init__(
        self,
        model: StepModel,
        *,
        name: str,
        patcher: PatcherArgs,
        prompt_limit: int = PROMPT_LIMIT,
    ) -> None:
        self.model, self.name, self.patcher = model, name, patcher
        self.prompt_limit = prompt_limit

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
        if patcher.mode() in ENTROPY_MODES:
            entropy_path = entropy_folder(folder, settings, entropy_model)
            graph = load_graph(entropy_path / ENTROPY_GRAPH, EntropyShape, threads=threads)
            entropy, entropy_shape = graph.session, graph.shape
        elif entropy_model is not None:
            raise ModelFileError(
                f"entropy_model: {folder} cuts patches by rule {patcher.mode().value!r}, which "
                "needs none"
            )
        sessions = Sessions(encoder.session, globals_.session, decoder.session, entropy)
        try:
            model = StepModel(sessions, encoder.shape, entropy_shape, patcher)
        except ValueError as error:
            raise ModelFileError(f"{folder}: {error}") from None
        return cls(model, name=model_name(folder), patcher=patcher, prompt_limit=prompt_limit)

    def stream(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int = MAX_BYTES,
        sampling: SamplingArgs | None = None,
        stop: Sequence[bytes] = (),
        speculate: Speculate = None,
    ) -> Iterator[Event]:
        """Yield the tokens of all rows as they are generated, as ``Engine.stream`` of torch does.

        Args:
            prompts: bytes that each text continues; may be empty and need not be UTF-8.
            max_bytes: largest number of tokens of a row.
            sampling: how a token is chosen; greedy if None.
            stop: strings; a row ends before the first of them that it generates.
            speculate: number of tokens to draft at once, ``auto``, or None.

        Raises:
            ValueError: a number is out of range, a stop string is empty, or a prompt is too long.
        """
        return iter(self._run(prompts, max_bytes, sampling, stop, speculate))

    def generate(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int = MAX_BYTES,
        sampling: SamplingArgs | None = None,
        stop: Sequence[bytes] = (),
        speculate: Speculate = None,
    ) -> list[Generated]:
        """Return the whole text of every row; the arguments are those of :meth:`stream`."""
        return self._run(prompts, max_bytes, sampling, stop, speculate).whole()

    def inspect(self, data: bytes, *, top_k: int = 0) -> Inspection:
        """Run the model over ``data`` and return its patches, entropies, weights and predictions.

        Args:
            data: a text, valid UTF-8 or not; may be empty.
            top_k: number of most likely next tokens to return for every position.

        Raises:
            ValueError: ``data`` is longer than ``prompt_limit``.
        """
        self._check(data)
        return inspect(self.model, data, top_k=top_k)

    def _run(
        self,
        prompts: Sequence[bytes],
        max_bytes: int,
        sampling: SamplingArgs | None,
        stop: Sequence[bytes],
        speculate: Speculate,
    ) -> Run[Row]:
        for prompt in prompts:
            self._check(prompt)
        options = Options(max_bytes, sampling or SamplingArgs(), tuple(stop), speculate)
        return Run(self.model, prompts, options)

    def _check(self, data: bytes) -> None:
        if len(data) > self.prompt_limit:
            raise ValueError(
                f"prompt: {len(data)} bytes are more than the limit of {self.prompt_limit}"
            )
