"""Greedy generation by plain recomputation: the reference for every faster way of generating.

For each byte the whole text is patched and run through the whole model again, so the cost of ``N``
bytes after a prompt grows with their square. Nothing is stored between two bytes.

Legend: ``B`` rows, ``S`` bytes.
"""

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import Patcher


@torch.inference_mode()
def greedy_tokens(
    model: ByteLatentTransformer, patcher: Patcher, tokens_BS: Tensor
) -> Iterator[Tensor]:
    """Yield the most likely next token of each row, ``[B, 1]``, without end.

    Args:
        model: the model that computes the logits.
        patcher: the patcher, with an entropy model if its rule needs one.
        tokens_BS: beginning of each row, BOS first.

    Raises:
        ValueError: the model or the patcher cannot run on ``tokens_BS``.
    """
    while True:
        patch_lengths, _ = patcher.patch(tokens_BS)
        next_B1 = model(tokens_BS, patch_lengths)[:, -1:].argmax(-1)
        tokens_BS = torch.cat([tokens_BS, next_B1], dim=1)
        yield next_B1


def generate_by_recomputation(
    model: ByteLatentTransformer, patcher: Patcher, tokens_BS: Tensor, max_bytes: int
) -> Tensor:
    """Return ``tokens_BS`` followed by ``max_bytes`` greedy tokens: ``[B, S + max_bytes]``.

    An end of document does not stop generation: another document begins after it.

    Args:
        model: the model that computes the logits.
        patcher: the patcher, with an entropy model if its rule needs one.
        tokens_BS: beginning of each row, BOS first.
        max_bytes: number of tokens to generate.

    Raises:
        ValueError: ``max_bytes`` is negative, or the model or the patcher cannot run on the tokens.
    """
    if max_bytes < 0:
        raise ValueError(f"max_bytes: {max_bytes} is not 0 or more")
    return torch.cat(
        [tokens_BS, *islice(greedy_tokens(model, patcher, tokens_BS), max_bytes)], dim=1
    )
