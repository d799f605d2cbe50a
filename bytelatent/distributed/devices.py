"""Look-up of the device that a setting names, with a check that it is available; its memory."""

import logging
import os
from pathlib import Path

import torch

logger = logging.getLogger(__name__)

BF16_CAPABILITIES = ("avx512_bf16", "amx_bf16")
"""Capabilities of x86 processors that compute in bfloat16."""

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""File with the limit of memory of a container."""


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


def warn_of_slow_bf16(device: torch.device) -> None:
    """Log a warning if ``device`` is an x86 processor without instructions for bfloat16.

    Such a processor emulates them, at a fraction of the speed of fp32.
    """
    if device.type != "cpu":
        return
    capabilities = torch.cpu.get_capabilities()
    is_x86 = capabilities.get("architecture") == "x86_64"
    if is_x86 and not any(capabilities.get(name) for name in BF16_CAPABILITIES):
        logger.warning("this processor has no instructions for bf16; dtype=fp32 is faster here")


def total_memory(device: torch.device) -> int | None:
    """Return the memory of a device in bytes, or None if it is not known.

    For a CPU it is the memory of the machine, or the limit of the container (control group v2).
    """
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type != "cpu" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = CONTAINER_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total
