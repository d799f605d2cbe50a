"""Masks of patch starts as patch lengths, and back.

Legend: ``B`` rows, ``S`` positions of a row, ``P`` patches.
"""

import math

from array_api_compat import array_namespace, device

from bytelatent.patching.rules.arrays import Array


def lengths_from_starts(starts: Array) -> Array:
    """Convert a mask of patch starts ``[B, S]`` to patch lengths ``[B, P]``.

    Zeros fill rows with fewer patches at their end.

    Raises:
        ValueError: position 0 of a row does not start a patch.
    """
    xp = array_namespace(starts)
    if starts.shape[1] and not bool(xp.all(starts[:, 0])):
        raise ValueError("position 0 of every row must start a patch")
    index = xp.cumulative_sum(xp.astype(starts, xp.int64), axis=1) - 1
    patches = int(xp.max(index)) + 1 if math.prod(starts.shape) else 0
    edges = xp.arange(patches + 1, dtype=xp.int64, device=device(starts))
    # The patch index never decreases along a row, so a search finds the position of each edge.
    rows = [xp.searchsorted(index[b, :], edges) for b in range(starts.shape[0])]
    if not rows:
        return xp.zeros((0, 0), dtype=xp.int64, device=device(starts))
    positions = xp.stack(rows)
    return xp.astype(positions[:, 1:] - positions[:, :-1], xp.int64)


def starts_from_lengths(lengths: Array, length: int) -> Array:
    """Convert patch lengths ``[B, P]`` to the mask of patch starts ``[B, length]``.

    Zeros at the end of a row are not patches.

    Raises:
        ValueError: a row of lengths does not sum to ``length``, or has a hole or a negative entry.
    """
    xp = array_namespace(lengths)
    ends = xp.cumulative_sum(lengths, axis=1)
    holes = (lengths[:, 1:] > 0) & (lengths[:, :-1] == 0)
    if bool(xp.any(lengths < 0)) or bool(xp.any(holes)):
        raise ValueError("patch lengths must be positive; zeros may only fill up a row's end")
    if not bool(xp.all(xp.sum(lengths, axis=1) == length)):
        raise ValueError(f"patch lengths of every row must sum to {length}")
    columns = xp.arange(length, dtype=ends.dtype, device=device(lengths))
    if lengths.shape[0] == 0 or length == 0:
        return xp.zeros((lengths.shape[0], length), dtype=xp.bool, device=device(lengths))
    patch = xp.stack([xp.searchsorted(ends[b, :], columns, side="right") for b in range(len(ends))])
    return xp.concat([xp.ones_like(patch[:, :1]) > 0, patch[:, 1:] != patch[:, :-1]], axis=1)
