"""Settings of the memory allocator that keep the memory of a server process small."""

import ctypes
import sys

_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
ARENAS = 2
LARGE = 2 * 1024**2
"""Bytes; blocks from this size on go back to the system when they are freed.

Smaller blocks are used again: a product of matrices takes blocks of some hundred kilobytes, and new
pages for each of them took as long as the products. What a request leaves free goes back after it
(:mod:`app.requests.memory`).
"""


def give_memory_back() -> None:
    """Limit the memory that glibc keeps in this process; without glibc nothing happens.

    By default every thread has its own heap, and each heap keeps the memory of its peak.
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
