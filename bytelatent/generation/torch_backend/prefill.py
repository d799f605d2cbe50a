"""Prefill: one pass over a prompt, which gives the state that generation continues from.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches, ``D`` width.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.rows import RowBuffers, TorchOpenPatch, TorchRow
from bytelatent.model.layers import KeyValue, TransformerBlock
from bytelatent.patching.entropies import entropy
from bytelatent.patching.rules import BoundaryState


@torch.inference_mode()
def prefill(model: Incremental, tokens: Sequence[int]) -> TorchRow:
    """Run the models over the prompt ``tokens`` and return a row that generation can continue.

    Args:
        model: the models and the patching rule.
        tokens: token ids, BOS first.

    Raises:
        ValueError: ``tokens`` is empty, or the model cannot run on it.
    """
    if not tokens:
        raise ValueError("tokens: a row must have at least one, BOS")
    device = model.encoder.like.device
    tokens_1S = torch.tensor([list(tokens)], device=device)
    room = model.room()
    nats = _measured(model, room, tokens, tokens_1S)
    boundary = BoundaryState()
    starts = [0]
    for position, (token, value) in enumerate(zip(tokens, nats, strict=True)):
        if model.boundaries.push(boundary, token, value):
            starts.append(position + 1)
    row = _run(model, room, tokens, tokens_1S, starts)
    row.boundary, row.entropy, row.starts = boundary, nats[-1], starts[-1] == len(tokens)
    model.seat(row)
    return row


def _measured(
    model: Incremental, room: RowBuffers, tokens: Sequence[int], tokens_1S: Tensor
) -> list[float | None]:
    """Run the entropy model, if there is one, and fill its KV cache; return entropies in nats."""
    lm, stack, cache = model.entropy_model, model.entropies, room.entropy_cache
    if lm is None or stack is None or cache is None:
        return [None] * len(tokens)
    with captured([cast(TransformerBlock, block).attention for block in lm.layers]) as keys_values:
        nats: list[float | None] = entropy(lm(tokens_1S))[0].tolist()
    begin = _document(tokens, lm.args.eos_id) if lm.args.separates_documents else 0
    stack.fill(cache, [KeyValue(*past) for _, past in keys_values], begin)
    return nats


def _run(
    model: Incremental,
    room: RowBuffers,
    tokens: Sequence[int],
    tokens_1S: Tensor,
    starts: list[int],
) -> TorchRow:
    """Run the BLT over patches that begin at ``starts``, the last of them open; return the row."""
    blt, size = model.blt, len(tokens)
    edges = [*starts, size + 1]
    lengths = [end - begin for begin, end in pairwise(edges)]
    parts = (blt.local_encoder, blt.global_transformer, blt.local_decoder)
    attentions = [
        cast(TransformerBlock, block).attention for part in parts for block in part.layers
    ]
    read = [blt.local_encoder.layers[number] for number in model.read_layers]
    with captured(attentions) as keys_values, captured(read) as states:
        output = blt.inspect(tokens_1S, torch.tensor([lengths], device=tokens_1S.device))
    past = iter([KeyValue(*key_value) for _, key_value in keys_values])
    begin = _document(tokens, blt.args.eos_id)
    ended = [
        number
        for number, (first, after) in enumerate(pairwise(starts))
        if blt.args.eos_id in tokens[first:after]
    ]
    begins = (begin, ended[-1] + 1 if ended else 0, begin)
    stacks = (model.encoder, model.globals, model.decoder)
    caches = (room.encoder_cache, room.global_cache, room.decoder_cache)
    for stack, cache, first in zip(stacks, caches, begins, strict=True):
        stack.fill(cache, [next(past) for _ in stack.layers], first)
    _fill(room.open_patch, model, tokens, starts[-1], states)
    return TorchRow(
        recent=deque(tokens[-model.longest_ngram :], maxlen=model.longest_ngram),
        room=room,
        latent=model.latent(output.patch_states[0, -1]),
        logits_V=output.logits[0, -1],
    )


def _fill(
    patch: TorchOpenPatch,
    model: Incremental,
    tokens: Sequence[int],
    start: int,
    states: list[Tensor],
) -> None:
    """Fill the open patch with the states of the bytes from ``start`` on."""
    patch.fill([h_1SD[0, start:] for h_1SD in states])
    patch.ends_document = model.args.eos_id in tokens[start:]


@contextmanager
def captured(modules: Sequence[nn.Module]) -> Iterator[list[Any]]:
    """Collect the outputs of ``modules`` in this thread, in the order of the calls.

    The list grows while the context is open. Calls in other threads are ignored.
    """
    outputs: list[Any] = []
    thread = threading.get_ident()

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        if threading.get_ident() == thread:
            outputs.append(output)

    handles = [module.register_forward_hook(keep) for module in modules]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _document(tokens: Sequence[int], eos_id: int) -> int:
    """Return the position where the document begins that the next byte belongs to."""
    ends = [position for position, token in enumerate(tokens) if token == eos_id]
    return ends[-1] + 1 if ends else 0
