"""``bytelatent generate``: text after a prompt, as its bytes come.

    bytelatent generate "A BLT has"                          # the model that comes along, offline
    bytelatent generate --file story.txt --temperature 0.8 --top-p 0.9 --seed 7 --stats
    printf 'A BLT has' | bytelatent generate --speculate 8 --trace trace.json
    bytelatent generate "one prompt" "another" --model facebook/blt-1b --dtype bf16

On a CPU, in fp32, a model whose folder has graphs (``bytelatent export``) runs on onnxruntime,
which is faster and loads no torch; the text is the same. ``--backend`` chooses.

Prompts are bytes: those of an argument, a file or stdin as they are, valid UTF-8 or not, a last
newline included. Several prompts make one batch. What comes out is valid text: bytes that are no
UTF-8 show as U+FFFD (``--valid-utf8`` draws none), and on a terminal control characters as their
pictures. Ctrl-C ends with what there is, status 130.
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

from bytelatent.command import run_command
from bytelatent.files import os_errors_as_value_error, write_json
from bytelatent.formats.find import PRETRAINED
from bytelatent.generation.run import MAX_BYTES, PROMPT_LIMIT
from bytelatent.generation.sampling import SamplingArgs

if TYPE_CHECKING:  # load torch, which --help and mistakes need not wait for
    from bytelatent.generation.events import Event
    from bytelatent.generation.torch_backend.engine import Engine
    from bytelatent.runtime import BltRuntime

DEFAULT_MODEL = "blt-mini"
INTERRUPTED = 130
DTYPES = ("fp32", "bf16", "fp16")
BACKENDS = ("torch", "onnx")
WEIGHTS = ("native", "fp16", "int8")

SAMPLING: dict[str, tuple[str, str]] = {
    "temperature": ("T", "divides the logits; 0 is greedy (default: 0)"),
    "top_k": ("K", "draw from the K most likely bytes"),
    "top_p": ("P", "draw from the fewest bytes that have probability P together"),
    "min_p": ("P", "draw from bytes with at least P times the largest probability"),
    "repetition_penalty": ("X", "makes bytes of late less likely if above 1 (default: 1)"),
    "repetition_window": ("BYTES", "how many bytes count as of late (default: 64)"),
    "seed": ("N", "of the random numbers (default: 0)"),
}
"""Options that are fields of :class:`SamplingArgs`: name of the value, and what it does."""


VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
"""Pictures of control characters: a terminal would obey them, whatever the model made up."""


class Writer:
    """Prints the texts one after the other: the current one live, what comes early when it may.

    Args:
        prompts: one for each text.
        echo: whether to print them before their texts.
    """

    def __init__(self, prompts: Sequence[bytes], *, echo: bool) -> None:
        self._prompts, self._echo = prompts, echo
        self._pictures = VISIBLE if sys.stdout.isatty() else {}
        self._waiting = [""] * len(prompts)
        self._ended: set[int] = set()
        self._begin(0)

    def show(self, event: "Event") -> None:
        """Take in the next event."""
        self._waiting[event.row] += event.text
        if event.finish is not None:
            self._ended.add(event.row)
        self._print_waiting()
        while self._current in self._ended and self._current + 1 < len(self._prompts):
            self._next()

    def finish(self) -> None:
        """Print what waits; every text ends with a newline."""
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


def load(options: argparse.Namespace) -> "Engine | BltRuntime":
    """What runs the model that was asked for.

    Raises:
        ValueError: it is not there, is damaged, or cannot generate.
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
    """The model on onnxruntime; None if it cannot be that and need not be."""
    name, wanted = options.model, options.backend == "onnx"
    asked = (options.device, options.dtype, options.weights, bool(options.cuda_graphs))
    if asked != ("cpu", "fp32", "native", False):
        if wanted:
            raise ValueError(
                "--backend: onnx runs on a CPU in fp32; leave out --device, --dtype, --weights and "
                "--cuda-graphs"
            )
        return None
    folder = next((path for path in (Path(name), PRETRAINED / name) if path.is_dir()), None)
    if folder is None:
        if wanted:
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
        if wanted:
            raise
        return None


