"""Packing of token streams into rows, which are full or end at the end of a patch.

Legend: ``B`` rows, ``S`` tokens of a row, ``P`` patches.
"""

from dataclasses import dataclass, replace

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from bytelatent.patching.patcher import Patcher
from bytelatent.patching.rules import (
    ENTROPY_MODES,
    Array,
    lengths_from_starts,
    patch_starts,
    split_long,
)
from bytelatent.tokenizers.constants import BOS_ID, PAD_ID


@dataclass(frozen=True)
class Rows:
    """Packed rows as numpy arrays.

    Attributes:
        tokens_BS, targets_BS: input tokens and target tokens, uint16; PAD from position ``used_B``
            on.
        used_B: number of tokens of each row that are not padding, int64.
        entropies_BS: entropies in nats, float32; None if they are not known.
        lengths_BP: patch lengths, int64; None if the rows are not cut into patches.
    """

    tokens_BS: NDArray[np.uint16]
    targets_BS: NDArray[np.uint16]
    used_B: NDArray[np.int64]
    entropies_BS: NDArray[np.float32] | None
    lengths_BP: NDArray[np.int64] | None


def can_cut(patcher: Patcher, has_entropies: bool) -> bool:
    """Return whether ``patcher`` can cut rows: it needs no entropies, or there are entropies."""
    return has_entropies or patcher.mode not in ENTROPY_MODES


def cut(patcher: Patcher, tokens_BT: Array, entropies_BS: Array | None) -> Array:
    """Cut rows of several documents into patches, each document independently of the others.

    BOS is a patch of its own and the byte after BOS starts a patch, also in the middle of a row.

    Args:
        patcher: patcher with the rule.
        tokens_BT: ids ``[B, S + 1]`` in numpy or torch: a row and the token after it.
        entropies_BS: entropies ``[B, S]`` in nats, or None.

    Returns:
        Patch lengths ``[B, P]``; rows sum to ``S + 1`` and end with zeros.

    Raises:
        ValueError: the rule needs entropies and there are none.
    """
    xp = array_namespace(tokens_BT)
    options, longest = patcher.args.options(), patcher.args.max_patch_length
    # Long patches are split last, so that lengths are counted from the start of the document.
    unsplit = replace(options, max_patch_length=None)
    starts_BT = patch_starts(patcher.mode, tokens_BT[:, :-1], entropies_BS, unsplit)
    begins_BT = tokens_BT == BOS_ID
    after_BT = xp.concat([begins_BT[:, :1], begins_BT[:, :-1]], axis=1)
    starts_BT = starts_BT | begins_BT | after_BT
    return lengths_from_starts(starts_BT if longest is None else split_long(starts_BT, longest))


def pack(
    tokens_BT: NDArray[np.uint16],
    entropies_BS: NDArray[np.float32] | None,
    patcher: Patcher | None,
    max_patches: int | None,
) -> Rows:
    """Pack the next ``S + 1`` tokens of each token stream into a row.

    Args:
        tokens_BT: ids ``[B, S + 1]``.
        entropies_BS: entropies ``[B, S]`` in nats, or None.
        patcher: patcher that cuts the rows if it can; None for no patches.
        max_patches: a row ends where patch number ``max_patches`` (counted from 0) starts; the
            patch of the next token is then the last one and includes the padding. None for full
            rows.
    """
    rows, size = tokens_BT.shape[0], tokens_BT.shape[1] - 1
    lengths: NDArray[np.int64] | None = None
    used_B = np.full(rows, size)
    if patcher is not None and can_cut(patcher, entropies_BS is not None):
        lengths = cut(patcher, tokens_BT.astype(np.int64), entropies_BS)
    if max_patches is None:
        return Rows(tokens_BT[:, :-1], tokens_BT[:, 1:], used_B, entropies_BS, lengths)
    assert lengths is not None, "packing by patches needs a patcher that can cut"
    used_B, lengths = limit_patches(lengths, max_patches)
    padding_BS = np.arange(size) >= used_B[:, None]
    return Rows(
        np.where(padding_BS, np.uint16(PAD_ID), tokens_BT[:, :-1]),
        np.where(padding_BS, np.uint16(PAD_ID), tokens_BT[:, 1:]),
        used_B,
        None if entropies_BS is None else np.where(padding_BS, np.float32(0), entropies_BS),
        lengths,
    )


def limit_patches(
    lengths_BP: NDArray[np.int64], max_patches: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the tokens of the first ``max_patches`` patches and merge all other patches into one.

    Returns the numbers of tokens ``[B]`` and lengths with ``max_patches + 1`` columns. A row with
    fewer patches is used up to its end:

        lengths 1 1 3 2 2    with 3 patches: 5 tokens, lengths 1 1 3 4
        lengths 1 4 4        with 3 patches: 8 tokens, lengths 1 4 4 0
    """
    total = lengths_BP.sum(axis=1)
    first_BP = lengths_BP[:, :max_patches]
    missing = max_patches - first_BP.shape[1]
    first_BP = np.pad(first_BP, ((0, 0), (0, missing)))
    used_B = np.minimum(first_BP.sum(axis=1), total - 1)
    rest_B = total - first_BP.sum(axis=1)
    # With patches left over, one of them starts right after the used tokens.
    return used_B, np.concatenate([first_BP, rest_B[:, None]], axis=1)
