"""Look-up of the device that a setting names, with a check that it is available."""

import torch


def find_device(name: str, *, field: str = "device") -> torch.device:
    """Return the device ``name`` after checking that it is available.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        field: setting or option that contains the name, for error messages.

    Raises:
        ValueError: torch knows no such device, or the device is not available.
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
