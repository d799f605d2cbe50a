"""The command ``python -m app.precompute NAME``: write one of the stored files that pages show.

    python -m app.precompute examples     measured example texts
    python -m app.precompute traces       recorded texts, which the page plays without a model
    python -m app.precompute languages    measures of one text in many languages
    python -m app.precompute inspected    example texts inspected with the BLT
    python -m app.precompute diagram      diagram of the architecture for the README

``python -m app.precompute NAME --help`` shows the options of a command.
"""

import importlib
import sys
from collections.abc import Sequence

NAMES = ("examples", "traces", "languages", "inspected", "diagram")
USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command whose name is the first argument; return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if words else USAGE_ERROR
    name, *rest = words
    if name not in NAMES:
        print(f"error: {name!r} is none of {', '.join(NAMES)}", file=sys.stderr)
        return USAGE_ERROR
    status: int = importlib.import_module(f"app.precompute.{name}").main(rest)
    return status


if __name__ == "__main__":
    sys.exit(main())
