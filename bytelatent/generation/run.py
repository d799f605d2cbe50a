"""A generation run: rows that advance and end independently, reported token by token.

The module does not import torch.
"""

from collections.abc import Iterator, Sequence
from typing import Generic

from bytelatent.generation.byte_model import AnyRow, ByteModel
from bytelatent.generation.events import Event, Generated
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.row_batch import RowBatch
from bytelatent.generation.sampling import streams_of


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
        self._batch = RowBatch(model)
        self._rows = [
            self._batch.new_row(prompt, options, number=number, stream=stream)
            for number, (prompt, stream) in enumerate(
                zip(prompts, streams_of(prompts), strict=True)
            )
        ]
        self.texts = [row.text for row in self._rows]

    def __iter__(self) -> Iterator[Event]:
        """Yield the tokens of all rows as they are generated; the rows alternate.

        Raises:
            ValueError: a row cannot go on.
        """
        for row in self._rows:
            while row.read_part():
                pass
            self._batch.join(row)
        while self._batch.rows:
            for outcome in self._batch.step():
                yield from outcome.events
                if outcome.error is not None:
                    raise outcome.error

    def whole(self) -> list[Generated]:
        """Generate to the end and return the text of every row."""
        results = [Generated() for _ in self.texts]
        for event in self:
            results[event.row].add(event)
        for result, text in zip(results, self.texts, strict=True):
            assert text.finish is not None
            result.data, result.finish = bytes(text.data), text.finish
        return results
