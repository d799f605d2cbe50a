"""The parent process of the server, which starts a worker and replaces it if it is killed."""

import os
import signal
import sys
from collections.abc import Callable

THREADS, CONNECTIONS, GRACE_SECONDS = 48, 400, 25
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def supervise(work: Callable[[], None]) -> int:
    """Do ``work`` in a child process; return the exit status of the child.

    If a signal kills the child, a new child does ``work`` again.
    """
    while child := os.fork():
        for number in SIGNALS:
            signal.signal(number, lambda *_, child=child: os.kill(child, signal.SIGTERM))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code >= 0 or -code in SIGNALS:
            return max(code, 0)
        print(f"worker {child} was killed by signal {-code}; it is replaced", file=sys.stderr)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
    work()
    return 0
