"""Helper processes that end together with the process that they work for."""

import os
import threading
import time
from collections.abc import Callable


def end_with(process: int) -> None:
    """Make this process end within a second after ``process`` has ended, even if it was killed.

    Args:
        process: process id of the parent of this process, or of another process on this machine.
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
