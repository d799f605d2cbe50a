"""How a command ends: one function that all commands share."""

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

Options = TypeVar("Options")

FAILED, INTERRUPTED = 1, 130
"""Exit statuses: an error that was told in a sentence, and Ctrl-C as shells count it."""


def run_command(
    run: Callable[[Options], int | None],
    options: Options,
    *,
    verbose: bool = False,
    interrupted: str = "stopped",
    errors: tuple[type[Exception], ...] = (ValueError,),
) -> int:
    """Run the body of a command and turn errors that a user can mend into a line and a status.

    Args:
        run: the body. It returns the exit status, or None for 0.
        options: what ``run`` is called with.
        verbose: whether to show what the library logs at the level INFO. Warnings are always shown.
        interrupted: what to print after Ctrl-C.
        errors: exceptions whose message is printed without a traceback.

    Returns:
        The exit status: that of ``run``, 1 after one of ``errors``, 130 after Ctrl-C.
    """
    logging.basicConfig(format="%(message)s")
    if verbose:
        logging.getLogger("bytelatent").setLevel(logging.INFO)
    try:
        return run(options) or 0
    except errors as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED
