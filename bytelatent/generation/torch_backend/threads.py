"""The number of threads that torch uses in a command that generates text."""

import torch
from torch import nn

SMALL = 20_000_000
"""Number of parameters below which a second thread makes generation slower."""


def use_threads(threads: int | None, device: torch.device, *models: nn.Module | None) -> None:
    """Set the number of threads of torch for this process; only commands call this function.

    A step of a small model is many small products. In each product the threads wait for one
    another, and the wait is longer when other processes use the same cores.

    Args:
        threads: number that the user has chosen. If None, it becomes 1 for models on a CPU that
            have fewer than ``SMALL`` parameters together; otherwise torch's number is not changed.
        device: device of the models.
        models: models that generate; a model that is not used may be None.
    """
    if threads is None:
        present = [model for model in models if model is not None]
        size = sum(weight.numel() for model in present for weight in model.parameters())
        if device.type != "cpu" or size >= SMALL:
            return
        threads = 1
    torch.set_num_threads(threads)
