"""Stop of a run whose loss or gradient is no finite number, or whose loss has risen too far."""

import math
from pathlib import Path


class DivergedError(ValueError):
    """Error that the loss or a gradient is not finite, or that the loss has diverged."""


def refuse_not_finite(nats: float, gradient_norm: float, step: int, folder: Path) -> None:
    """Raise an error before the optimiser takes a step that cannot be undone.

    Args:
        nats: loss of the step in nats.
        gradient_norm: norm of all gradients of the step.
        step: number of the step, from 1.
        folder: folder of the checkpoints, for the message.

    Raises:
        DivergedError: one of the two numbers is infinite or no number.
    """
    if not math.isfinite(nats) or not math.isfinite(gradient_norm):
        what = "loss" if not math.isfinite(nats) else "gradient norm"
        raise DivergedError(
            f"the {what} is no finite number at step {step}; the last checkpoint in "
            f"{folder} is untouched. Lower optim.lr or raise optim.warmup"
        )


def refuse_risen_loss(loss: float, lowest: float, factor: float, step: int, folder: Path) -> None:
    """Raise an error before a state is saved whose loss has risen too far.

    Args:
        loss: mean loss of the last steps in nats.
        lowest: lowest such mean of the run so far.
        factor: setting ``divergence_factor``; how many times the lowest the loss may be.
        step: number of steps done.
        folder: folder of the checkpoints, for the message.

    Raises:
        DivergedError: the loss is higher.
    """
    if loss > factor * lowest:
        raise DivergedError(
            f"the loss rose to {loss:.3f} at step {step}, more than {factor} times "
            f"the lowest so far ({lowest:.3f}); the last checkpoint in "
            f"{folder} is untouched. Lower optim.lr or raise divergence_factor"
        )
