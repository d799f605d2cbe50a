"""Rows that advance together: texts join and leave a running batch between two steps.

A step of the model runs over all rows at once, so its weights are read once for all of them. The
text of a row does not depend on the other rows.

The module does not import torch.

Legend: ``R`` rows that advance, ``V`` vocabulary.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from bytelatent.generation.byte_model import AnyRow, ByteModel
from bytelatent.generation.events import Event, RowText
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.sampling import Sampler
from bytelatent.generation.speculative import DraftLength, Speculation, SpeculationRound
from bytelatent.tokenizers.constants import BOS_ID, OFFSET


@dataclass(eq=False)
class BatchRow(Generic[AnyRow]):
    """One text in a batch.

    Attributes:
        number: number of the row in its events.
        text: the text so far.
        sampler: sampler of this row alone.
        drafts: length of its drafts; None without speculation.
        began: time of the process clock at which the row joined.
        prefill: the run over the prompt, in parts.
        state: the row in the model; None until the run over the prompt is complete.
        taken: token that is part of the text and that the model has not stepped over yet.
        instead: the next token, if a round of speculation has decided it.
        global_ran: whether the global transformer has run since the last event.
    """

    number: int
    text: RowText
    sampler: Sampler
    drafts: DraftLength | None
    began: float
    prefill: Iterator[AnyRow | None]
    state: AnyRow | None = None
    taken: int | None = None
    instead: int | None = None
    global_ran: bool = True

    def read_part(self) -> bool:
        """Run the model over the next part of the prompt; return whether more is left to read.

        Several rows may do so at the same time, each in a thread of its own.

        Raises:
            ValueError: the model cannot run over the prompt.
        """
        if self.text.finish is None and self.state is None:
            self.state = next(self.prefill)
        return self.text.finish is None and self.state is None

    def event(self, token: int, chance: float, nats: float | None, *, starts: bool) -> Event:
        """Append a token to the text and return its event."""
        text, ran = self.text.push(token), self.global_ran
        self.global_ran = False
        return Event(
            row=self.number,
            token=token,
            byte=token - OFFSET if token >= OFFSET else None,
            text=text,
            probability=chance,
            entropy=nats,
            starts_patch=starts,
            global_ran=ran,
            drafted=0,
            accepted=0,
            seconds=time.perf_counter() - self.began,
            finish=self.text.finish,
        )


@dataclass
class Outcome(Generic[AnyRow]):
    """What a step gave one row.

    Attributes:
        row: the row.
        events: its new events; more than one after a round of speculation.
        error: why the row cannot go on, for example logits that are not finite; None if it can.
    """

    row: BatchRow[AnyRow]
    events: list[Event] = field(default_factory=list)
    error: ValueError | None = None


class RowBatch(Generic[AnyRow]):
    """Rows of one model that advance together.

    Rows without speculation run through the model together. Rows that draft run one after the
    other, each a round of speculation per step. The object is not for several threads at once
    (:class:`bytelatent.generation.shared.SharedGenerator` is).

    Args:
        model: the model that generates.

    Attributes:
        rows: the rows that have not ended.
    """

    def __init__(self, model: ByteModel[AnyRow]) -> None:
        self._model = model
        self.rows: list[BatchRow[AnyRow]] = []

    def new_row(
        self, prompt: bytes, options: GenerationOptions, *, number: int = 0, stream: int = 0
    ) -> BatchRow[AnyRow]:
        """Return a row that continues ``prompt``; it is not part of the batch yet.

        Args:
            prompt: bytes that the text continues; may be empty and need not be UTF-8.
            options: how the text is generated.
            number: number of the row in its events.
            stream: number that selects the random numbers of the row (:func:`.streams_of`).
        """
        tokens = [BOS_ID, *(byte + OFFSET for byte in prompt)]
        sampler = Sampler(options.sampling, 1, self._model.vocab_size, streams=[stream])
        for token in tokens[1:]:
            sampler.accept(0, token)
        speculate = options.speculate
        return BatchRow[AnyRow](
            number=number,
            text=RowText(options.max_bytes, options.stop),
            sampler=sampler,
            drafts=None if speculate is None else DraftLength(speculate),
            began=time.perf_counter(),
            prefill=self._model.prefill_parts(tokens),
        )

    def join(self, row: BatchRow[AnyRow]) -> None:
        """Add a row whose prompt is read; nothing happens if it has ended already."""
        if row.text.finish is None:
            assert row.state is not None
            self.rows.append(row)

    def leave(self, row: BatchRow[AnyRow]) -> None:
        """Remove a row and free its state; nothing happens if it has ended.

        The last row takes its place, so that a model need not move the state of the others.
        """
        if row in self.rows:
            place, last = self.rows.index(row), self.rows.pop()
            if last is not row:
                self.rows[place] = last
            row.state = None

    def step(
        self, may_go: Callable[[BatchRow[AnyRow]], bool] = lambda row: True
    ) -> list[Outcome[AnyRow]]:
        """Generate one token of every row; with speculation, one round.

        Args:
            may_go: function that returns whether a row takes part in this step.
        """
        ready = [row for row in self.rows if may_go(row)]
        outcomes = {id(row): Outcome(row) for row in ready}
        self._advance([row for row in ready if row.taken is not None], outcomes)
        plain = [row for row in ready if row.drafts is None and row in self.rows]
        if plain:
            self._sample(plain, outcomes)
        for row in ready:
            if row.drafts is not None:
                self._round(row, row.drafts, outcomes[id(row)])
        for row in ready:
            if row.text.finish is not None:
                self.leave(row)
        return list(outcomes.values())

    def _advance(
        self, rows: Sequence[BatchRow[AnyRow]], outcomes: dict[int, Outcome[AnyRow]]
    ) -> None:
        """Step the model over the last token of each row."""
        # With room for a limited number of bytes in a patch, a row may fail; others must not.
        alone = self._model.patch_bytes is not None
        for group in [[row] for row in rows] if alone else [list(rows)] if rows else []:
            states = [row.state for row in group if row.state is not None]
            tokens = [row.taken for row in group if row.taken is not None]
            try:
                self._model.step(states, tokens)
            except ValueError as error:
                for row in group:
                    self._failed(outcomes[id(row)], error)
            for row, state in zip(group, states, strict=True):
                row.taken = None
                row.global_ran |= state.starts

    def _sample(
        self, rows: Sequence[BatchRow[AnyRow]], outcomes: dict[int, Outcome[AnyRow]]
    ) -> None:
        """Sample the next token of each row."""
        states = [row.state for row in rows if row.state is not None]
        logits_RV = self._model.stacked([state.logits_V for state in states])
        drawn: list[tuple[BatchRow[AnyRow], AnyRow, int]] = []
        kept = []
        for index, (row, state) in enumerate(zip(rows, states, strict=True)):
            try:
                (token,) = row.sampler.sample(logits_RV[index : index + 1], [0])
            except ValueError as error:
                self._failed(outcomes[id(row)], error)
                continue
            drawn.append((row, state, token))
            kept.append(index)
        chances = _chances(logits_RV[kept], [token for _, _, token in drawn])
        for (row, state, token), chance in zip(drawn, chances, strict=True):
            row.sampler.accept(0, token)
            row.taken = token
            event = row.event(token, chance, state.entropy, starts=state.starts)
            outcomes[id(row)].events.append(event)

    def _round(self, row: BatchRow[AnyRow], drafts: DraftLength, outcome: Outcome[AnyRow]) -> None:
        """Generate one round of speculation of a row."""
        state, token = row.state, row.instead
        assert state is not None
        try:
            if token is None:
                (token,) = row.sampler.sample(self._model.stacked([state.logits_V]), [0])
            left = row.text.left - 1
            if left == 0 or token == self._model.eos_id:
                done = SpeculationRound([token], [state.logits_V], [state.entropy], [state.starts])
            else:
                speculation = Speculation(self._model, row.sampler)
                done = speculation.round(state, 0, token, min(drafts.value, left))
                drafts.learn(done)
        except ValueError as error:
            self._failed(outcome, error)
            return
        row.instead = done.instead
        chances = _chances(self._model.stacked(done.logits), done.tokens)
        facts = zip(done.tokens, chances, done.entropies, done.starts, strict=True)
        for index, (token, chance, nats, starts) in enumerate(facts):
            event = row.event(token, chance, nats, starts=starts)
            if index == 0:
                draft = tuple(done.draft)
                event = replace(event, drafted=len(draft), accepted=done.accepted, draft=draft)
                row.global_ran |= done.global_ran
            outcome.events.append(event)
            if event.finish is not None:
                return

    def _failed(self, outcome: Outcome[AnyRow], error: ValueError) -> None:
        outcome.error = error
        self.leave(outcome.row)


def _chances(logits_RV: NDArray[np.float32], tokens: Sequence[int]) -> list[float]:
    """Return the probability of each row's token in the model's own distribution."""
    shifted_RV = logits_RV.astype(np.float64) - logits_RV.max(axis=1, keepdims=True)
    probs_RV = np.exp(shifted_RV)
    of_token_R = probs_RV[np.arange(len(tokens)), list(tokens)]
    chances: list[float] = (of_token_R / probs_RV.sum(axis=1)).tolist()
    return chances
