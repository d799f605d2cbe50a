"""Padding at the beginning of rows, which is moved to their end before a model runs.

PAD tokens fill rows of different length up to one length. PAD after a text has no effect, because
attention is causal. PAD at the beginning of a row is moved to the end of the row, so that
documents, hashes, positions and patches start where the text starts; afterwards the results are
moved back. PAD is also the delimiter that a BPE tokenizer may have put between its tokens; anywhere
but at the beginning of a row PAD is an ordinary token.

Legend: ``B`` rows, ``S`` bytes.
"""

import torch
from torch import Tensor

from bytelatent.tokenizers.constants import PAD_ID


def leading_padding(tokens_BS: Tensor) -> Tensor | None:
    """Return the number of PAD at the beginning of every row, ``[B]``; None if no row has any.

    Compiled code does not inspect values: it returns the numbers even if all of them are 0.
    """
    if tokens_BS.shape[1] == 0:
        return None
    if not torch.compiler.is_compiling() and not bool((tokens_BS[:, 0] == PAD_ID).any()):
        return None
    return ((tokens_BS != PAD_ID).cumsum(dim=1) == 0).sum(dim=1)


def rolled(x_BS: Tensor, by_B: Tensor) -> Tensor:
    """Rotate every row of ``[B, S, ...]`` towards its beginning by its own number of bytes.

    The entries that leave a row at the beginning enter it again at the end:

        row  PAD PAD BOS t    by 2:   BOS t   PAD PAD    and by -2 back again

    Args:
        x_BS: rows of bytes or of vectors per byte.
        by_B: number of bytes of each row; a negative number rotates towards the end.
    """
    rows, size = x_BS.shape[:2]
    index_BS = (torch.arange(size, device=x_BS.device) + by_B[:, None]) % size
    first_B1 = torch.arange(rows, device=x_BS.device)[:, None] * size
    return x_BS.flatten(0, 1).index_select(0, (first_B1 + index_BS).flatten()).reshape(x_BS.shape)
