"""Return of free memory from this process to the operating system.

The C library keeps freed memory for later allocations. After long texts this is some hundred
megabytes, more than the models take, and a small machine needs them for other purposes.
"""

import ctypes
import os
import time
from collections.abc import Callable

EVERY_SECONDS = 1.0
"""Looking through the heap takes a few milliseconds."""


class Keeper:
    """Limiter that returns free memory to the operating system at most once per second.

    Args:
        trim: function that returns the free memory of this process to the operating system.
        clock: function that returns monotonic seconds.
    """

    def __init__(
        self, trim: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._trim, self._clock = trim, clock
        self._last = float("-inf")

    def give_back(self) -> None:
        """Return free memory to the operating system, unless it was done in the last second."""
        now = self._clock()
        if now - self._last >= EVERY_SECONDS:
            self._last = now
            self._trim()


def trim_heap() -> None:
    """Return the free memory of this process to the operating system; only glibc supports this."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


give_back = Keeper(trim_heap).give_back
