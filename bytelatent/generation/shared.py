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
"""Number of unread events with which a text waits for its reader, until half of them are read."""


class SharedGenerator(Generic[AnyRow]):
    """Text generator for several threads, whose texts run through the model together.

    Each text is a stream that one thread reads. While there are texts, a further thread runs step
    after step for all of them, up to :data:`MOST_UNREAD` events ahead of their readers; it ends
    with the last text. A text joins or leaves between two steps. Before it joins, its own thread
    runs the model over its prompt, one prompt at a time, in parts that take turns.

    Args:
        generator: the text generator whose model is shared.
    """

    def __init__(self, generator: TextGenerator[AnyRow]) -> None:
        self._generator = generator
        self._batch = RowBatch(generator.model)  # only the thread that steps uses it
        self._reads = threading.Semaphore()
        self._changed = threading.Condition()
        self._steps = False
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
        return self._events(prompt, options)

    def _events(self, prompt: bytes, options: GenerationOptions) -> Generator[Event, None, None]:
        row = self._batch.new_row(prompt, options)
        self._read(row)
        text = _Text(row)
        with self._changed:
            self._joining.append(text)
            if not self._steps:
                self._steps = True
                threading.Thread(target=self._run, name="steps of texts", daemon=True).start()
        try:
            while (event := self._next(text)) is not None:
                yield event
        finally:
            with self._changed:
                text.left = True
                self._changed.notify_all()

    def _read(self, row: BatchRow[AnyRow]) -> None:
        """Run the model over the prompt of a row."""
        more = True
        while more:
            with self._reads:
                more = row.read_part()

    def _next(self, text: "_Text[AnyRow]") -> Event | None:
        """Wait for the next event of a text and return it; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: text.unread or text.ended)
            if text.unread:
                event = text.unread.popleft()
                if text.waits and text.may_go():
                    self._changed.notify_all()
                return event
            if text.error is not None:
                raise text.error
            return None

    def _run(self) -> None:
        """Run steps until no text is left."""
        while self._admit():
            outcomes: list[Outcome[AnyRow]] = []
            failure: Exception | None = None
            try:
                outcomes = self._batch.step(lambda row: self._texts[row].may_go())
            except Exception as error:  # its place is unknown, so all texts end
                failure = error
            with self._changed:
                self._deliver(outcomes, failure)
                self._changed.notify_all()

    def _admit(self) -> bool:
        """Let texts join and leave; wait until one can go on, and return whether there is one."""
        with self._changed:
            while True:
                for text in self._joining:
                    self._batch.join(text.row)
                    self._texts[text.row] = text
                self._joining.clear()
                for row in [row for row, text in self._texts.items() if text.left]:
                    self._batch.leave(row)
                    del self._texts[row]
                self._note_ends()
                if any(text.may_go() for text in self._texts.values() if not text.ended):
                    return True
                self._changed.notify_all()
                if not self._texts:
                    self._steps = False
                    return False
                self._changed.wait()

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
        row: its row in the batch.
        unread: the events, the oldest first.
        error: why the text cannot go on after these events.
        ended: whether no further event comes.
        left: whether its thread reads it no longer.
        waits: whether it waits for its reader.
    """

    row: BatchRow[AnyRow]
    unread: deque[Event] = field(default_factory=deque)
    error: Exception | None = None
    ended: bool = False
    left: bool = False
    waits: bool = False

    def may_go(self) -> bool:
        """Return whether the text is read fast enough to go on."""
        self.waits = len(self.unread) > (MOST_UNREAD // 2 if self.waits else MOST_UNREAD - 1)
        return not self.waits
