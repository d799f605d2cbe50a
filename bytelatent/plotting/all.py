"""All figures with their default settings: ``python -m bytelatent.plotting.all``.

If one figure fails, the others are still drawn; the exit status reports the failure.
"""

import sys
from collections.abc import Sequence
from functools import cache

from bytelatent.plotting import (
    calibration_curve,
    entropy_figure,
    entropy_histogram,
    kinds,
    patch_lengths,
    patch_overlay,
    scaling_figures,
    sentence_boundaries,
    training_curve,
)
from bytelatent.plotting.command_line import Load, Parser, add_common_options
from bytelatent.runtime.entropy_runtime import EntropyRuntime

COMMANDS = (
    entropy_figure.COMMAND,
    entropy_histogram.COMMAND,
    patch_overlay.COMMAND,
    training_curve.COMMAND,
    calibration_curve.COMMAND,
    kinds.COMMAND,
    sentence_boundaries.COMMAND,
)
STUDY = (patch_lengths.COMMAND, scaling_figures.COMMAND)
"""Commands of the scaling study; the first writes to ``plot_data/`` what the second draws."""


def main(arguments: Sequence[str] | None = None, *, load: Load = EntropyRuntime.load) -> int:
    """Run every plotting command; return 0 when all of them succeeded, else 1."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = Parser(
        prog="python -m bytelatent.plotting.all",
        description="Make every figure of the gallery with its default settings.",
    )
    add_common_options(parser)
    parser.parse_args(words)
    load_once = cache(load)
    return max(command.main(words, load=load_once) for command in COMMANDS + STUDY)


if __name__ == "__main__":
    raise SystemExit(main())
