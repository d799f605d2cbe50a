"""Calibration: choosing the threshold that gives a target mean patch size.

Under the global-threshold rule a byte starts a patch where its entropy exceeds the threshold, so
the threshold for ``n`` bytes per patch is the entropy that one byte in ``n`` exceeds. (Section 4.1
of the BLT paper sets thresholds so that the mean patch size on the training mix has a target
value.) Under the monotonic rule the rise of the entropy takes the place of the entropy.

A longest patch length splits patches too, so the threshold for the same mean is then higher. All
functions that count patches have a parameter ``longest``.

Legend: ``N`` bytes of a text.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.patching.rules import RULES, PatchingMode

Floats = NDArray[np.floating[Any]]

_RULES = {rule.mode: rule for rule in RULES if rule.calibrated}

CALIBRATED = tuple(_RULES)
"""Modes of the rules for which a threshold can be found: it is all that they need."""


def start_values(entropies_N: Floats, mode: PatchingMode) -> Floats:
    """Return the values that a rule compares with its threshold.

    A byte starts a patch where its value is above the threshold.

    Args:
        entropies_N: entropy of the prediction of every byte of one text, in nats.
        mode: rule, one of :data:`CALIBRATED`.

    Returns:
        Values ``[N]`` in nats; the value of the first byte is infinite, because the first byte
        always starts a patch.

    Raises:
        ValueError: the rule does not have exactly one threshold.
    """
    if mode not in CALIBRATED:
        known = " and ".join(CALIBRATED)
        raise ValueError(f"patching_mode: {mode.value!r} has no threshold to set; {known} have")
    values_N = np.array(entropies_N)
    if _RULES[mode].compares == "rise":
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
    """Return the threshold in nats that gives ``patch_size`` bytes per patch on a sample.

    Args:
        values: values of :func:`start_values` in nats, of any shape, one for each byte of a
            representative sample.
        patch_size: target mean length of a patch in bytes, more than 1.
        weights: weight of every byte; all weights are equal when None.
        longest: longest patch length in bytes; longer patches are split. The values must then be
            in the order of the bytes. None for no limit.

    Raises:
        ValueError: there are no values, or no threshold gives this patch size.
    """
    if not values.size:
        raise ValueError("entropies: none given; calibration needs a sample of text")
    if not patch_size > 1:
        raise ValueError(f"patch_size: {patch_size} is not more than 1 byte")
    share, weights = 1 - 1 / patch_size, np.ones(values.shape) if weights is None else weights
    if longest is not None:
        threshold = _threshold_with_longest(values, patch_size, weights, longest)
    else:
        threshold = float(
            np.quantile(values.ravel(), share, weights=weights.ravel(), method="inverted_cdf")
        )
    if not np.isfinite(threshold):
        most = float(values[np.isfinite(values)].max(initial=0))
        size = patch_size_of(values, most, weights, longest=longest)
        split = "" if longest is None else f" and none has more than {longest} bytes"
        raise ValueError(
            f"patch_size: {patch_size} is too long for this sample: every text begins a patch"
            f"{split}, {size:.1f} bytes each"
        )
    if threshold < 0:
        size = patch_size_of(values, 0.0, weights, longest=longest)
        raise ValueError(
            f"patch_size: {patch_size} needs a threshold below 0; 0 gives {size:.2f} bytes"
        )
    return threshold


def _threshold_with_longest(
    values: Floats, patch_size: float, weights: Floats, longest: int
) -> float:
    """Return the least value that gives patches of the target size; infinite if no value does.

    A higher threshold never gives more patches, even if long patches are split.
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
    """Return the mean patch length in bytes that one threshold gives on a sample.

    The result is infinite if there is no patch.

    Args:
        values, weights, longest: sample, as for :func:`threshold_for`.
        threshold: threshold in nats.
    """
    return float(patch_sizes_of(values, np.array([threshold]), weights, longest=longest)[0])


def patch_sizes_of(
    values: Floats,
    thresholds: Floats,
    weights: Floats | None = None,
    *,
    longest: int | None = None,
) -> Floats:
    """Return the mean patch length in bytes that each of many thresholds gives on a sample.

    The result is infinite where there is no patch.

    Args:
        values, weights, longest: sample, as for :func:`threshold_for`.
        thresholds: thresholds in nats.
    """
    weights = np.ones(values.shape) if weights is None else weights
    if longest is not None:
        return _sizes_with_longest(values.ravel(), thresholds, weights.ravel(), longest)
    order = np.argsort(values, axis=None)
    sums = np.concatenate([[0.0], np.cumsum(weights.ravel()[order])])
    below = np.searchsorted(values.ravel()[order], thresholds, side="right")
    starts = sums[-1] - sums[below]
    # The difference of the sums may be a rounding error instead of 0.
    starts[below == values.size] = 0
    with np.errstate(divide="ignore"):
        return np.asarray(sums[-1] / starts)


def _sizes_with_longest(
    values_N: Floats, thresholds: Floats, weights_N: Floats, longest: int
) -> Floats:
    """Count patches one threshold at a time, as a split depends on the start of the patch."""
    positions_N, total = np.arange(len(values_N)), weights_N.sum()
    sizes = []
    for threshold in thresholds:
        starts_N = values_N > threshold
        if not starts_N.any():
            sizes.append(np.inf)
            continue
        first_N = np.maximum.accumulate(np.where(starts_N, positions_N, 0))
        sizes.append(total / weights_N[(positions_N - first_N) % longest == 0].sum())
    return np.array(sizes)
