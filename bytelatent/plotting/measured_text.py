"""Measurement of a text by an exported model, with the patches that rules cut from it.

Legend: ``N`` bytes of a text, ``S = N + 1`` tokens (BOS first).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.patching.rules import (
    ENTROPY_MODES,
    PatchingMode,
    RuleOptions,
    check_options,
    lengths_from_starts,
    patch_starts,
)
from bytelatent.runtime.entropy_runtime import ByteAnalyser, ByteAnalysis

ENTROPY_SHIFT = (
    "entropies[i], in nats, belongs to the prediction of token i + 1; token 0 is BOS, so "
    "entropies[i] is that of byte i and the last one that of the byte that would come next"
)
LENGTHS_NOTE = (
    "patch_lengths are in tokens and sum to bytes + 1: the first patch is BOS alone, "
    "the others cover the bytes"
)


@dataclass(frozen=True)
class Measured:
    """A text with the measurements of a model.

    Attributes:
        data: the bytes ``[N]``.
        analysis: entropies, surprisals and predictions.
        model: name of the model.
        threshold: threshold in nats; a higher entropy starts a patch.
        max_patch_length: maximum length in bytes of patches by entropy; None for no limit.
    """

    data: bytes
    analysis: ByteAnalysis
    model: str
    threshold: float
    max_patch_length: int | None = None

    @property
    def byte_entropies(self) -> NDArray[np.float32]:
        """Entropy in nats ``[N]`` of the prediction of each byte, at the index of that byte."""
        return self.analysis.entropies[:-1]

    def patch_lengths(self, mode: PatchingMode, *, patch_size: int | None = None) -> list[int]:
        """Return the lengths of the patches in tokens; they sum to ``S``, the first is BOS alone.

        Args:
            mode: the patching rule.
            patch_size: length of static patches in bytes.
        """
        longest = self.max_patch_length if mode in ENTROPY_MODES else None
        options = RuleOptions(
            threshold=self.threshold, patch_size=patch_size, max_patch_length=longest
        )
        tokens, entropies = self.analysis.tokens[None], self.analysis.entropies[None]
        starts = patch_starts(mode, tokens, entropies, options)[:, :-1]
        return [int(length) for length in lengths_from_starts(starts)[0]]

    def summary(self) -> dict[str, Any]:
        """Return the fields that every data file about a text starts with."""
        return {
            "model": self.model,
            "text": self.data.decode("utf-8", errors="replace"),
            "bytes": len(self.data),
            "tokens": self.analysis.tokens.tolist(),
            "entropies": self.analysis.entropies.tolist(),
            "entropy_shift": ENTROPY_SHIFT,
            "threshold": self.threshold,
            "max_patch_length": self.max_patch_length,
            "bits_per_byte": self.analysis.bits_per_byte,
            "patch_lengths_note": LENGTHS_NOTE,
        }


def measure(
    model: ByteAnalyser, data: bytes, *, threshold: float | None = None, top_k: int = 0
) -> Measured:
    """Run ``model`` over ``data``.

    Args:
        model: the exported model.
        data: any bytes.
        threshold: threshold in nats; the model's own when None.
        top_k: number of most probable next tokens to keep for each byte.

    Raises:
        ValueError: the threshold is not a finite number of nats, 0 or more.
    """
    value = model.threshold if threshold is None else threshold
    check_options(PatchingMode.ENTROPY, RuleOptions(threshold=value))
    analysis = model.analyse(data, top_k=top_k)
    return Measured(data, analysis, model.name, value, model.max_patch_length)


def byte_patches(lengths: list[int]) -> list[tuple[int, int]]:
    """Convert lengths with BOS to ``(start, length)`` in bytes of the patches of the text.

    Lengths ``1, 1, 3`` (BOS, one byte, three bytes) give ``(0, 1), (1, 3)``.
    """
    patches, start = [], 0
    for length in lengths[1:]:
        patches.append((start, length))
        start += length
    return patches


def bytes_per_patch(lengths: list[int]) -> float | None:
    """Return the mean patch length in bytes, BOS left out; None for an empty text."""
    patches = byte_patches(lengths)
    return sum(length for _, length in patches) / len(patches) if patches else None
