"""The texts that a model generates after prompts, for evaluation.

Legend: ``S`` tokens of a row, ``V`` vocabulary.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from bytelatent.data.documents import tokenize
from bytelatent.generation.events import RowText
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.row_batch import BatchRow, RowBatch
from bytelatent.generation.sampling import Sampler, streams_of
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.recompute import greedy_tokens
from bytelatent.generation.torch_backend.rows import TorchRow
from bytelatent.loading import TextModel
from bytelatent.tokenizers.constants import EOS_ID, OFFSET
from bytelatent.transformer import LMTransformer

MOST_ROWS = 32
"""Largest number of texts that a BLT generates at the same time."""


def continuations(
    text_model: TextModel, prompts: Sequence[bytes], options: Sequence[GenerationOptions]
) -> list[bytes]:
    """Generate a text after each prompt.

    A text ends before the first token that is not a byte, such as the end of the document. A BLT
    generates several texts at the same time (:data:`MOST_ROWS`). A byte model, and a BLT whose
    patching rule needs later bytes, generate one after the other; such a BLT only the likeliest
    text.

    Args:
        text_model: a byte model or a BLT.
        prompts: bytes that the texts continue.
        options: how each text is generated; speculation has no effect on byte models.

    Raises:
        ValueError: the model or its patcher cannot generate text after a prompt.
    """
    model, patcher, streams = text_model.model, text_model.patcher, streams_of(prompts)
    wanted = list(zip(prompts, options, streams, strict=True))
    if isinstance(model, LMTransformer):
        return [_alone(text_model, *each) for each in wanted]
    assert patcher is not None
    if patcher.rule.stepper is None and all(each.sampling.greedy for each in options):
        return [_alone(text_model, *each) for each in wanted]
    batch = RowBatch(Engine(model, text_model.entropy_model, patcher.args).model)
    rows: list[BatchRow[TorchRow]] = []
    while len(rows) < len(wanted) or batch.rows:
        while len(batch.rows) < MOST_ROWS and len(rows) < len(wanted):
            prompt, its_options, stream = wanted[len(rows)]
            rows.append(batch.new_row(prompt, its_options, number=len(rows), stream=stream))
            while rows[-1].read_part():
                pass
            batch.join(rows[-1])
        for outcome in batch.step():
            if outcome.error is not None:
                raise outcome.error
            if any(event.byte is None for event in outcome.events):
                batch.leave(outcome.row)
    return [bytes(row.text.data) for row in rows]


def _alone(text_model: TextModel, prompt: bytes, options: GenerationOptions, stream: int) -> bytes:
    """Return the text after one prompt."""
    text = RowText(options.max_bytes, options.stop)
    following = _following(text_model, prompt, Sampler(options.sampling, 1, streams=[stream]))
    while text.finish is None:
        token = next(following)
        text.push(token if token >= OFFSET else EOS_ID)
    return bytes(text.data)


def _following(text_model: TextModel, prompt: bytes, sampler: Sampler) -> Iterator[int]:
    """Yield the next tokens of one row, without end."""
    tokens = torch.as_tensor(tokenize(prompt)[:-1], dtype=torch.long, device=text_model.device)
    model, patcher = text_model.model, text_model.patcher
    if isinstance(model, LMTransformer):
        return _of_byte_model(model, tokens[None], sampler)
    assert patcher is not None
    # The rule depends on later bytes, so no state can be kept.
    return (int(token_11) for token_11 in greedy_tokens(model, patcher, tokens[None]))


@torch.inference_mode()
def _of_byte_model(model: LMTransformer, tokens_1S: Tensor, sampler: Sampler) -> Iterator[int]:
    """Yield the next tokens of one row of a byte model, without end."""
    state = None if model.args.window is None else model.initial_state(1)
    for token in tokens_1S[0, 1:].tolist():
        sampler.accept(0, token)
    while True:
        if state is None:
            logits_1SV = model(tokens_1S)
        else:
            logits_1SV, state = model.forward_chunk(tokens_1S, state)
        (token,) = sampler.sample(logits_1SV[:, -1].float().cpu(), [0])
        sampler.accept(0, token)
        yield token
        next_11 = tokens_1S.new_tensor([[token]])
        tokens_1S = torch.cat([tokens_1S, next_11], dim=1) if state is None else next_11
