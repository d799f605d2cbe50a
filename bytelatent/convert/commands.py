"""Commands that generate text with released checkpoints and convert them.

python -m bytelatent.hf load-transformers --entropy-repo R --blt-repo R --prompt TEXT hub
python -m bytelatent.hf load-transformers --entropy-dir D --blt-dir D --prompt TEXT local
python -m bytelatent.hf convert-to-transformers --entropy-dir D --blt-dir D OUT
python -m bytelatent.hf convert-from-transformers SOURCE OUT
"""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import nn

from bytelatent.command import run_command
from bytelatent.formats.train_args import BltTokenizerAndPatcher
from bytelatent.formats.weights import DTYPES
from bytelatent.generation.options import MOST_THREADS, PROMPT_LIMIT
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.threads import use_threads
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.transformer import LMTransformer


@dataclass(frozen=True)
class Loaded:
    """Loaded models and settings that generate text.

    Attributes:
        entropy_model: entropy model of the patcher.
        blt: the BLT.
        tok_and_patcher: settings of tokenizer and patcher of the BLT.
    """

    entropy_model: LMTransformer
    blt: ByteLatentTransformer
    tok_and_patcher: BltTokenizerAndPatcher

    @classmethod
    def from_pretrained(
        cls, entropy: str | Path, blt: str | Path, *, dtype: torch.dtype | None = None
    ) -> Self:
        """Load both models and the settings from folders or hub repositories.

        Args:
            entropy: folder or repository of the entropy model.
            blt: folder or repository of the BLT, of its tokenizer and of its patcher.
            dtype: dtype of the weights; that of the files when None.

        Raises:
            ValueError: a file is missing, damaged or does not fit; the message names it.
        """
        return cls(
            LMTransformer.from_pretrained(entropy, dtype=dtype),
            ByteLatentTransformer.from_pretrained(blt, dtype=dtype),
            BltTokenizerAndPatcher.from_pretrained(blt),
        )

    def describe(self) -> str:
        """Return one line about each of the entropy model, the BLT and the patcher."""
        args = self.tok_and_patcher.patcher_args
        numbers = args.model_dump(exclude={"patching_mode", "monotonicity"}, exclude_none=True)
        rule = ", ".join(f"{key} {value}" for key, value in numbers.items())
        hashes = _parameters(self.blt.encoder_hash_tok_embedding)
        return (
            f"entropy model: {_described(self.entropy_model)}\n"
            f"BLT: {_described(self.blt)}, {hashes:,} of them in hash tables\n"
            f"patcher: {args.mode().value} ({rule})"
        )

    def stream(self, prompt: str, max_bytes: int) -> Iterator[str]:
        """Generate text after ``prompt`` greedily and yield its characters.

        The text ends with the document or after ``max_bytes`` bytes.

        Raises:
            ValueError: ``prompt`` is no text, or the models cannot run on it.
        """
        engine = Engine(self.blt, self.entropy_model, self.tok_and_patcher.patcher_args)
        for event in engine.stream([utf8_bytes(prompt)], max_bytes=max_bytes):
            yield event.text


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _described(model: nn.Module) -> str:
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    return f"{_parameters(model):,} parameters, {dtype}"


def run_load(options: argparse.Namespace) -> None:
    """Load a checkpoint, print a description of it, and generate text after the prompt.

    Raises:
        ValueError: the prompt is too long, or a model cannot be loaded.
    """
    size = len(utf8_bytes(options.prompt or ""))
    if size > PROMPT_LIMIT:
        raise ValueError(f"--prompt: {size} bytes are more than {PROMPT_LIMIT}, the most accepted")
    loaded = Loaded.from_pretrained(options.entropy, options.blt, dtype=DTYPES.get(options.dtype))
    print(loaded.describe(), flush=True)
    if options.prompt is not None:
        use_threads(options.threads, torch.device("cpu"), loaded.blt, loaded.entropy_model)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # where it is not UTF-8
        print(f"\n{options.prompt}", end="", flush=True)
        for text in loaded.stream(options.prompt, options.max_bytes):
            print(text, end="", flush=True)
        print()


