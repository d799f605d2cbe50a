"""Running the body of a command, with the exit statuses and error messages of all commands."""

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

Options = TypeVar("Options")

FAILED, INTERRUPTED = 1, 130
"""Exit statuses: after an error with a message for the user, and after Ctrl-C as in shells."""


def run_command(
    run: Callable[[Options], int | None],
    options: Options,
    *,
    verbose: bool = False,
    interrupted: str = "stopped",
    errors: tuple[type[Exception], ...] = (ValueError,),
) -> int:
    """Run the body of a command; print errors that a user can correct in one line.

    Args:
        run: body of the command; it returns the exit status, or None for 0.
        options: argument of ``run``.
        verbose: whether to print log messages of the level INFO; warnings are always printed.
        interrupted: text to print after Ctrl-C.
        errors: exceptions whose message is printed without a traceback.

    Returns:
        The exit status: the result of ``run``, 1 after one of ``errors``, 130 after Ctrl-C.
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
