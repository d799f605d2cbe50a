"""``python -m bytelatent.calibration MODEL``: find the threshold for a target mean patch size.

    python -m bytelatent.calibration blt-entropy-mini --data data/corpus --patch-size 4.5
    python -m bytelatent.calibration runs/entropy_mini/model --data a.txt b.txt --write

The command measures entropies on held-out text and prints the threshold of every rule that has one
threshold. It uses the sources of the training mix that the corpus contains, with their shares. If
the corpus contains none of them, or train_args.json of the model names no training mix, all bytes
have the same weight. --write stores the threshold of the model's rule in its train_args.json. It
also writes calibration.json, the curve of thresholds and bytes per patch for the mix and for every
language. With --max-patch-length longer patches are split and counted as split; --write stores this
limit too.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bytelatent.command import run_command
from bytelatent.evaluation.thresholds import (
    LIMIT,
    PATCH_SIZE,
    calibrate,
    lines,
    measure,
    read_corpus,
    shares_of,
    write,
)
from bytelatent.formats.file_names import CALIBRATION_FILE, TRAIN_ARGS_FILE
from bytelatent.loading import load_text_model
from bytelatent.patching.rules import PatchingMode


def run(options: argparse.Namespace) -> None:
    """Measure entropies, print the thresholds and, with ``--write``, store them.

    Raises:
        ValueError: the model or the text cannot be used, or no threshold gives the patch size.
    """
    if options.limit < 1:
        raise ValueError(f"--limit: {options.limit} is not 1 or more bytes")
    if options.max_patch_length is not None and options.max_patch_length < 0:
        raise ValueError(f"--max-patch-length: {options.max_patch_length} is not 0 or more bytes")
    text_model = load_text_model(options.model, entropy_model=options.entropy_model)
    shares = shares_of(text_model.settings)
    corpus, shares = read_corpus(options.data, options.split, shares, options.limit)
    patcher = text_model.patcher
    mode = PatchingMode.ENTROPY if patcher is None else patcher.mode
    longest = options.max_patch_length
    if longest is None and patcher is not None:
        longest = patcher.args.max_patch_length
    samples = measure(text_model, corpus, shares)
    result = calibrate(samples, options.patch_size, mode, longest=longest or None)
    result = {"model": options.model, "entropy_model": text_model.entropy_name, **result}
    print("\n".join(lines(result)))
    if options.write:
        folder = write(options.model, result)
        print(f"wrote {folder / TRAIN_ARGS_FILE} and {folder / CALIBRATION_FILE}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.calibration", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("model", help="entropy model or BLT: a folder, a shipped model or a repository")
    add(
        "--data",
        type=Path,
        nargs="+",
        default=[Path("data/corpus")],
        metavar="PATH",
        help="folder of a corpus, or text files (default: data/corpus)",
    )
    add("--split", default="valid", help="split of the corpus (default: valid)")
    add(
        "--patch-size",
        type=float,
        default=PATCH_SIZE,
        metavar="BYTES",
        help=f"target mean patch size (default: {PATCH_SIZE})",
    )
    add(
        "--max-patch-length",
        type=int,
        metavar="BYTES",
        help="longest patch; 0 for no limit (default: the setting in the folder of the model)",
    )
    limit = f"bytes of each source (default: {LIMIT})"
    add("--limit", type=int, default=LIMIT, metavar="BYTES", help=limit)
    entropy_model = "entropy model of a BLT (default: the one that its folder names)"
    add("--entropy-model", metavar="MODEL", help=entropy_model)
    add("--write", action="store_true", help="store the result in the folder of the model")
    return run_command(run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
