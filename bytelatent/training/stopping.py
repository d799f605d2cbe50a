"""Signals that ask a run to save and leave."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

STOPPED = os.EX_TEMPFAIL
"""Exit status of a run that has saved and wants to be started again: 75."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Stoppable(Protocol):
    """What can be asked to stop."""

    stop_requested: bool


@contextmanager
def stopping_on_signals(work: Stoppable) -> Iterator[None]:
    """Set ``stop_requested`` of ``work`` when a signal of :data:`SIGNALS` comes."""

    def stop(number: int, frame: FrameType | None) -> None:
        # A second signal is not held back: the run may be stuck.
        work.stop_requested = True
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
