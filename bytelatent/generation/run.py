"""A generation run: rows that advance and end independently, reported token by token.

The module does not import torch.

Legend: ``R`` rows that advance, ``V`` vocabulary.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal

import numpy as np
from numpy.typing import NDArray

from bytelatent.generation.byte_model import AnyRow, ByteModel
from bytelatent.generation.events import Event, Generated, RowText
from bytelatent.generation.sampling import Sampler, SamplingArgs, streams_of
from bytelatent.generation.speculative import DraftLength, Speculation, SpeculationRound
from bytelatent.tokenizers.constants import BOS_ID, OFFSET

MAX_BYTES = 256
"""Default of the largest number of bytes of a text."""

PROMPT_LIMIT = 32_768
"""Largest number of bytes of a prompt in commands and in the runtime, unless they set another.

The memory for a prompt grows with its number of patches, in the torch backend with the square
of its length. The limit also detects a wrong file or pipe.
"""

MOST_THREADS = 1024
"""Largest number of threads that commands accept; torch and onnxruntime cannot create millions."""

Speculate = int | Literal["auto"] | None
"""Number of bytes to draft; ``auto`` adapts it to how many are accepted; None drafts none."""


@dataclass(frozen=True)
class GenerationOptions:
    """Options of a run; see :meth:`.text_generator.TextGenerator.stream`.

    Attributes:
        max_bytes: largest number of tokens of a row.
        sampling: how a token is chosen.
        stop: strings before which a row ends.
        speculate: number of bytes to draft at once, ``auto``, or None.

    Raises:
        ValueError: a number is out of range or a stop string is empty.
    """

    max_bytes: int = MAX_BYTES
    sampling: SamplingArgs = field(default_factory=SamplingArgs)
    stop: Sequence[bytes] = ()
    speculate: Speculate = None

    def __post_init__(self) -> None:
        if self.max_bytes < 0:
            raise ValueError(f"max_bytes: {self.max_bytes} is not 0 or more")
        if b"" in self.stop:
            raise ValueError("stop: an empty string would stop everything")
        if self.speculate not in (None, "auto") and not _is_count(self.speculate):
            raise ValueError(
                f"speculate: {self.speculate} is not 1 or more bytes to draft, or 'auto'"
            )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 1


class Run(Generic[AnyRow]):
    """One generation run: it continues prompts and yields an event for every token.

    Args:
        model: the model that generates.
        prompts: bytes that each text continues; may be empty and need not be UTF-8.
        options: how the texts are generated.

    Attributes:
        texts: the text of each row so far.
    """

    def __init__(
        self, model: ByteModel[AnyRow], prompts: Sequence[bytes], options: GenerationOptions
    ) -> None:
        self.texts = [RowText(options.max_bytes, options.stop) for _ in prompts]
        self._model, self._prompts, self._speculate = model, prompts, options.speculate
        streams = streams_of(prompts)
        self._sampler = Sampler(options.sampling, len(prompts), model.vocab_size, streams=streams)
        self._ran = set(range(len(prompts)))  # the global transformer runs over every prompt
        self._began = time.perf_counter()

    def __iter__(self) -> Iterator[Event]:
        """Yield the tokens of all rows as they are generated; the rows alternate."""
        rows = {
            number: self._begin(number)
            for number, text in enumerate(self.texts)
            if text.finish is None
        }
        if self._speculate is None:
            yield from self._steps(rows)
        else:
            yield from self._rounds(rows, self._speculate)

    def whole(self) -> list[Generated]:
        """Generate to the end and return the text of every row."""
        results = [Generated() for _ in self._prompts]
        for event in self:
            results[event.row].add(event)
        for result, text in zip(results, self.texts, strict=True):
            assert text.finish is not None
            result.data, result.finish = bytes(text.data), text.finish
        return results

    def _steps(self, rows: dict[int, AnyRow]) -> Iterator[Event]:
        """Generate one token of every row, until all rows have ended."""
        while rows:
            logits_RV = self._model.stacked([row.logits_V for row in rows.values()])
            tokens = self._sampler.sample(logits_RV, list(rows))
            chances = _chances(logits_RV, tokens)
            for (number, row), token, chance in zip(rows.items(), tokens, chances, strict=True):
                self._sampler.accept(number, token)
                yield self._event(number, token, chance, row.entropy, starts=row.starts)
            going = {
                number: token
                for number, token in zip(rows, tokens, strict=True)
                if self.texts[number].finish is None
            }
            rows = {number: rows[number] for number in going}
            if rows:
                self._model.step(list(rows.values()), list(going.values()))
                self._ran |= {number for number, row in rows.items() if row.starts}

    def _rounds(self, rows: dict[int, AnyRow], speculate: int | str) -> Iterator[Event]:
        """Generate one round of speculation of every row, until all rows have ended."""
        speculation = Speculation(self._model, self._sampler)
        decided: dict[int, int | None] = {}
        lengths = {number: DraftLength(speculate) for number in rows}
        while rows:
            for number, row in rows.items():
                token = decided.get(number)
                if token is None:
                    logits_1V = self._model.stacked([row.logits_V])
                    (token,) = self._sampler.sample(logits_1V, [number])
                left = self.texts[number].left - 1
                if left == 0 or token == self._model.eos_id:
                    done = SpeculationRound([token], [row.logits_V], [row.entropy], [row.starts])
                else:
                    length = min(lengths[number].value, left)
                    done = speculation.round(row, number, token, length)
                    lengths[number].learn(done)
                decided[number] = done.instead
                yield from self._events(number, done)
            rows = {n: row for n, row in rows.items() if self.texts[n].finish is None}

    def _events(self, number: int, done: SpeculationRound) -> Iterator[Event]:
        """Yield the events of a round; stop at the end of the row."""
        chances = _chances(self._model.stacked(done.logits), done.tokens)
        facts = zip(done.tokens, chances, done.entropies, done.starts, strict=True)
        for index, (token, chance, nats, starts) in enumerate(facts):
            event = self._event(number, token, chance, nats, starts=starts)
            if index == 0:
                draft = tuple(done.draft)
                event = replace(event, drafted=len(draft), accepted=done.accepted, draft=draft)
                if done.global_ran:
                    self._ran.add(number)
            yield event
            if event.finish is not None:
                return

    def _begin(self, number: int) -> AnyRow:
        """Run the model over the prompt of row ``number``."""
        tokens = [BOS_ID, *(byte + OFFSET for byte in self._prompts[number])]
        for token in tokens[1:]:
            self._sampler.accept(number, token)
        return self._model.prefill(tokens)

    def _event(
        self, number: int, token: int, chance: float, nats: float | None, *, starts: bool
    ) -> Event:
        """Append a token to the text of a row and return its event."""
        text = self.texts[number].push(token)
        ran = number in self._ran
        self._ran.discard(number)
        return Event(
            row=number,
            token=token,
            byte=token - OFFSET if token >= OFFSET else None,
            text=text,
            probability=chance,
            entropy=nats,
            starts_patch=starts,
            global_ran=ran,
            drafted=0,
            accepted=0,
            seconds=time.perf_counter() - self._began,
            finish=self.texts[number].finish,
        )


def _chances(logits_RV: NDArray[np.float32], tokens: Sequence[int]) -> list[float]:
    """Return the probability of each row's token in the model's own distribution."""
    shifted_RV = logits_RV.astype(np.float64) - logits_RV.max(axis=1, keepdims=True)
    probs_RV = np.exp(shifted_RV)
    of_token_R = probs_RV[np.arange(len(tokens)), list(tokens)]
    chances: list[float] = (of_token_R / probs_RV.sum(axis=1)).tolist()
    return chances
