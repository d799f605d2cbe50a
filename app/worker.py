"""Keeping a worker's memory small."""

import ctypes
import sys

_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
ARENAS = 2
LARGE = 128 * 1024
"""Bytes; blocks from this size on go back to the system when they are freed."""


def give_memory_back() -> None:
    """Tell glibc to keep few heaps: by default every thread has its own, and each keeps its peak.

    Without glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_ARENA_MAX, ARENAS)
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, LARGE)
    except (OSError, AttributeError):
        return
