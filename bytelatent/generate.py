"""``bytelatent generate``: generate text after a prompt and print it byte by byte.

    bytelatent generate "A BLT has"                          # the shipped model, offline
    bytelatent generate --file story.txt --temperature 0.8 --top-p 0.9 --seed 7 --stats
    printf 'A BLT has' | bytelatent generate --speculate 8 --trace trace.json
    bytelatent generate "one prompt" "another" --model facebook/blt-1b --dtype bf16

On a CPU in fp32 a model whose folder has ONNX graphs (``bytelatent export``) runs on onnxruntime,
which is faster and does not load torch; the text is the same. ``--backend`` selects the backend.

A prompt consists of the bytes of an argument, of a file or of stdin, unchanged: they need not be
valid UTF-8, and a last newline is part of the prompt. Several prompts form one batch. The output is
valid text: bytes that are not valid UTF-8 are printed as U+FFFD (with ``--valid-utf8`` there are
none), and on a terminal control characters are printed as visible symbols. Ctrl-C stops after the
text so far with exit status 130.
"""

import argparse
import errno
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bytelatent.command import INTERRUPTED, run_command
from bytelatent.files import os_errors_as_value_error, write_json
from bytelatent.formats.find import PRETRAINED
from bytelatent.generation.options import MAX_BYTES, MOST_THREADS, PROMPT_LIMIT
from bytelatent.generation.sampling import SamplingArgs

if TYPE_CHECKING:  # these modules load torch, which --help and wrong options do not need
    from bytelatent.generation.events import Event
    from bytelatent.generation.text_generator import TextGenerator
    from bytelatent.generation.torch_backend.engine import Engine
    from bytelatent.runtime import BltRuntime

DEFAULT_MODEL = "blt-mini"
PRECISIONS = ("fp32", "bf16", "fp16")
BACKENDS = ("torch", "onnx")
WEIGHTS = ("native", "fp16", "int8")

SAMPLING: dict[str, tuple[str, str]] = {
    "temperature": ("T", "divisor of the logits; 0 is greedy (default: 0)"),
    "top_k": ("K", "draw from the K most likely bytes"),
    "top_p": ("P", "draw from the fewest bytes that have probability P together"),
    "min_p": ("P", "draw from bytes with at least P times the largest probability"),
    "repetition_penalty": ("X", "above 1 makes recent bytes less likely (default: 1)"),
    "repetition_window": ("BYTES", "number of recent bytes (default: 64)"),
    "seed": ("N", "seed of the random numbers (default: 0)"),
}
"""Options that are fields of :class:`SamplingArgs`: name and description of the value."""


VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
"""Visible symbols of control characters, which a terminal would otherwise execute."""


class Writer:
    """Printer of the texts of a batch, one after the other.

    The current text is printed immediately; bytes of later texts wait until the current text ends.

    Args:
        prompts: prompt of each text.
        echo: whether to print each prompt before its text.
    """

    def __init__(self, prompts: Sequence[bytes], *, echo: bool) -> None:
        self._prompts, self._echo = prompts, echo
        self._pictures = VISIBLE if sys.stdout.isatty() else {}
        self._waiting = [""] * len(prompts)
        self._ended: set[int] = set()
        self._begin(0)

    def show(self, event: "Event") -> None:
        """Print the text of the next event, or keep it until its turn comes."""
        self._waiting[event.row] += event.text
        if event.finish is not None:
            self._ended.add(event.row)
        self._print_waiting()
        while self._current in self._ended and self._current + 1 < len(self._prompts):
            self._next()

    def finish(self) -> None:
        """Print all texts that are not printed yet; every text ends with a newline."""
        while self._current + 1 < len(self._prompts):
            self._next()
        print(flush=True)

    def _next(self) -> None:
        print()
        self._begin(self._current + 1)

    def _begin(self, row: int) -> None:
        self._current = row
        if len(self._prompts) > 1:
            print(f"{chr(10) * (row > 0)}==> {row + 1} of {len(self._prompts)} <==")
        if self._echo:
            self._print(self._prompts[row].decode(errors="replace"))
        self._print_waiting()

    def _print_waiting(self) -> None:
        text, self._waiting[self._current] = self._waiting[self._current], ""
        self._print(text)

    def _print(self, text: str) -> None:
        if text:
            print(text.translate(self._pictures), end="", flush=True)


def load(options: argparse.Namespace) -> "TextGenerator[Any]":
    """Load the model of the options on a backend.

    Raises:
        ValueError: the model is missing or damaged, or cannot generate.
    """
    name = options.model
    if name == DEFAULT_MODEL and not (PRETRAINED / name).is_dir() and not Path(name).is_dir():
        raise ValueError(
            f"{name} did not come with this copy of bytelatent; name a model with --model, a "
            "folder or a repository such as facebook/blt-1b"
        )
    runtime = None if options.backend == "torch" else _runtime(options)
    return runtime or _engine(options)


