"""Processes that do not outlive the one that they work for."""

import os
import threading
import time
from collections.abc import Callable


def end_with(process: int) -> None:
    """End this process within a second of ``process``, even if that was killed.

    Args:
        process: its number; the parent of this one, or one that lives on this machine.
    """
    ended = _is_no_parent if os.getppid() == process else _is_gone
    threading.Thread(target=_wait, args=(ended, process), daemon=True).start()


def _wait(ended: Callable[[int], bool], process: int) -> None:
    while not ended(process):
        time.sleep(1)
    os._exit(1)


def _is_no_parent(process: int) -> bool:
    return os.getppid() != process


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False
