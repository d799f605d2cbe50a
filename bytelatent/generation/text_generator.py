"""The calls that generate text, shared by the torch and onnxruntime backends; without torch."""

from collections.abc import Iterator, Sequence
from typing import Generic

from bytelatent.generation.byte_model import AnyRow, ByteModel
from bytelatent.generation.events import Event, Generated
from bytelatent.generation.options import MAX_BYTES, GenerationOptions, Speculate
from bytelatent.generation.run import Run
from bytelatent.generation.sampling import SamplingArgs


class TextGenerator(Generic[AnyRow]):
    """Text generator: a model of any backend with the public calls that run it.

    Args:
        model: the model that generates.
        prompt_limit: largest number of bytes of a prompt; None for no limit.
    """

    def __init__(self, model: ByteModel[AnyRow], *, prompt_limit: int | None = None) -> None:
        self.model, self.prompt_limit = model, prompt_limit

    def stream(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int = MAX_BYTES,
        sampling: SamplingArgs | None = None,
        stop: Sequence[bytes] = (),
        speculate: Speculate = None,
    ) -> Iterator[Event]:
        """Yield the tokens of all rows as they are generated; the rows alternate.

        The text of a row does not depend on the other rows: with greedy and with seeded sampling, a
        prompt gets the same text alone and in a batch.

        Args:
            prompts: bytes that each text continues; may be empty and need not be UTF-8.
            max_bytes: largest number of tokens of a row.
            sampling: how a token is chosen; greedy if None.
            stop: strings; a row ends before the first of them that it generates.
            speculate: number of tokens to draft at once (:mod:`bytelatent.generation.speculative`),
                or ``auto`` to adapt it to how many are accepted; a shorter window is also a limit.
                Greedy text does not change. Sampled text keeps its distribution, but a seed gives
                another text.

        Raises:
            ValueError: a number is out of range, a stop string is empty, or a prompt is longer than
                ``prompt_limit``.
        """
        options = GenerationOptions(max_bytes, sampling or SamplingArgs(), tuple(stop), speculate)
        return iter(self._run(prompts, options))

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
        options = GenerationOptions(max_bytes, sampling or SamplingArgs(), tuple(stop), speculate)
        return self._run(prompts, options).whole()

    def _run(self, prompts: Sequence[bytes], options: GenerationOptions) -> Run[AnyRow]:
        for prompt in prompts:
            self.check_prompt(prompt)
        return Run(self.model, prompts, options)

    def check_prompt(self, data: bytes) -> None:
        """Raise a ValueError if ``data`` is longer than ``prompt_limit``."""
        if self.prompt_limit is not None and len(data) > self.prompt_limit:
            raise ValueError(
                f"prompt: {len(data)} bytes are more than the limit of {self.prompt_limit}"
            )
