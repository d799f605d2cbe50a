"""Incremental patching rules: they decide for each byte, before it is drawn, if it starts a patch.

They give the same patches as :mod:`bytelatent.patching.rules`, which works on whole rows. Here a
rule takes one token at a time and keeps a few numbers as its state, whatever the length of the
text.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import ENTROPY_MODES, PatchingMode, check_options
from bytelatent.tokenizers.constants import BPE_DELIMITER_ID, OFFSET


@dataclass
class BoundaryState:
    """State of a patching rule for one row.

    Attributes:
        position: number of tokens so far.
        patch_start: position where the rule itself, without the limit of the patch length, has last
            started a patch.
        entropy: entropy in nats of the prediction at the last token.
        run: number of consecutive bytes that satisfy the condition of the combined rule.
        spacelike: whether the last token was a space-like byte.
    """

    position: int = 0
    patch_start: int = 0
    entropy: float = 0.0
    run: int = 0
    spacelike: bool = False

    def copy(self) -> "BoundaryState":
        """Return an independent copy of the state."""
        return replace(self)


class Boundaries:
    """One patching rule that decides token by token.

    Args:
        args: the rule and its numbers.

    Raises:
        ValueError: a number of the rule is missing, or the rule needs later bytes (top-k).
    """

    def __init__(self, args: PatcherArgs) -> None:
        self.mode = check_options(args.mode(), args.options())
        if self.mode is PatchingMode.ENTROPY and args.threshold is None:
            raise ValueError(
                "threshold: top-k patching (threshold null) looks at bytes that come later and "
                "cannot generate; give a threshold"
            )
        self.needs_entropy = self.mode in ENTROPY_MODES
        self._longest = args.max_patch_length
        self._threshold = _single(args.threshold or 0.0)
        self._rise = _single(args.threshold_add or 0.0)
        self._size = int(args.patch_size)
        rules: dict[PatchingMode, Callable[[BoundaryState, int, float], bool]] = {
            PatchingMode.ENTROPY: lambda _, __, entropy: entropy > self._threshold,
            PatchingMode.MONOTONIC: self._monotonic,
            PatchingMode.COMBINED: self._combined,
            PatchingMode.SPACE: self._space,
            PatchingMode.STATIC: lambda state, _, __: state.position % self._size == 0,
            PatchingMode.BYTE: lambda _, __, ___: True,
            PatchingMode.BPE: lambda _, token, __: token == BPE_DELIMITER_ID,
        }
        self._rule = rules[self.mode]

    def push(self, state: BoundaryState, token: int, entropy: float | None) -> bool:
        """Take the next token of a row; return whether the token after it starts a patch.

        Args:
            state: state of the row; it is changed.
            token: token id.
            entropy: entropy in nats of the prediction at this token; some rules need it.
        """
        nats = 0.0 if entropy is None else entropy
        starts = self._rule(state, token, nats) or state.position == 0
        state.entropy = nats
        state.position += 1
        if starts:
            state.patch_start = state.position
        elif self._longest is not None:
            starts = (state.position - state.patch_start) % self._longest == 0
        return starts

    def _monotonic(self, state: BoundaryState, _: int, entropy: float) -> bool:
        return _single(entropy - state.entropy) > self._threshold

    def _combined(self, state: BoundaryState, _: int, entropy: float) -> bool:
        risen = _single(entropy - state.entropy) > self._rise
        qualifies = (entropy > self._threshold and risen) or state.position == 0
        state.run = state.run + 1 if qualifies else 0
        return state.run % 2 == 1

    def _space(self, state: BoundaryState, token: int, _: float) -> bool:
        byte, before = token - OFFSET, state.spacelike
        word = 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A
        state.spacelike = not (word or 0x80 <= byte < 0xC0)
        return (state.spacelike and not before) or byte < 0


def _single(number: float) -> float:
    """Round ``number`` to single precision, in which entropies are compared."""
    return float(np.float32(number))
