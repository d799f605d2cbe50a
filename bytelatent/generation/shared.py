"""Continuous batching: threads that generate texts at the same time share the steps of one model.

The module does not import torch.
"""

import threading
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Generic

from bytelatent.generation.byte_model import AnyRow
from bytelatent.generation.events import Event
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.row_batch import BatchRow, Outcome, RowBatch
from bytelatent.generation.text_generator import TextGenerator

MOST_UNREAD = 16
"""Largest number of unread events of a text; with more, the text waits for its reader."""


class SharedGenerator(Generic[AnyRow]):
    """Text generator for several threads, whose texts run through the model together.

    Each text is a stream that one thread reads. A thread that has no event to read runs the next
    step for all texts, unless another thread does; so there is no thread of its own, and nothing
    runs while nobody reads. A text joins or leaves between two steps. Prompts are read in parts,
    with a step of the other texts after each part.

    Args:
        generator: the text generator whose model is shared.
    """

    def __init__(self, generator: TextGenerator[AnyRow]) -> None:
        self._generator = generator
        self._batch = RowBatch(generator.model)
        self._changed = threading.Condition()
        self._works = False  # whether a thread runs a step; only this thread may use the batch
        self._joining: list[_Text[AnyRow]] = []
        self._texts: dict[BatchRow[AnyRow], _Text[AnyRow]] = {}

    def text_events(
        self, prompt: bytes, options: GenerationOptions
    ) -> Generator[Event, None, None]:
        """Yield the tokens of one text as they are generated; close the iterator to end the text.

        Args:
            prompt: bytes that the text continues; may be empty and need not be UTF-8.
            options: how the text is generated.

        Raises:
            ValueError: the prompt is longer than the generator's limit; while the iterator runs,
                the text cannot go on.
        """
        self._generator.check_prompt(prompt)
        return self._events(_Text(prompt, options))

    def _events(self, text: "_Text[AnyRow]") -> Generator[Event, None, None]:
        with self._changed:
            self._joining.append(text)
        try:
            while (event := self._next(text)) is not None:
                yield event
        finally:
            with self._changed:
                text.left = True
                if not self._works:
                    self._admit()

    def _next(self, text: "_Text[AnyRow]") -> Event | None:
        """Return the next event of a text, and run steps until there is one."""
        while True:
            with self._changed:
                while self._works and not text.unread and not text.ended:
                    self._changed.wait()
                if text.unread:
                    return text.unread.popleft()
                if text.error is not None:
                    raise text.error
                if text.ended:
                    return None
                self._works = True
                self._admit()
            outcomes: list[Outcome[AnyRow]] = []
            failure: Exception | None = None
            try:
                outcomes = self._step()
            except Exception as error:  # its place is unknown, so all texts end
                failure = error
            finally:
                with self._changed:
                    self._deliver(outcomes, failure)
                    self._admit()
                    self._works = False
                    self._changed.notify_all()

    def _step(self) -> list[Outcome[AnyRow]]:
        """Read a part of one prompt, then advance every text that is read fast enough."""
        part = self._batch.read_part()
        outcomes = self._batch.step(lambda row: len(self._texts[row].unread) < MOST_UNREAD)
        return outcomes if part is None else [part, *outcomes]

    def _admit(self) -> None:
        """Let texts join and leave the batch."""
        for text in self._joining:
            if not text.left:
                self._texts[self._batch.join(text.prompt, text.options)] = text
        self._joining.clear()
        for row in [row for row, text in self._texts.items() if text.left]:
            self._batch.leave(row)
            del self._texts[row]
        self._note_ends()

    def _deliver(self, outcomes: list[Outcome[AnyRow]], failure: Exception | None) -> None:
        """Give events and errors of a step to their texts."""
        for outcome in outcomes:
            text = self._texts[outcome.row]
            text.unread += outcome.events
            text.error = text.error or outcome.error
        if failure is not None:
            for row in self._batch.rows:
                self._texts[row].error = failure
            self._batch.rows.clear()

    def _note_ends(self) -> None:
        going = set(self._batch.rows)
        for row, text in self._texts.items():
            text.ended = row not in going


@dataclass(eq=False)
class _Text(Generic[AnyRow]):
    """One text and the events that its thread has not read yet.

    Attributes:
        prompt, options: what to generate.
        unread: the events, the oldest first.
        error: why the text cannot go on after these events.
        ended: whether no further event comes.
        left: whether its thread reads it no longer.
    """

    prompt: bytes
    options: GenerationOptions
    unread: deque[Event] = field(default_factory=deque)
    error: Exception | None = None
    ended: bool = False
    left: bool = False
