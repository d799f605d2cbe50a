"""Settings of the memory allocator of the C library, for speed on a CPU.

A training step allocates and frees the same tensors again and again. By default glibc returns large
blocks to the system at once, and the system then provides zeroed pages again: for a small model
this takes more than a third of a step. glibc also uses pages of 4 KiB, so that products of large
matrices wait for address translation: with huge pages (2 MiB) a step of a small model takes three
quarters of the time.
"""

import ctypes
import os
import platform
import sys
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Option numbers of ``mallopt`` (glibc, malloc.h)."""

LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Make this process keep freed memory for later allocations.

    The memory of the process then never falls below its peak. With a C library other than glibc the
    function does nothing.

    Returns:
        Whether the C library accepted the settings.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, LARGEST))


TUNABLES = "GLIBC_TUNABLES"
HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Setting that requests transparent huge pages for all allocations; glibc reads it when a process
starts."""

FIRST_WITH_HUGE_PAGES = (2, 35)
"""First version of glibc that has this setting."""

TRANSPARENT = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def restart_with_huge_pages() -> None:
    """Restart this command in the same process, with memory in huge pages.

    Call the function in the first line of a long-running command. It returns without an effect if
    nothing can be gained: if the process was started with settings of glibc (for example by this
    function), if the C library is not glibc or is older, or if the system has no transparent huge
    pages or uses them for all memory.
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
