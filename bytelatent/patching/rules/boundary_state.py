"""The state in which a patching rule works token by token."""

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass
class BoundaryState:
    """State of a patching rule for one row.

    Attributes:
        position: number of tokens so far.
        patch_start: position where the rule itself, without the limit of the patch length, has last
            started a patch.
        entropy: entropy in nats of the prediction at the last token.
        memory: number that the rule itself keeps from token to token; 0 at the beginning.
    """

    position: int = 0
    patch_start: int = 0
    entropy: float = 0.0
    memory: int = 0

    def copy(self) -> "BoundaryState":
        """Return an independent copy of the state."""
        return replace(self)


Step = Callable[[BoundaryState, int, float], bool]
"""Function of the state of a row, its next token id and the entropy in nats of the prediction at
this token. It returns whether the token after it starts a patch; of the state it may change
``memory`` alone."""
