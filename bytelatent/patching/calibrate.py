"""Choosing a threshold for a wanted patch size.

With the global-threshold rule a byte starts a patch where its entropy exceeds the threshold, so the
threshold for ``n`` bytes per patch is the entropy that one byte in ``n`` exceeds (BLT paper,
section 4.1: thresholds are set so that the mean patch size on the training mix hits a target).
"""

import numpy as np
from numpy.typing import NDArray


def threshold_for(entropies: NDArray[np.floating], patch_size: float) -> float:
    """Threshold in nats that gives ``patch_size`` bytes per patch on the sample.

    Args:
        entropies: nats, of any shape; one per byte of a representative sample.
        patch_size: wanted mean length in bytes, more than 1.

    Raises:
        ValueError: no entropies, or a patch size that no threshold can give.
    """
    if not entropies.size:
        raise ValueError("entropies: none given; calibration needs a sample of text")
    if not patch_size > 1:
        raise ValueError(f"patch_size: {patch_size} is not more than 1 byte")
    return float(np.quantile(entropies, 1 - 1 / patch_size))


def patch_size_of(entropies: NDArray[np.floating], threshold: float) -> float:
    """Mean patch length in bytes that ``threshold`` gives on the sample; infinite for none."""
    starts = int(np.count_nonzero(entropies > threshold))
    return entropies.size / starts if starts else float("inf")
