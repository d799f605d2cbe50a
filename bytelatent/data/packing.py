"""Rows cut out of token streams, full or ending with a patch.

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
        tokens_BS, targets_BS: uint16, PAD from ``used_B`` on.
        used_B: tokens of each row that are not padding.
        entropies_BS: float32 or None.
        lengths_BP: patch lengths, int64, or None.
    """

    tokens_BS: NDArray[np.uint16]
    targets_BS: NDArray[np.uint16]
    used_B: NDArray[np.int64]
    entropies_BS: NDArray[np.float32] | None
    lengths_BP: NDArray[np.int64] | None


def can_cut(patcher: Patcher, has_entropies: bool) -> bool:
    """Whether ``patcher`` needs nothing that is missing."""
    return has_entropies or patcher.mode not in ENTROPY_MODES


def cut(patcher: Patcher, tokens_BT: Array, entropies_BS: Array | None) -> Array:
    """Patch lengths of rows of several documents, each cut as if it stood alone.

    BOS is a patch by itself and the byte after it starts one, in the middle of a row too.

    Args:
        patcher: the rule.
        tokens_BT: ids ``[B, S + 1]``, numpy or torch: a row and the token after it.
        entropies_BS: nats ``[B, S]`` or None.

    Returns:
        Lengths ``[B, P]``, rows summing to ``S + 1``, zeros at the end.

    Raises:
        ValueError: the rule needs entropies and there are none.
    """
    xp = array_namespace(tokens_BT)
    options, longest = patcher.args.options(), patcher.args.max_patch_length
    # Long patches are split last: counted from where a document begins, not from before it.
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
    """Rows of the next ``S + 1`` tokens of their streams.

    Args:
        tokens_BT: ids ``[B, S + 1]``.
        entropies_BS: nats ``[B, S]`` or None.
        patcher: cuts patches, where it can.
        max_patches: a row ends where patch number ``max_patches`` (from 0) starts; the patch of
            the token that would come next is then the last one, and takes in the padding. None:
            rows are full.
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
    """Tokens of the first ``max_patches`` patches, and lengths with one patch for all the rest.

    The lengths have ``max_patches + 1`` columns. A row with room to spare is used to its end:

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
