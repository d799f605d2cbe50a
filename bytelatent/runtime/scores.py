"""Probabilities from logits, in numpy."""

import numpy as np
from numpy.typing import NDArray


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log probabilities ``ln p`` of logits, normalised over the last dimension."""
    shifted: NDArray[np.float32] = logits - logits.max(axis=-1, keepdims=True)
    log_p: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p


def top(log_p: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return ids and probabilities of the ``k`` most likely tokens, in descending order."""
    if k == 0:
        return np.zeros((len(log_p), 0), np.int64), np.zeros((len(log_p), 0), np.float32)
    unsorted = np.argpartition(-log_p, k - 1, axis=-1)[:, :k]
    order = np.argsort(-np.take_along_axis(log_p, unsorted, axis=-1), axis=-1, kind="stable")
    best = np.take_along_axis(unsorted, order, axis=-1)
    return best, np.exp(np.take_along_axis(log_p, best, axis=-1))
