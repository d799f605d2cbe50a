"""``python -m bytelatent.calibration MODEL``: the threshold for a wanted mean patch size.

    python -m bytelatent.calibration blt-entropy-mini --data data/corpus --patch-size 4.5
    python -m bytelatent.calibration runs/entropy_mini/model --data a.txt b.txt --write

Measures entropies on held-out text and prints the threshold for every rule that has one. Of a
corpus it takes the sources of the training mix that are there, with their shares; all bytes alike
where there is none of them, or where the model's train_args.json names no mix. --write puts the
threshold of the model's own rule into its train_args.json, and the curve of thresholds and bytes
per patch, for the mix and for every language, beside it as calibration.json. With
--max-patch-length longer patches are split, which is counted, and --write stores that too.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bytelatent.command import run_command
from bytelatent.evaluation.thresholds import (
    CALIBRATION_FILE,
    LIMIT,
    PATCH_SIZE,
    calibrate,
    lines,
    measure,
    read_corpus,
    shares_of,
    write,
)
from bytelatent.formats.train_args import TRAIN_ARGS_FILE
from bytelatent.loading import load_text_model
from bytelatent.patching.rules import PatchingMode


def run(options: argparse.Namespace) -> None:
    """Measure, print and, if asked, write.

    Raises:
        ValueError: the model, the text or the wanted size is impossible.
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
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.calibration", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("model", help="an entropy model or a BLT: folder, shipped model or repository")
    add(
        "--data",
        type=Path,
        nargs="+",
        default=[Path("data/corpus")],
        metavar="PATH",
        help="folder of a corpus, or files of text (default: data/corpus)",
    )
    add("--split", default="valid", help="of the corpus (default: valid)")
    add(
        "--patch-size",
        type=float,
        default=PATCH_SIZE,
        metavar="BYTES",
        help=f"default: {PATCH_SIZE}",
    )
    add(
        "--max-patch-length",
        type=int,
        metavar="BYTES",
        help="longer patches are split; 0 for no limit (default: as the model's folder says)",
    )
    add("--limit", type=int, default=LIMIT, metavar="BYTES", help=f"of a source (default: {LIMIT})")
    add("--entropy-model", metavar="MODEL", help="of a BLT (default: the one its folder names)")
    add("--write", action="store_true", help="store the result in the folder of the model")
    return run_command(run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
