"""Greedy text by plain recomputation: what every faster way of generating must equal.

For each byte the text is cut into patches and run through the whole model anew, so the cost of
``N`` bytes after a prompt grows with their square. Nothing is kept from one byte to the next.

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
    """The most likely next tokens ``[B, 1]``, one after the other, without end.

    Args:
        model: gives the logits.
        patcher: has an entropy model if its rule needs one.
        tokens_BS: what each row begins with, BOS first.

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
    """``tokens_BS`` with ``max_bytes`` greedy tokens after them: ``[B, S + max_bytes]``.

    An end of document does not stop it: what follows is the beginning of another document.

    Raises:
        ValueError: ``max_bytes`` is negative, or see :func:`greedy_tokens`.
    """
    if max_bytes < 0:
        raise ValueError(f"max_bytes: {max_bytes} is not 0 or more")
    return torch.cat(
        [tokens_BS, *islice(greedy_tokens(model, patcher, tokens_BS), max_bytes)], dim=1
    )
