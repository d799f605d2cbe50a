"""Giving memory back to the system.

The C library keeps what a text took, for the next one; of long texts that is some hundred
megabytes, more than the models. A small machine has better uses for them.
"""

import ctypes
import os
import time
from collections.abc import Callable

EVERY_SECONDS = 1.0
"""Looking through the heap takes a few milliseconds."""


class Keeper:
    """Gives back what is free, now and then.

    Args:
        trim: does it.
        clock: seconds.
    """

    def __init__(
        self, trim: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._trim, self._clock = trim, clock
        self._last = float("-inf")

    def give_back(self) -> None:
        """Give free memory back, if that was not done just now."""
        now = self._clock()
        if now - self._last >= EVERY_SECONDS:
            self._last = now
            self._trim()


def trim_heap() -> None:
    """Give the free memory of this process back; nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


give_back = Keeper(trim_heap).give_back