def run_convert_to(options: argparse.Namespace) -> None:
    """Convert the two folders of the released layout to one folder of ``transformers``.

    Raises:
        ValueError: a model cannot be loaded or cannot be expressed in that format.
    """
    from bytelatent.convert.transformers import Bundle, save_transformers

    loaded = Loaded.from_pretrained(
        options.entropy_dir, options.blt_dir, dtype=DTYPES.get(options.dtype)
    )
    patcher_args = loaded.tok_and_patcher.patcher_args
    save_transformers(options.out, Bundle(loaded.blt, loaded.entropy_model, patcher_args))
    print(f"wrote {options.out}")


def run_convert_from(options: argparse.Namespace) -> None:
    """Convert a folder of ``transformers`` to the two folders of the released layout.

    Raises:
        ValueError: the folder cannot be loaded.
    """
    from bytelatent.convert.transformers import load_transformers

    bundle = load_transformers(options.source, dtype=DTYPES.get(options.dtype))
    blt, entropy = options.out / "blt", options.out / "entropy"
    bundle.blt.save_pretrained(blt)
    bundle.entropy_model.save_pretrained(entropy)
    BltTokenizerAndPatcher(TokenizerArgs(), bundle.patcher_args).save_pretrained(blt)
    print(f"wrote {blt} and {entropy}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bytelatent.hf", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--dtype", choices=DTYPES, help="convert the weights (default: as stored)")
    commands = parser.add_subparsers(dest="command", required=True)

    load = commands.add_parser("load-transformers", parents=[shared], help="try a checkpoint")
    load.add_argument("source", choices=["hub", "local"], help="where the checkpoints are")
    load.add_argument("--entropy-repo", metavar="NAME", help="hub: repository of the entropy model")
    load.add_argument("--blt-repo", metavar="NAME", help="hub: repository of the BLT")
    load.add_argument("--entropy-dir", metavar="DIR", help="local: folder of the entropy model")
    load.add_argument("--blt-dir", metavar="DIR", help="local: folder of the BLT")
    load.add_argument("--prompt", metavar="TEXT", help="text to continue with the likeliest bytes")
    load.add_argument("--max-bytes", type=int, default=32, help="bytes to generate (default: 32)")
    threads = "cores to use (default: 1 for small models, else as torch does)"
    load.add_argument("--threads", type=int, metavar="N", help=threads)
    load.set_defaults(run=run_load)

    out = commands.add_parser(
        "convert-to-transformers", parents=[shared], help="write the transformers format"
    )
    out.add_argument(
        "--entropy-dir", required=True, metavar="DIR", help="folder of the entropy model"
    )
    out.add_argument("--blt-dir", required=True, metavar="DIR", help="folder of the BLT")
    out.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    out.set_defaults(run=run_convert_to)

    back = commands.add_parser(
        "convert-from-transformers", parents=[shared], help="read the transformers format"
    )
    back.add_argument("source", metavar="SOURCE", help="folder or repository")
    back.add_argument("out", type=Path, metavar="OUT", help="folder for OUT/blt and OUT/entropy")
    back.set_defaults(run=run_convert_from)
    return parser


def _choose_source(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Check the options and select the sources of ``hub`` or ``local``, or exit with status 2."""
    if options.max_bytes < 0:
        parser.error(f"--max-bytes: {options.max_bytes} is not 0 or more")
    if options.threads is not None and options.threads < 1:
        parser.error(f"--threads: {options.threads} is not 1 or more")
    if options.threads is not None and options.threads > MOST_THREADS:
        parser.error(f"--threads: {options.threads} is not {MOST_THREADS} or less")
    suffix = {"hub": "repo", "local": "dir"}[options.source]
    for part in ("entropy", "blt"):
        value = getattr(options, f"{part}_{suffix}")
        if value is None:
            parser.error(f"load-transformers {options.source} needs --{part}-{suffix}")
        setattr(options, part, value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` names and return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command == "load-transformers":
        _choose_source(parser, options)
    return run_command(options.run, options)
