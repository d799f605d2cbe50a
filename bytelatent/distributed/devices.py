"""The device that a setting names, looked for before anything is moved there."""

import torch


def find_device(name: str, *, field: str = "device") -> torch.device:
    """The device ``name``, which can be used here.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        field: setting or option that gave it, for messages.

    Raises:
        ValueError: torch knows no such device, or sees none here.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"{field}: {name!r} is no device; take cpu, cuda, cuda:N or mps")
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if count == 0:
            raise ValueError(f"{field}: {name}, but torch sees no GPU here")
        if device.index is not None and device.index >= count:
            raise ValueError(
                f"{field}: {name}, but the last GPU that torch sees here is cuda:{count - 1}"
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"{field}: {name}, but torch sees no GPU of Apple's here")
    return device
