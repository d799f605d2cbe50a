"""Common parts of the plotting commands: options, error handling, and their run.

A user error prints one line to standard error and gives exit status 1.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bytelatent.formats.find import ENTROPY_MINI
from bytelatent.plotting.artifacts import ArtifactWriter
from bytelatent.runtime.entropy_runtime import ByteAnalyser, EntropyRuntime
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

DEFAULT_OUT = Path("demo_output")
DEFAULT_DATA = Path("plot_data")
MAX_TEXT_BYTES = 64 * 1024

Load = Callable[[Path], ByteAnalyser]
"""Function that loads the model of a folder; tests pass their own."""


class Parser(argparse.ArgumentParser):
    """Argument parser without abbreviations; an error prints one line and gives exit status 1."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(allow_abbrev=False, **kwargs)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: error: {message}\n")


@dataclass(frozen=True)
class PlotJob:
    """One run of a command: its options, the writer of its files, and the loader of the model."""

    options: argparse.Namespace
    writer: ArtifactWriter
    load: Load

    def model(self) -> ByteAnalyser:
        """Load the entropy model that the option ``--model`` names."""
        return self.load(self.options.model)


@dataclass(frozen=True)
class PlotCommand:
    """A plotting command.

    Attributes:
        name: name of its module.
        summary: description of one sentence for ``--help``.
        render: function that writes the files.
        add_options: function that adds the options of this command alone.
    """

    name: str
    summary: str
    render: Callable[[PlotJob], None]
    add_options: Callable[[Parser], None]

    @property
    def program(self) -> str:
        """Command line that runs the command."""
        return f"python -m bytelatent.plotting.{self.name}"

    def main(self, arguments: Sequence[str] | None = None, *, load: Load | None = None) -> int:
        """Run the command with ``arguments``, those of the process when None; return its status."""
        words = sys.argv[1:] if arguments is None else list(arguments)
        parser = Parser(prog=self.program, description=self.summary)
        add_common_options(parser)
        self.add_options(parser)
        options = parser.parse_args(words)
        folder_parser = Parser(add_help=False)
        add_places(folder_parser)
        _, content = folder_parser.parse_known_args(words)
        producer = shlex.join([*self.program.split(), *content])
        writer = ArtifactWriter(options.out, options.data, _printable(producer))
        try:
            self.render(PlotJob(options, writer, load or EntropyRuntime.load))
        except (ValueError, OSError) as error:
            reason = _printable(" ".join(str(error).split()))
            print(f"{self.program}: error: {reason}", file=sys.stderr)
            return 1
        finally:
            for path in writer.written:
                print(path)
            for remark in writer.remarks:
                print(f"{self.program}: {remark}", file=sys.stderr)
        return 0


def add_common_options(parser: Parser) -> None:
    """Add the options ``--model``, ``--out`` and ``--data`` to a parser."""
    parser.add_argument(
        "--model",
        type=Path,
        default=ENTROPY_MINI,
        metavar="DIR",
        help="folder of an exported model (default: blt-entropy-mini, which comes along)",
    )
    add_places(parser)


def add_places(parser: Parser) -> None:
    """Add the options ``--out`` and ``--data``, which do not change the content of the files."""
    parser.add_argument(
        "--out",
        type=Path,
        default=DEFAULT_OUT,
        metavar="DIR",
        help="folder for pages and images (default: %(default)s)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="folder for the numbers behind them (default: %(default)s)",
    )


def add_threshold(parser: Parser) -> None:
    """Add the option ``--threshold`` to a parser."""
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="NATS",
        help="entropy above which a byte starts a patch (default: the model's own)",
    )


def add_text_options(parser: Parser) -> None:
    """Add the options ``--text`` and ``--text-file`` to a parser; only one of them may be set."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--text", help="the text itself (default: an example)")
    group.add_argument(
        "--text-file",
        type=Path,
        metavar="FILE",
        help=f"a file with the text: any bytes, {MAX_TEXT_BYTES:,} at most",
    )


def text_bytes(options: argparse.Namespace, default: str) -> bytes:
    """Return the text that the options select.

    Bytes on the command line that are no UTF-8 are returned unchanged.

    Raises:
        ValueError: the text is too long, or its file cannot be read.
    """
    if options.text_file is not None:
        source, data = f"--text-file: {options.text_file}", read_file(options.text_file)
    else:
        text = default if options.text is None else options.text
        try:
            source, data = "--text", text.encode("utf-8", errors="surrogateescape")
        except UnicodeEncodeError:
            source, data = "--text", utf8_bytes(text)
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"{source} has {len(data):,} bytes; {MAX_TEXT_BYTES:,} at most are drawn")
    return data


def read_file(path: Path) -> bytes:
    """Read the bytes of a file.

    Raises:
        ValueError: the file cannot be read; the message names it.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None


def _printable(text: str) -> str:
    """Return ``text`` with escapes for what UTF-8 cannot represent."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")
