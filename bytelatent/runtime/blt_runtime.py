"""A BLT without torch, which makes the same text as the torch ``Engine``."""

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
from bytelatent.runtime.model_files import entropy_folder, load_graph
from bytelatent.runtime.onnx_format import (
    BLT_GRAPHS,
    ENTROPY_GRAPH,
    BltShape,
    EntropyShape,
)
from bytelatent.runtime.runtime_rows import Row
from bytelatent.runtime.sessions import ModelFileError
from bytelatent.runtime.steps import Sessions, StepModel

TRAIN_ARGS_FILE = "train_args.json"
PROMPT_LIMIT = 32_768
"""Bytes of a prompt at most: memory grows with its patches."""


class BltRuntime:
    """A BLT that runs on onnxruntime and numpy alone.

    Calls do not disturb one another and may run in several threads: what a text depends on is made
    for each call. A stream can be given up after any byte (``close()`` of the iterator, or leaving
    it): nothing runs in the background. A call keeps at most the windows of bytes, and of every
    patch the keys and values of the global model.

    Args:
        model: the loaded graphs.
        name: what to call the model.
        patcher: how patches are cut.
        prompt_limit: bytes of a prompt, or of a text to inspect, at most.
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
        """Load a folder that ``python -m bytelatent.export`` has written graphs to.

        Args:
            folder: folder of the BLT, or the name of a shipped one.
            entropy_model: folder or name of the entropy model; else the ``patcher_model`` of
                ``train_args.json``, or the sub-folder ``entropy_model``.
            threads: cores that one step may use.
            prompt_limit: bytes of a prompt at most.

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
            where = entropy_folder(folder, settings, entropy_model)
            found = load_graph(where / ENTROPY_GRAPH, EntropyShape, threads=threads)
            entropy, entropy_shape = found.session, found.shape
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
        return cls(model, name=folder.name, patcher=patcher, prompt_limit=prompt_limit)

    def stream(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int = MAX_BYTES,
        sampling: SamplingArgs | None = None,
        stop: Sequence[bytes] = (),
        speculate: Speculate = None,
    ) -> Iterator[Event]:
        """Yield the tokens of all rows as they come, like ``Engine.stream`` of torch.

        Raises:
            ValueError: a number is out of range, a stop string is empty, or a prompt too long.
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
        """The whole text of every row; see :meth:`stream`."""
        return self._run(prompts, max_bytes, sampling, stop, speculate).whole()

    def inspect(self, data: bytes, *, top_k: int = 0) -> Inspection:
        """All that a person may want to see of a pass over ``data``.

        Args:
            data: a text, valid UTF-8 or not; may be empty.
            top_k: how many likely next tokens to return for every position.

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
