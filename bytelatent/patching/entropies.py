"""Next-byte entropies of texts of any length.

Legend: ``B`` rows, ``S`` bytes, ``V`` vocabulary.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from bytelatent.model.padding import leading_padding, rolled
from bytelatent.transformer import LMState

DEFAULT_CHUNK = 1024
"""Bytes measured at once; a trade of memory for overhead, without effect on the result."""


class EntropyModel(Protocol):
    """What measuring needs of a model; :class:`bytelatent.transformer.LMTransformer` has it."""

    def initial_state(self, rows: int) -> LMState:
        """State before the first byte."""
        ...

    def forward_chunk(self, tokens_BS: Tensor, state: LMState) -> tuple[Tensor, LMState]:
        """Logits of a chunk and the state after it."""
        ...


def entropy(logits_BSV: Tensor) -> Tensor:
    """Entropy of each next-byte distribution in nats (BLT paper, eq. 1), in fp32: ``[B, S]``."""
    log_p = torch.log_softmax(logits_BSV.float(), dim=-1)
    return -(log_p.exp() * log_p).sum(dim=-1)


@torch.inference_mode()
def stream_logits(
    model: EntropyModel, tokens_BS: Tensor, *, chunk: int = DEFAULT_CHUNK
) -> Iterator[tuple[slice, Tensor]]:
    """Logits of long rows, chunk by chunk: pairs of the columns and their ``[B, C, V]``.

    Memory is that of one chunk and one window, however long the rows are; the numbers are those
    of a single pass. Rows begin with their text.
    """
    if chunk < 1:
        raise ValueError(f"chunk: {chunk} is not 1 or more bytes")
    state = model.initial_state(tokens_BS.shape[0])
    for first in range(0, tokens_BS.shape[1], chunk):
        columns = slice(first, min(first + chunk, tokens_BS.shape[1]))
        logits_BCV, state = model.forward_chunk(tokens_BS[:, columns], state)
        yield columns, logits_BCV


@torch.inference_mode()
def calculate_entropies(
    model: EntropyModel, tokens_BS: Tensor, *, chunk: int = DEFAULT_CHUNK
) -> Tensor:
    """Next-byte entropies ``[B, S]`` in nats of rows of any length.

    Every row is measured by itself: a row's entropies depend on no other row (the reference runs
    rows into each other; ours must not). Shorter rows may be filled up with PAD at their end or in
    front of BOS.
    """
    padding_B = leading_padding(tokens_BS)
    if padding_B is not None:
        tokens_BS = rolled(tokens_BS, padding_B)
    out = torch.empty(tokens_BS.shape, dtype=torch.float32, device=tokens_BS.device)
    for columns, logits_BCV in stream_logits(model, tokens_BS, chunk=chunk):
        out[:, columns] = entropy(logits_BCV)
    return out if padding_B is None else rolled(out, -padding_B)


def entropy_function(
    model: EntropyModel, *, chunk: int = DEFAULT_CHUNK
) -> Callable[[Tensor], Tensor]:
    """``model`` as the function that :class:`bytelatent.patching.patcher.Patcher` takes."""
    return lambda tokens_BS: calculate_entropies(model, tokens_BS, chunk=chunk)
