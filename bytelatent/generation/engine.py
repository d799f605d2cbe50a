"""Text from prompts: rows that advance and finish on their own, told byte by byte.

Legend: ``R`` rows that advance, ``V`` vocabulary.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bytelatent.generation.events import Event, Generated, RowText
from bytelatent.generation.incremental import Incremental, Row
from bytelatent.generation.prefill import prefill
from bytelatent.generation.sampling import Sampler, SamplingArgs, streams_of
from bytelatent.generation.speculative import Round, Speculation
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID, OFFSET
from bytelatent.transformer import LMTransformer

MAX_BYTES = 256
"""Bytes of a text unless the call says otherwise."""


class Engine:
    """Generates with a BLT, the entropy model that cuts its patches, and their rule.

    The weights of the local models and of the entropy model are laid out anew here: make another
    engine when they have changed. Calls do not disturb one another.

    Args:
        blt: makes the text.
        entropy_model: needed by some patching rules.
        patcher_args: the rule; one that looks at later bytes (top-k) cannot be used.

    Raises:
        ValueError: these cannot generate together.
    """

    def __init__(
        self,
        blt: ByteLatentTransformer,
        entropy_model: LMTransformer | None,
        patcher_args: PatcherArgs,
    ) -> None:
        self.model = Incremental(blt, entropy_model, patcher_args)

    def stream(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int = MAX_BYTES,
        sampling: SamplingArgs | None = None,
        stop: Sequence[bytes] = (),
        speculate: int | None = None,
    ) -> Iterator[Event]:
        """The tokens of all rows as they come; rows take turns.

        A row's text does not depend on the rows beside it: to greedy and to seeded sampling a batch
        gives what its prompts get alone.

        Args:
            prompts: bytes that texts go on from; may be empty and need not be UTF-8.
            max_bytes: tokens of a row at most.
            sampling: how a token is chosen; greedy when left out.
            stop: a row ends in front of the first of these strings.
            speculate: tokens to draft in one go (:mod:`bytelatent.generation.speculative`); windows
                shorter than that set a limit too. Greedy text is the same with and without; sampled
                text has the same distribution, but a seed gives another one.

        Raises:
            ValueError: a number is out of range or a stop string is empty.
        """
        return iter(_Run(self.model, prompts, _options(max_bytes, sampling, stop, speculate)))

    def generate(
        self,
        prompts: Sequence[bytes],
        *,
        max_bytes: int = MAX_BYTES,
        sampling: SamplingArgs | None = None,
        stop: Sequence[bytes] = (),
        speculate: int | None = None,
    ) -> list[Generated]:
        """The whole text of every row; see :meth:`stream`."""
        run = _Run(self.model, prompts, _options(max_bytes, sampling, stop, speculate))
        found = [Generated() for _ in prompts]
        for event in run:
            found[event.row].add(event)
        for generated, text in zip(found, run.texts, strict=True):
            assert text.finish is not None
            generated.data, generated.finish = bytes(text.data), text.finish
        return found


@dataclass(frozen=True)
class _Options:
    max_bytes: int
    sampling: SamplingArgs
    stop: tuple[bytes, ...]
    speculate: int | None


def _options(
    max_bytes: int, sampling: SamplingArgs | None, stop: Sequence[bytes], speculate: int | None
) -> _Options:
    if max_bytes < 0:
        raise ValueError(f"max_bytes: {max_bytes} is not 0 or more")
    if b"" in stop:
        raise ValueError("stop: an empty string would stop everything")
    if speculate is not None and speculate < 1:
        raise ValueError(f"speculate: {speculate} is not 1 or more bytes to draft")
    return _Options(max_bytes, sampling or SamplingArgs(), tuple(stop), speculate)


class _Run:
    """One call: its rows, their texts and what has happened."""

    def __init__(self, model: Incremental, prompts: Sequence[bytes], options: _Options) -> None:
        self.texts = [RowText(options.max_bytes, options.stop) for _ in prompts]
        self._model, self._prompts = model, prompts
        self._sampler = Sampler(
            options.sampling,
            len(prompts),
            model.args.vocab_size,
            streams=streams_of(prompts),
        )
        self._speculate = options.speculate
        self._ran = set(range(len(prompts)))  # over the prompts
        self._began = time.perf_counter()

    def __iter__(self) -> Iterator[Event]:
        rows = {
            number: self._begin(number)
            for number, text in enumerate(self.texts)
            if text.finish is None
        }
        if self._speculate is None:
            return self._steps(rows)
        return self._rounds(rows, self._speculate)

    def _steps(self, rows: dict[int, Row]) -> Iterator[Event]:
        """One token of every row, again and again."""
        while rows:
            logits_RV = torch.stack([row.logits_V for row in rows.values()])
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

    def _rounds(self, rows: dict[int, Row], length: int) -> Iterator[Event]:
        """One round of speculation of every row, again and again."""
        speculation = Speculation(self._model, self._sampler)
        decided: dict[int, int | None] = {}
        while rows:
            for number, row in rows.items():
                token = decided.get(number)
                if token is None:
                    (token,) = self._sampler.sample(row.logits_V[None], [number])
                left = self.texts[number].left - 1
                if left == 0 or token == self._model.args.eos_id:
                    done = Round([token], [row.logits_V], [row.entropy], [row.starts])
                else:
                    done = speculation.round(row, number, token, min(length, left))
                decided[number] = done.instead
                yield from self._events(number, done)
            rows = {n: row for n, row in rows.items() if self.texts[n].finish is None}

    def _events(self, number: int, done: Round) -> Iterator[Event]:
        """Tell of a round, to the end of the row."""
        chances = _chances(torch.stack(done.logits), done.tokens)
        facts = zip(done.tokens, chances, done.entropies, done.starts, strict=True)
        for place, (token, chance, nats, starts) in enumerate(facts):
            event = self._event(number, token, chance, nats, starts=starts)
            if place == 0:
                draft = tuple(done.draft)
                event = replace(event, drafted=len(draft), accepted=done.accepted, draft=draft)
                if done.global_ran:
                    self._ran.add(number)
            yield event
            if event.finish is not None:
                return

    def _begin(self, number: int) -> Row:
        """Run over a prompt."""
        tokens = [BOS_ID, *(byte + OFFSET for byte in self._prompts[number])]
        for token in tokens[1:]:
            self._sampler.accept(number, token)
        return prefill(self._model, tokens)

    def _event(
        self, number: int, token: int, chance: float, nats: float | None, *, starts: bool
    ) -> Event:
        """Take a token into the row's text and tell of it."""
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


def _chances(logits_RV: Tensor, tokens: Sequence[int]) -> list[float]:
    """Probability of each row's token in the model's own distribution."""
    index_R1 = torch.tensor(tokens, device=logits_RV.device)[:, None]
    found: list[float] = logits_RV.float().softmax(-1).gather(1, index_R1)[:, 0].tolist()
    return found
