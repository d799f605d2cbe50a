"""Fetch Meta's released weights from the Hugging Face hub into ``hf-weights/``.

    python download_blt_weights.py                       # blt-1b, blt-7b and blt-entropy
    python download_blt_weights.py blt-1b blt-entropy    # only these
    python download_blt_weights.py blt --to elsewhere    # the .pth checkpoints of all three
    python download_blt_weights.py blt-1b@REVISION       # a branch, tag or commit

They are gated: accept the licence on each repository's page, and run ``huggingface-cli login``.
What has been fetched is not fetched again. blt-1b alone has 4.5 billion parameters.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bytelatent.formats.hub import download, split_revision

OWNER = "facebook"
DEFAULT = ("blt-1b", "blt-7b", "blt-entropy")
CHOICES = (*DEFAULT, "blt")


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(CHOICES)} (default: {' '.join(DEFAULT)})",
    )
    parser.add_argument(
        "--to",
        type=Path,
        default=Path("hf-weights"),
        metavar="FOLDER",
        help="a subfolder for each is made here (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    names = options.names or DEFAULT
    for name in names:
        if split_revision(name)[0] not in CHOICES:
            parser.error(f"{name!r} is none of {', '.join(CHOICES)}")
    try:
        for name in names:
            folder = options.to / split_revision(name)[0]
            print(download(f"{OWNER}/{name}", to=folder), flush=True)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