def _engine(options: argparse.Namespace) -> "Engine":
    """The model on torch."""
    import torch

    from bytelatent.distributed.devices import find_device
    from bytelatent.generation.torch_backend.engine import Engine
    from bytelatent.generation.torch_backend.threads import use_threads
    from bytelatent.loading import load_text_model
    from bytelatent.model.blt import ByteLatentTransformer

    device = find_device(options.device, field="--device")
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[options.dtype]
    model = load_text_model(
        options.model, entropy_model=options.entropy_model, dtype=dtype, device=device
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
    """The prompts: arguments, then files; stdin if there are neither.

    Raises:
        ValueError: a file cannot be read, or a prompt is too long.
    """
    found = [(f"prompt {n}", os.fsencode(text)) for n, text in enumerate(options.prompt, 1)]
    paths = options.file or ([] if found else ["-"])
    found += [(f"{path}", _read(path, options.max_prompt)) for path in paths]
    for name, prompt in found:
        if len(prompt) > options.max_prompt:
            raise ValueError(
                f"{name} has more than {options.max_prompt} bytes; --max-prompt sets the limit"
            )
    return [prompt for _, prompt in found]


def _read(path: str, limit: int) -> bytes:
    """At most a byte more than ``limit``."""
    if path == "-":
        if sys.stdin.isatty():
            print("reading the prompt from the terminal, to its end (Ctrl-D)", file=sys.stderr)
        return sys.stdin.buffer.read(limit + 1)
    with os_errors_as_value_error(path, "read"), Path(path).open("rb") as file:
        return file.read(limit + 1)


def run(options: argparse.Namespace) -> int:
    """Load, generate, print; the exit status.

    Raises:
        ValueError: a model, a prompt or a file is not as it must be.
    """
    prompts = prompts_of(options)
    if options.trace is not None:
        _check_target(Path(options.trace))
    engine = load(options)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where it is not UTF-8
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
    """Find out before the work what the system would say after it against writing ``path``."""
    with os_errors_as_value_error(path, "written"):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = next(one for one in path.absolute().parents if one.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass


def _stream(
    engine: "Engine | BltRuntime", prompts: Sequence[bytes], options: argparse.Namespace
) -> Iterator["Event"]:
    return engine.stream(
        prompts,
        max_bytes=options.max_bytes,
        sampling=options.sampling,
        stop=[os.fsencode(text) for text in options.stop],
        speculate=options.speculate,
    )


def stats(events: Sequence["Event"]) -> str:
    """What it took, in lines to read."""
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
    add("--entropy-model", metavar="MODEL", help="likewise (default: as the model's folder says)")
    add("--max-bytes", type=int, default=MAX_BYTES, metavar="N", help=f"at most ({MAX_BYTES})")
    add("--stop", action="append", default=[], metavar="TEXT", help="end before it; repeatable")
    kinds = {"top_k": int, "repetition_window": int, "seed": int}
    for name, (metavar, text) in SAMPLING.items():
        kind = kinds.get(name, float)
        add(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=text)
    add("--valid-utf8", action="store_true", help="draw only bytes that go on as valid UTF-8")
    drafts = "draft K bytes, then verify them in one pass; auto: as many as are accepted"
    add("--speculate", type=_draft_length, metavar="K", help=drafts)
    add("--echo", action="store_true", help="print the prompt before its text")
    add("--stats", action="store_true", help="print speed and counts to stderr at the end")
    add("--trace", metavar="FILE", help="write every decision as JSON")
    add("--max-prompt", type=int, default=PROMPT_LIMIT, metavar="BYTES", help="limit of a prompt")
    add("--dtype", choices=DTYPES, default="fp32", help="of the weights (default: fp32)")
    add(
        "--weights",
        type=_weights,
        choices=WEIGHTS,
        default="native",
        help="fewer bits for the products of steps on a CPU: faster, not exact (default: native)",
    )
    add("--device", default="cpu", help="where to run (default: cpu)")
    add(
        "--cuda-graphs",
        action=argparse.BooleanOptionalAction,
        help="record steps and run them again (default: on a GPU of CUDA)",
    )
    threads = "cores to use (default: 1 on onnx and for small models, else as torch does)"
    add("--threads", type=int, metavar="N", help=threads)
    add("--backend", choices=BACKENDS, help="what runs it (default: onnx where it can)")
    return parser


def _weights(text: str) -> str:
    """A kind of weights; torch is imported only where one is named."""
    from bytelatent.generation.torch_backend.matrices import weights_kind

    return weights_kind(text)


def _draft_length(text: str) -> int | str:
    """``--speculate``, whose range is checked with those of the others."""
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes, nor auto") from None


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Put the sampling args together, or end with status 2."""
    least = {"max_bytes": 0, "max_prompt": 0, "speculate": 1, "threads": 1}
    for name, low in least.items():
        value = getattr(options, name)
        if isinstance(value, int) and value < low:
            parser.error(f"--{name.replace('_', '-')}: {value} is not {low} or more")
    if "" in options.stop:
        parser.error("--stop: an empty text would stop everything")
    given: dict[str, Any] = {name: getattr(options, name) for name in SAMPLING}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        options.sampling = SamplingArgs(valid_utf8=options.valid_utf8, **given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        accepted = first["msg"][0].lower() + first["msg"][1:]
        parser.error(f"--{name}: {first['input']} is not accepted: {accepted}")


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = _parser()
    options = parser.parse_args(argv)
    _check(parser, options)
    return run_command(run, options)


if __name__ == "__main__":
    sys.exit(main())