def _runtime(options: argparse.Namespace) -> "BltRuntime | None":
    """Load the model on onnxruntime; None if that is impossible and not required."""
    name, required = options.model, options.backend == "onnx"
    target = (options.device, options.dtype, options.weights, bool(options.cuda_graphs))
    if target != ("cpu", "fp32", "native", False):
        if required:
            raise ValueError(
                "--backend: onnx runs on a CPU in fp32; leave out --device, --dtype, --weights and "
                "--cuda-graphs"
            )
        return None
    folder = next((path for path in (Path(name), PRETRAINED / name) if path.is_dir()), None)
    if folder is None:
        if required:
            raise ValueError(f"--backend: {name} is no folder here, and onnx needs one with graphs")
        return None
    from bytelatent.runtime import BltRuntime, ModelFileError

    try:
        return BltRuntime.load(
            folder,
            entropy_model=options.entropy_model,
            threads=options.threads or 1,
            prompt_limit=options.max_prompt,
        )
    except ModelFileError:
        if required:
            raise
        return None


def _engine(options: argparse.Namespace) -> "Engine":
    """Load the model on torch."""
    from bytelatent.distributed.devices import find_device
    from bytelatent.formats.weights import DTYPES
    from bytelatent.generation.torch_backend.engine import Engine
    from bytelatent.generation.torch_backend.threads import use_threads
    from bytelatent.loading import load_text_model
    from bytelatent.model.blt import ByteLatentTransformer

    device = find_device(options.device, field="--device")
    model = load_text_model(
        options.model,
        entropy_model=options.entropy_model,
        dtype=DTYPES[options.dtype],
        device=device,
    )
    if not isinstance(model.model, ByteLatentTransformer):
        raise ValueError(
            f"{options.model} is a byte model that only measures entropies; name a BLT"
        )
    assert model.patcher is not None
    use_threads(options.threads, device, model.model, model.entropy_model)
    return Engine(
        model.model,
        model.entropy_model,
        model.patcher.args,
        weights=options.weights,
        cuda_graphs=options.cuda_graphs,
    )


def prompts_of(options: argparse.Namespace) -> list[bytes]:
    """Return the prompts: arguments, then files; stdin if there are neither.

    Raises:
        ValueError: a file cannot be read, or a prompt is too long.
    """
    named = [(f"prompt {n}", os.fsencode(text)) for n, text in enumerate(options.prompt, 1)]
    paths = options.file or ([] if named else ["-"])
    named += [(f"{path}", _read(path, options.max_prompt)) for path in paths]
    for name, prompt in named:
        if len(prompt) > options.max_prompt:
            raise ValueError(
                f"{name} has more than {options.max_prompt} bytes; --max-prompt sets the limit"
            )
    return [prompt for _, prompt in named]


def _read(path: str, limit: int) -> bytes:
    """Read a prompt, at most one byte more than ``limit``."""
    if path == "-":
        if sys.stdin.isatty():
            print("reading the prompt from the terminal, to its end (Ctrl-D)", file=sys.stderr)
        return sys.stdin.buffer.read(limit + 1)
    with os_errors_as_value_error(path, "read"), Path(path).open("rb") as file:
        return file.read(limit + 1)


def run(options: argparse.Namespace) -> int:
    """Load the model, generate and print the texts, and return the exit status.

    Raises:
        ValueError: a model, a prompt or a file cannot be used.
    """
    prompts = prompts_of(options)
    if options.trace is not None:
        _check_target(Path(options.trace))
    engine = load(options)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # if stdout is not UTF-8
    events: list[Event] = []
    writer, interrupted = Writer(prompts, echo=options.echo), False
    try:
        for event in _stream(engine, prompts, options):
            events.append(event)
            writer.show(event)
    except KeyboardInterrupt:
        interrupted = True
    writer.finish()
    if options.stats:
        print(stats(events), file=sys.stderr)
    if options.trace is not None:
        from bytelatent.generation.events import trace

        write_json(options.trace, trace(events))
    return INTERRUPTED if interrupted else 0


def _check_target(path: Path) -> None:
    """Check before generating that ``path`` can be written."""
    with os_errors_as_value_error(path, "written"):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass


def _stream(
    engine: "TextGenerator[Any]", prompts: Sequence[bytes], options: argparse.Namespace
) -> Iterator["Event"]:
    return engine.stream(
        prompts,
        max_bytes=options.max_bytes,
        sampling=options.sampling,
        stop=[os.fsencode(text) for text in options.stop],
        speculate=options.speculate,
    )


