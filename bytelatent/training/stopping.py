"""Signals that ask a run to save and to exit.

This module imports nothing that is slow, so that a command can wait for signals from its beginning:
importing torch takes seconds, in which a signal would end the process with its default effect.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

STOPPED = os.EX_TEMPFAIL
"""Exit status (75) of a run that has saved its state and can be resumed."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

STOP_NOTE = "STOOL_STOP"
"""Environment variable with the path of a file that exists if the job was asked to stop.

The jobs of :mod:`bytelatent.stool` make the file before they send SIGUSR1 to the processes of the
script, because a process that has just started does not receive the signal.
"""


@dataclass
class StopRequest:
    """Request to save and to exit.

    Attributes:
        requested: whether the run was asked to stop; it stays set.
    """

    requested: bool = False


@contextmanager
def stopping_on_signals() -> Iterator[StopRequest]:
    """Provide a request that is set when a signal of :data:`SIGNALS` arrives.

    Signals that were held back (:func:`hold_signals`) arrive at once. A second SIGINT or SIGTERM
    has its default effect, because the run may be stuck. SIGUSR1 may come several times: some
    clusters send it to all processes, and the script of the node sends it once more.
    """
    stop = StopRequest()

    def request(number: int, frame: FrameType | None) -> None:
        stop.requested = True
        if number != signal.SIGUSR1:
            signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, request) for number in SIGNALS}
    release_signals()
    note = os.environ.get(STOP_NOTE)
    if note and Path(note).exists():
        stop.requested = True
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def hold_signals() -> None:
    """Hold signals of :data:`SIGNALS` back until :func:`release_signals`, also over an exec."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def release_signals() -> None:
    """Let signals of :data:`SIGNALS` arrive, those that were held back at once."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
