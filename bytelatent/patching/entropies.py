"""Measuring next-byte entropies of texts of any length with a model.

Legend: ``B`` rows, ``S`` bytes, ``C`` bytes of a chunk, ``V`` vocabulary.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from bytelatent.model.padding import leading_padding, rolled
from bytelatent.transformer import LMState

DEFAULT_CHUNK = 1024
"""Number of bytes that are measured at once. More bytes need more memory and have less overhead;
the result is the same."""


class EntropyModel(Protocol):
    """Protocol of a model that measures entropies.

    :class:`bytelatent.transformer.LMTransformer` implements it.
    """

    def initial_state(self, rows: int) -> LMState:
        """Return the state before the first byte of ``rows`` rows."""
        ...

    def forward_chunk(self, tokens_BS: Tensor, state: LMState) -> tuple[Tensor, LMState]:
        """Return the logits ``[B, S, V]`` of a chunk and the state after the chunk."""
        ...


def entropy(logits_BSV: Tensor) -> Tensor:
    """Compute the entropy of each next-byte distribution in nats, ``[B, S]`` in fp32.

    It is equation 1 of the BLT paper.
    """
    log_p = torch.log_softmax(logits_BSV.float(), dim=-1)
    return -(log_p.exp() * log_p).sum(dim=-1)


@torch.inference_mode()
def stream_logits(
    model: EntropyModel, tokens_BS: Tensor, *, chunk: int = DEFAULT_CHUNK
) -> Iterator[tuple[slice, Tensor]]:
    """Yield the logits of long rows chunk by chunk: pairs of columns and logits ``[B, C, V]``.

    Memory holds one chunk and one window, however long the rows are. The logits are those of a
    single forward pass over the rows.

    Args:
        model: model that computes the logits.
        tokens_BS: ids; rows must not begin with padding.
        chunk: number of bytes of a chunk.

    Raises:
        ValueError: ``chunk`` is less than 1 byte, or the model has no window.
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
    """Measure the next-byte entropies ``[B, S]`` in nats of rows of any length.

    The entropies of a row do not depend on other rows. Shorter rows may be padded with PAD at their
    end or in front of BOS.

    Args:
        model: entropy model.
        tokens_BS: ids.
        chunk: number of bytes that are measured at once.

    Raises:
        ValueError: ``chunk`` is less than 1 byte, or the model has no window.
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
    """Wrap ``model`` as the entropy function of :class:`bytelatent.patching.patcher.Patcher`."""
    return lambda tokens_BS: calculate_entropies(model, tokens_BS, chunk=chunk)
