"""Signals that ask a run to save and to exit."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

STOPPED = os.EX_TEMPFAIL
"""Exit status (75) of a run that has saved its state and can be resumed."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Stoppable(Protocol):
    """Protocol of an object that can be asked to stop."""

    stop_requested: bool


@contextmanager
def stopping_on_signals(work: Stoppable) -> Iterator[None]:
    """Set ``stop_requested`` of ``work`` when a signal of :data:`SIGNALS` arrives."""

    def stop(number: int, frame: FrameType | None) -> None:
        # A second signal has its default effect, because the run may be stuck.
        work.stop_requested = True
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