def stats(events: Sequence["Event"]) -> str:
    """Return lines about speed, patches, global passes and speculation of a run."""
    size = sum(event.byte is not None for event in events)
    passes = sum(event.global_ran for event in events)
    starts = sum(event.starts_patch for event in events)
    lines = [f"{size} bytes"]
    if events:
        first, took = events[0].seconds, events[-1].seconds - events[0].seconds
        lines[0] += f"; the first after {first:.3f} s"
        if took > 0:
            lines[0] += f", the others at {(len(events) - 1) / took:.1f} bytes/s"
    if starts:
        lines.append(f"{size / starts:.2f} bytes per patch")
    if size:
        lines.append(f"{passes / size:.3f} global passes per byte")
    drafted = sum(event.drafted for event in events)
    if drafted:
        accepted, rounds = sum(e.accepted for e in events), sum(e.drafted > 0 for e in events)
        share = f"{accepted} of {drafted} drafted bytes accepted ({accepted / drafted:.1%})"
        lines.append(f"{share}, {rounds} rounds")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bytelatent generate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("prompt", nargs="*", help="text to continue, one or more (default: stdin)")
    add("--file", action="append", metavar="FILE", help="a prompt's file, - for stdin; repeatable")
    add("--model", default=DEFAULT_MODEL, help=f"folder, name, repository ({DEFAULT_MODEL})")
    add("--entropy-model", metavar="MODEL", help="default: the one that the model's folder names")
    add("--max-bytes", type=int, default=MAX_BYTES, metavar="N", help=f"limit ({MAX_BYTES})")
    add("--stop", action="append", default=[], metavar="TEXT", help="stop before it; repeatable")
    kinds = {"top_k": int, "repetition_window": int, "seed": int}
    for name, (metavar, text) in SAMPLING.items():
        kind = kinds.get(name, float)
        add(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=text)
    add("--valid-utf8", action="store_true", help="draw only bytes that continue valid UTF-8")
    drafts = "draft K bytes, then verify them in one pass; auto: adapt K to the accepted bytes"
    add("--speculate", type=_draft_length, metavar="K", help=drafts)
    add("--echo", action="store_true", help="print the prompt before its text")
    add("--stats", action="store_true", help="print speed and counts to stderr at the end")
    add("--trace", metavar="FILE", help="write every decision as JSON")
    add("--max-prompt", type=int, default=PROMPT_LIMIT, metavar="BYTES", help="limit of a prompt")
    add("--dtype", choices=PRECISIONS, default="fp32", help="dtype of the weights (default: fp32)")
    add(
        "--weights",
        type=_weights,
        choices=WEIGHTS,
        default="native",
        help="fewer bits for the products on a CPU: faster, not exact (default: native)",
    )
    add("--device", default="cpu", help="device to run on (default: cpu)")
    add(
        "--cuda-graphs",
        action=argparse.BooleanOptionalAction,
        help="record steps as CUDA graphs and replay them (default: on a CUDA device)",
    )
    threads = "cores to use (default: 1 on onnx and for small models, else as torch does)"
    add("--threads", type=int, metavar="N", help=threads)
    add("--backend", choices=BACKENDS, help="default: onnx if it can run the model")
    return parser


def _weights(text: str) -> str:
    """Return a kind of weights; torch is imported only for the warning about an old name."""
    if text != "given":
        return text
    from bytelatent.generation.torch_backend.matrices import weights_kind

    return weights_kind(text)


def _draft_length(text: str) -> int | str:
    """Parse ``--speculate``; :func:`_check` checks its range."""
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes, nor auto") from None


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Check the options and store the sampling settings, or exit with status 2."""
    least = {"max_bytes": 0, "max_prompt": 0, "speculate": 1, "threads": 1}
    for name, low in least.items():
        value = getattr(options, name)
        if isinstance(value, int) and value < low:
            parser.error(f"--{name.replace('_', '-')}: {value} is not {low} or more")
    if options.threads is not None and options.threads > MOST_THREADS:
        parser.error(f"--threads: {options.threads} is not {MOST_THREADS} or less")
    if "" in options.stop:
        parser.error("--stop: an empty text would stop everything")
    sampling: dict[str, Any] = {name: getattr(options, name) for name in SAMPLING}
    sampling = {name: value for name, value in sampling.items() if value is not None}
    try:
        options.sampling = SamplingArgs(valid_utf8=options.valid_utf8, **sampling)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        accepted = first["msg"][0].lower() + first["msg"][1:]
        parser.error(f"--{name}: {first['input']} is not accepted: {accepted}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    _check(parser, options)
    return run_command(run, options)


if __name__ == "__main__":
    sys.exit(main())
