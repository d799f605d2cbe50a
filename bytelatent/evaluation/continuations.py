"""The most likely texts after prompts, for evaluation.

Legend: ``B`` rows, ``S`` tokens of a row, ``V`` vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bytelatent.data.documents import tokenize
from bytelatent.data.ragged import fill_up
from bytelatent.generation.events import RowText
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.row_batch import BatchRow, RowBatch
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.recompute import greedy_tokens
from bytelatent.generation.torch_backend.rows import TorchRow
from bytelatent.generation.torch_backend.torch_byte_model import TorchModel
from bytelatent.loading import TextModel
from bytelatent.tokenizers.constants import EOS_ID, OFFSET
from bytelatent.transformer import LMTransformer

MOST_ROWS = 32
"""Largest number of texts that a BLT generates at the same time."""


@dataclass(frozen=True)
class Prompt:
    """What to generate.

    Attributes:
        prompt: bytes that the text continues.
        max_bytes: largest number of bytes of the text.
        stop: strings; the text ends before the first of them.
    """

    prompt: bytes
    max_bytes: int
    stop: Sequence[bytes] = ()


def continuations(text_model: TextModel, wanted: Sequence[Prompt]) -> list[bytes]:
    """Return the bytes that follow each prompt if the most likely token is taken at each step.

    A text ends before the first token that is not a byte, such as the end of the document. A BLT
    whose patching rule needs no later bytes generates several texts at the same time
    (:data:`MOST_ROWS`); other models generate one after the other.

    Raises:
        ValueError: the model or its patcher cannot process a prompt, or a stop string is empty.
    """
    model, patcher = text_model.model, text_model.patcher
    if isinstance(model, LMTransformer) or patcher is None or patcher.rule.stepper is None:
        return [_alone(text_model, each) for each in wanted]
    batch = RowBatch(TorchModel(Incremental(model, text_model.entropy_model, patcher.args)))
    rows: list[BatchRow[TorchRow]] = []
    while len(rows) < len(wanted) or batch.rows:
        while len(batch.rows) < MOST_ROWS and len(rows) < len(wanted):
            each = wanted[len(rows)]
            options = GenerationOptions(each.max_bytes, stop=each.stop)
            rows.append(batch.new_row(each.prompt, options, number=len(rows)))
            while rows[-1].read_part():
                pass
            batch.join(rows[-1])
        for outcome in batch.step():
            if outcome.error is not None:
                raise outcome.error
            if any(event.byte is None for event in outcome.events):
                batch.leave(outcome.row)
    return [bytes(row.text.data) for row in rows]


def _alone(text_model: TextModel, wanted: Prompt) -> bytes:
    """Return the text after one prompt."""
    text = RowText(wanted.max_bytes, wanted.stop)
    tokens_BS = fill_up([tokenize(wanted.prompt)[:-1]]).to(text_model.device)
    following = _following(text_model, tokens_BS)
    while text.finish is None:
        token = next(following)
        text.push(token if token >= OFFSET else EOS_ID)
    return bytes(text.data)


def _following(text_model: TextModel, tokens_BS: Tensor) -> Iterator[int]:
    """Yield the most likely next tokens of one row, without end."""
    model, patcher = text_model.model, text_model.patcher
    if isinstance(model, LMTransformer):
        return (int(token_B1) for token_B1 in _greedy_tokens(model, tokens_BS))
    assert patcher is not None
    # The rule depends on later bytes, so no state can be kept.
    return (int(token_B1) for token_B1 in greedy_tokens(model, patcher, tokens_BS))


@torch.inference_mode()
def _greedy_tokens(model: LMTransformer, tokens_BS: Tensor) -> Iterator[Tensor]:
    """Yield the most likely next tokens ``[B, 1]`` of a byte model, without end."""
    if model.args.window is None:
        while True:
            next_B1 = model(tokens_BS)[:, -1:].argmax(-1)
            tokens_BS = torch.cat([tokens_BS, next_B1], dim=1)
            yield next_B1
    state = model.initial_state(len(tokens_BS))
    while True:
        logits_BSV, state = model.forward_chunk(tokens_BS, state)
        tokens_BS = logits_BSV[:, -1:].argmax(-1)
        yield tokens_BS
