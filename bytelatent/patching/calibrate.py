"""Choosing a threshold for a wanted patch size.

With the global-threshold rule a byte starts a patch where its entropy exceeds the threshold, so the
threshold for ``n`` bytes per patch is the entropy that one byte in ``n`` exceeds (BLT paper,
section 4.1: thresholds are set so that the mean patch size on the training mix hits a target). With
the monotonic rule it is the rise of the entropy that counts in the same way.

A longest length splits patches too, and the threshold that gives the wanted mean is then higher:
all functions that count patches take it.

Legend: ``N`` bytes of a text.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.patching.rules import PatchingMode

Floats = NDArray[np.floating[Any]]

CALIBRATED = (PatchingMode.ENTROPY, PatchingMode.MONOTONIC)
"""Rules with one threshold."""


def start_values(entropies_N: Floats, mode: PatchingMode) -> Floats:
    """What a rule compares with its threshold: a byte starts a patch where it is more.

    Args:
        entropies_N: nats, of the prediction of every byte of one text.
        mode: one of :data:`CALIBRATED`.

    Returns:
        Nats ``[N]``; infinite for the first byte, which always starts a patch.

    Raises:
        ValueError: the rule has not just one threshold.
    """
    if mode not in CALIBRATED:
        known = " and ".join(CALIBRATED)
        raise ValueError(f"patching_mode: {mode.value!r} has no threshold to set; {known} have")
    values_N = np.array(entropies_N)
    if mode is PatchingMode.MONOTONIC:
        values_N[1:] -= entropies_N[:-1]
    values_N[:1] = np.inf
    return values_N


def threshold_for(
    values: Floats,
    patch_size: float,
    weights: Floats | None = None,
    *,
    longest: int | None = None,
) -> float:
    """Threshold in nats that gives ``patch_size`` bytes per patch on the sample.

    Args:
        values: nats, of any shape; one per byte of a representative sample (see
            :func:`start_values`).
        patch_size: wanted mean length in bytes, more than 1.
        weights: how much every byte counts; all the same when None.
        longest: bytes; longer patches are split. The values of every text must then stand in the
            order of its bytes.

    Raises:
        ValueError: no values, or a patch size that no threshold can give.
    """
    if not values.size:
        raise ValueError("entropies: none given; calibration needs a sample of text")
    if not patch_size > 1:
        raise ValueError(f"patch_size: {patch_size} is not more than 1 byte")
    share, weights = 1 - 1 / patch_size, np.ones(values.shape) if weights is None else weights
    if longest is not None:
        found = _threshold_with_longest(values, patch_size, weights, longest)
    else:
        found = float(
            np.quantile(values.ravel(), share, weights=weights.ravel(), method="inverted_cdf")
        )
    if not np.isfinite(found):
        most = float(values[np.isfinite(values)].max(initial=0))
        size = patch_size_of(values, most, weights, longest=longest)
        split = "" if longest is None else f" and none has more than {longest} bytes"
        raise ValueError(
            f"patch_size: {patch_size} is too long for this sample: every text begins a patch"
            f"{split}, {size:.1f} bytes each"
        )
    if found < 0:
        size = patch_size_of(values, 0.0, weights, longest=longest)
        raise ValueError(
            f"patch_size: {patch_size} needs a threshold below 0; 0 gives {size:.2f} bytes"
        )
    return found


def _threshold_with_longest(
    values: Floats, patch_size: float, weights: Floats, longest: int
) -> float:
    """The least value that gives such patches; infinite if none does.

    A higher threshold never gives more patches, also where long ones are split.
    """
    candidates = np.unique(values)
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        size = patch_size_of(values, float(candidates[middle]), weights, longest=longest)
        low, high = (low, middle) if size >= patch_size else (middle + 1, high)
    return float(candidates[low])


def patch_size_of(
    values: Floats,
    threshold: float,
    weights: Floats | None = None,
    *,
    longest: int | None = None,
) -> float:
    """Mean patch length in bytes that ``threshold`` gives on the sample; infinite for no patch.

    Args:
        values, weights, longest: as for :func:`threshold_for`.
        threshold: nats.
    """
    return float(patch_sizes_of(values, np.array([threshold]), weights, longest=longest)[0])


def patch_sizes_of(
    values: Floats,
    thresholds: Floats,
    weights: Floats | None = None,
    *,
    longest: int | None = None,
) -> Floats:
    """The same for many thresholds."""
    weights = np.ones(values.shape) if weights is None else weights
    if longest is not None:
        return _sizes_with_longest(values.ravel(), thresholds, weights.ravel(), longest)
    order = np.argsort(values, axis=None)
    sums = np.concatenate([[0.0], np.cumsum(weights.ravel()[order])])
    below = np.searchsorted(values.ravel()[order], thresholds, side="right")
    starts = sums[-1] - sums[below]
    # What rounding leaves of a difference of sums is no patch.
    starts[below == values.size] = 0
    with np.errstate(divide="ignore"):
        return np.asarray(sums[-1] / starts)


def _sizes_with_longest(
    values_N: Floats, thresholds: Floats, weights_N: Floats, longest: int
) -> Floats:
    """Patches are counted one threshold at a time: where one is split depends on where it began."""
    places_N, total = np.arange(len(values_N)), weights_N.sum()
    sizes = []
    for threshold in thresholds:
        starts_N = values_N > threshold
        if not starts_N.any():
            sizes.append(np.inf)
            continue
        first_N = np.maximum.accumulate(np.where(starts_N, places_N, 0))
        sizes.append(total / weights_N[(places_N - first_N) % longest == 0].sum())
    return np.array(sizes)
