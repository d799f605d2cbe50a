"""Text from the model that comes along, byte by byte, offline: ``python demo.py "A BLT has"``.

    python demo.py                                           # continues "A BLT has"
    python demo.py "Once upon a time" --temperature 0.8 --seed 3
    python demo.py "A BLT has" --model facebook/blt-1b --dtype bf16

All options are those of ``bytelatent generate``, which this is, with the prompt and figures shown.
"""

import sys
from collections.abc import Sequence

from bytelatent.cli import main as run

PROMPT = "A BLT has"


def main(argv: Sequence[str] | None = None) -> int:
    """The demo; its status is that of ``bytelatent generate``."""
    words = [*(sys.argv[1:] if argv is None else argv)] or [PROMPT]
    return run(["generate", "--echo", "--stats", *words])


if __name__ == "__main__":
    sys.exit(main())
