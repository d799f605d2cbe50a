"""Rows that begin with padding are run as if their text came first.

Rows of different length share a batch by PAD tokens. After a text they change nothing: no byte
looks ahead. A run of PAD at the beginning of a row is moved to its end, so that documents, hashes,
positions and patches start where the text does, and results are moved back. PAD is also the
delimiter that a BPE tokenizer may have put between its tokens; elsewhere than at the beginning of a
row it is a token like any other.

Legend: ``B`` rows, ``S`` bytes.
"""

import torch
from torch import Tensor

from bytelatent.tokenizers.constants import PAD_ID


def leading_padding(tokens_BS: Tensor) -> Tensor | None:
    """How many PAD every row begins with, ``[B]``; None if no row begins with any.

    While compiling, values are not looked at and the numbers are returned even if all are 0.
    """
    if tokens_BS.shape[1] == 0:
        return None
    if not torch.compiler.is_compiling() and not bool((tokens_BS[:, 0] == PAD_ID).any()):
        return None
    return ((tokens_BS != PAD_ID).cumsum(dim=1) == 0).sum(dim=1)


def rolled(x_BS: Tensor, by_B: Tensor) -> Tensor:
    """Every row of ``[B, S, ...]`` moved towards its beginning by its own number of places.

    What is moved out comes back at the end:

        row  PAD PAD BOS t    by 2:   BOS t   PAD PAD    and by -2 back again
    """
    rows, size = x_BS.shape[:2]
    place_BS = (torch.arange(size, device=x_BS.device) + by_B[:, None]) % size
    first_B1 = torch.arange(rows, device=x_BS.device)[:, None] * size
    return x_BS.flatten(0, 1).index_select(0, (first_B1 + place_BS).flatten()).reshape(x_BS.shape)
