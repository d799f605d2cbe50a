"""How the C library takes and gives back memory; of account to work on a CPU.

A training step makes and drops the same tensors again and again. By its defaults glibc returns
large ones to the system at once, which then hands out zeroed pages anew: for a small model more
than a third of a step. And it takes pages of 4 KiB, so that products of large matrices wait for
their addresses: with huge pages (2 MiB) a step of a small model takes three quarters of its time.
"""

import ctypes
import os
import platform
import sys
from pathlib import Path

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


TUNABLES = "GLIBC_TUNABLES"
HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Asks for transparent huge pages wherever memory is taken; read when a process starts."""

FIRST_WITH_HUGE_PAGES = (2, 35)
"""Version of glibc."""

TRANSPARENT = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def restart_with_huge_pages() -> None:
    """Start this command anew, in the same process, with memory in huge pages.

    For the first line of a command that works for long. It returns, and changes nothing, where
    there is nothing to gain: in a process that was started with settings of glibc's own (so also
    in one that this function has started), with another C library or an older glibc, or where the
    system has no transparent huge pages or gives them to all anyway.
    """
    if TUNABLES in os.environ or not _gives_huge_pages_to_who_asks():
        return
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, TUNABLES: HUGE_PAGES}
    words = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, words, environment)  # noqa: S606 (no shell is wanted)


def _gives_huge_pages_to_who_asks() -> bool:
    name, version = platform.libc_ver()
    if name != "glibc" or tuple(map(int, version.split(".")[:2])) < FIRST_WITH_HUGE_PAGES:
        return False
    try:
        return "[madvise]" in TRANSPARENT.read_text(encoding="ascii")
    except OSError:
        return False
