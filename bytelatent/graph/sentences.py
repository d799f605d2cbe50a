"""Sentence boundaries from entropy: ``python -m bytelatent.graph.sentences``.

Prints how well each way to find sentences does, or, with ``--file``, the sentences of a text as the
byte model sees them.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bytelatent.files import naming
from bytelatent.graph.comparing import Comparison, compare
from bytelatent.graph.endings import SAMPLE, ByteModel, read_documents, sentences
from bytelatent.runtime.entropy import EntropyRuntime

DEFAULT_MODEL = Path(__file__).parents[1] / "pretrained" / "blt-entropy-mini"
COLUMNS = ("method", "where", "precision", "recall", "F1", "95 % of F1")


def table(comparison: Comparison) -> list[tuple[str, ...]]:
    """Columns for people: method, places, precision, recall, F1 and its range."""
    return [
        (
            one.label,
            one.places,
            *(f"{value:.3f}" for value in (one.precision, one.recall, one.f1)),
            f"{one.low:.3f}–{one.high:.3f}",
        )
        for one in comparison.methods
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or the sentences of a file; 1 when something is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m bytelatent.graph.sentences",
        description="Compare ways to find sentences, or print the sentences of a file.",
        allow_abbrev=False,
    )
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, metavar="DIR")
    parser.add_argument("--file", type=Path, help="a text, UTF-8: print its sentences")
    parser.add_argument("--sample", type=Path, default=SAMPLE, help="known sentences, one a line")
    options = parser.parse_args(arguments)
    try:
        if options.file is not None:
            _print_sentences(options.file, EntropyRuntime.load(options.model))
            return 0
        found = compare(read_documents(options.sample), EntropyRuntime.load(options.model))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for row in [COLUMNS, *table(found)]:
        print(f"{row[0]:<34}{row[1]:<14}" + "".join(f"{cell:>13}" for cell in row[2:]))
    return 0


def _print_sentences(path: Path, model: ByteModel) -> None:
    with naming(path, "read"):
        data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text: {error.reason} at byte {error.start}") from None
    for start, end in sentences(text, model):
        print(text[start:end])


if __name__ == "__main__":
    raise SystemExit(main())
