"""How the C library gives memory back; of account to training on a CPU.

A training step makes and drops the same tensors again and again. By its defaults glibc returns
large ones to the system at once, which then hands out zeroed pages anew: for a small model more
than a third of a step.
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Numbers of ``mallopt`` (glibc, malloc.h)."""

LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, for what it allocates next.

    Memory that a process holds then never falls below its peak. Where the C library is another than
    glibc nothing happens.

    Returns:
        Whether the library took the setting.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, LARGEST))
