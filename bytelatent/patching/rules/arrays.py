"""Steps that several patching rules share, for numpy arrays and torch tensors.

Legend: ``B`` rows, ``S`` tokens of a row (BOS included).
"""

from typing import Any

from array_api_compat import array_namespace, device

from bytelatent.tokenizers.constants import PAD_ID

Array = Any
"""A numpy array or a torch tensor."""


def with_forced_starts(after_BS: Array) -> Array:
    """Shift a mask "token i + 1 starts a patch" to starts ``[B, S + 1]`` and force 0 and 1."""
    xp = array_namespace(after_BS)
    rows = after_BS.shape[0]
    forced = xp.ones((rows, min(2, after_BS.shape[1] + 1)), dtype=xp.bool, device=device(after_BS))
    return xp.concat([forced, after_BS[:, 1:]], axis=1)


def rise(entropies: Array) -> Array:
    """Return the difference of each entropy ``[B, S]`` to the one before; 0 for the first one."""
    xp = array_namespace(entropies)
    return xp.concat(
        [xp.zeros_like(entropies[:, :1]), entropies[:, 1:] - entropies[:, :-1]], axis=1
    )


def positions(like_BS: Array) -> Array:
    """Return the column numbers, broadcast to the shape of ``like_BS``."""
    xp = array_namespace(like_BS)
    row = xp.arange(like_BS.shape[1], dtype=xp.int64, device=device(like_BS))
    return xp.zeros(like_BS.shape, dtype=xp.int64, device=device(like_BS)) + row


def running_maximum(values_BS: Array) -> Array:
    """Return the largest value so far along each row (the array API has no such function)."""
    xp = array_namespace(values_BS)
    step, length = 1, values_BS.shape[1]
    while step < length:
        shifted = xp.maximum(values_BS[:, step:], values_BS[:, :-step])
        values_BS = xp.concat([values_BS[:, :step], shifted], axis=1)
        step *= 2
    return values_BS


def lengths_without_end(tokens: Array) -> Array:
    """Return the number of tokens of each row up to the last one that is not PAD, ``[B]``."""
    xp = array_namespace(tokens)
    ends = xp.where(tokens != PAD_ID, positions(tokens) + 1, xp.zeros_like(tokens))
    none = xp.zeros_like(ends[:, :1])
    return xp.max(xp.concat([none, ends], axis=1), axis=1)
