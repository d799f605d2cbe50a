"""How many threads a command that generates lets torch use; nothing else here changes that."""

import torch
from torch import nn

SMALL = 20_000_000
"""Parameters below which a second thread costs more than it gives."""


def use_threads(wanted: int | None, device: torch.device, *models: nn.Module | None) -> None:
    """Set torch's number of threads for this process; only commands call this.

    A step of a small model is many small products. Several threads wait for one another in each of
    them; where other processes want the cores too, for as long as those hold them.

    Args:
        wanted: what the user asks for. When left out: 1 for models on a CPU that have fewer than
            ``SMALL`` parameters together, otherwise the number stays.
        device: where the models run.
        models: what generates; one that is not needed may be None.
    """
    if wanted is None:
        there = [model for model in models if model is not None]
        size = sum(weight.numel() for model in there for weight in model.parameters())
        if device.type != "cpu" or size >= SMALL:
            return
        wanted = 1
    torch.set_num_threads(wanted)
