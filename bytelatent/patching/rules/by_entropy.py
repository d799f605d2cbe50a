"""Patching rules that look at entropies: each for whole rows, and token by token.

Legend: ``B`` rows, ``S`` tokens of a row (BOS included). Entropies are in nats; ``entropies[b, i]``
belongs to the prediction of token ``i + 1``. Functions of whole rows return a mask of patch starts
``[B, S + 1]``, as :mod:`bytelatent.patching.rules` describes it.
"""

import math

import numpy as np
from array_api_compat import array_namespace, device

from bytelatent.patching.rules.arrays import (
    Array,
    positions,
    rise,
    running_maximum,
    with_forced_starts,
)
from bytelatent.patching.rules.boundary_state import BoundaryState, Step


def entropy_starts(entropies: Array, threshold: float) -> Array:
    """Return patch starts ``[B, S + 1]`` of the global-threshold rule: entropy > threshold (eq. 2).

    Args:
        entropies: entropies ``[B, S]`` in nats.
        threshold: threshold in nats.
    """
    return with_forced_starts(entropies > threshold)


def entropy_step(threshold: float) -> Step:
    """Return the global-threshold rule token by token, for a threshold in nats."""
    limit = _single(threshold)
    return lambda state, token, entropy: entropy > limit


def monotonic_starts(entropies: Array, threshold: float) -> Array:
    """Return patch starts ``[B, S + 1]`` of the monotonic rule: entropy rise > threshold (eq. 3).

    Args:
        entropies: entropies ``[B, S]`` in nats.
        threshold: threshold in nats.
    """
    return with_forced_starts(rise(entropies) > threshold)


def monotonic_step(threshold: float) -> Step:
    """Return the monotonic rule token by token, for a threshold of the rise in nats."""
    limit = _single(threshold)
    return lambda state, token, entropy: _single(entropy - state.entropy) > limit


def combined_starts(entropies: Array, threshold: float, threshold_add: float) -> Array:
    """Return patch starts ``[B, S + 1]`` of the combined rule.

    A byte qualifies if its entropy and the rise of its entropy both exceed their thresholds. In a
    run of qualifying bytes every second byte starts a patch, beginning with the first byte of the
    run.

    Args:
        entropies: entropies ``[B, S]`` in nats.
        threshold: threshold of the entropy in nats.
        threshold_add: threshold of the rise of the entropy in nats.
    """
    qualifies = (entropies > threshold) & (rise(entropies) > threshold_add)
    xp = array_namespace(qualifies)
    qualifies = with_forced_starts(qualifies)[:, 1:]
    indices = positions(qualifies) + 1
    last_break = running_maximum(xp.where(qualifies, xp.zeros_like(indices), indices))
    starts = qualifies & ((indices - last_break) % 2 == 1)
    return xp.concat([xp.ones_like(starts[:, :1]), starts], axis=1)


def combined_step(threshold: float, threshold_add: float) -> Step:
    """Return the combined rule token by token; it remembers the length of the run so far.

    Args:
        threshold: threshold of the entropy in nats.
        threshold_add: threshold of the rise of the entropy in nats.
    """
    limit, least_rise = _single(threshold), _single(threshold_add)

    def step(state: BoundaryState, token: int, entropy: float) -> bool:
        risen = _single(entropy - state.entropy) > least_rise
        qualifies = (entropy > limit and risen) or state.position == 0
        state.memory = state.memory + 1 if qualifies else 0
        return state.memory % 2 == 1

    return step


def topk_starts(entropies: Array, patch_size: float, lengths: Array | None = None) -> Array:
    """Return patch starts ``[B, S + 1]`` of the top-k rule: the bytes with the highest entropies.

    Each row gets ``length // patch_size`` patches. The rule is not incremental: whether a byte
    starts a patch depends on the bytes after it. Of two equal entropies the earlier one comes
    first.

    Args:
        entropies: entropies ``[B, S]`` in nats.
        patch_size: target mean length of a patch in bytes.
        lengths: number of tokens of each row without padding, ``[B]``; ``S`` when None.
    """
    xp = array_namespace(entropies)
    rows, size = entropies.shape
    if lengths is None:
        lengths = xp.full((rows,), size, dtype=xp.int64, device=device(entropies))
    number = xp.astype(xp.astype(lengths, xp.float64) // patch_size, xp.int64) - 2
    counts = positions(entropies)[:, 1:] < lengths[:, None]
    last = xp.full_like(entropies[:, 1:], math.inf)
    order = xp.argsort(xp.where(counts, -entropies[:, 1:], last), axis=1, stable=True)
    rank = xp.argsort(order, axis=1, stable=True)
    first = xp.ones((rows, min(1, size)), dtype=xp.bool, device=device(rank))
    return with_forced_starts(xp.concat([first, counts & (rank < number[:, None])], axis=1))


def _single(number: float) -> float:
    """Round ``number`` to single precision, in which entropies are compared."""
    return float(np.float32(number))
