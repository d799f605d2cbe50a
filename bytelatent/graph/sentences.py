"""Sentence boundaries from entropy: ``python -m bytelatent.graph.sentences``.

The command prints the scores of each method for sentence boundaries. With ``--file`` it prints the
sentences of a text that the byte model finds.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from bytelatent.command import run_command
from bytelatent.files import os_errors_as_value_error
from bytelatent.formats.find import ENTROPY_MINI
from bytelatent.graph.comparing import COLUMNS, compare, table
from bytelatent.graph.endings import SAMPLE, read_documents, sentences
from bytelatent.runtime.entropy_runtime import ByteAnalyser, EntropyRuntime


def run(options: argparse.Namespace) -> None:
    """Print the sentences of a file, or the table that compares the methods.

    Raises:
        ValueError: the model or the text is missing or damaged.
    """
    if options.file is not None:
        _print_sentences(options.file, EntropyRuntime.load(options.model))
        return
    comparison = compare(read_documents(options.sample), EntropyRuntime.load(options.model))
    for row in [COLUMNS, *table(comparison)]:
        print(f"{row[0]:<34}{row[1]:<14}" + "".join(f"{cell:>13}" for cell in row[2:]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or the sentences of a file; return 1 when something is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m bytelatent.graph.sentences",
        description="Compare ways to find sentences, or print the sentences of a file.",
        allow_abbrev=False,
    )
    parser.add_argument("--model", type=Path, default=ENTROPY_MINI, metavar="DIR")
    parser.add_argument("--file", type=Path, help="a text, UTF-8: print its sentences")
    parser.add_argument("--sample", type=Path, default=SAMPLE, help="known sentences, one per line")
    options = parser.parse_args(arguments)
    return run_command(run, options)


def _print_sentences(path: Path, model: ByteAnalyser) -> None:
    with os_errors_as_value_error(path, "read"):
        data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text: {error.reason} at byte {error.start}") from None
    for start, end in sentences(text, model):
        print(text[start:end])


if __name__ == "__main__":
    raise SystemExit(main())
