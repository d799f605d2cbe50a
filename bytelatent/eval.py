"""``python -m bytelatent.eval model=MODEL data.root_dir=FOLDER key=value ...``: measure a model.

    python -m bytelatent.eval model=blt-entropy-mini data.root_dir=data/corpus limit=20000
    python -m bytelatent.eval model=runs/blt_mini/model sources=[wikipedia,code-python] out=e.json

Prints bits per byte and patch statistics by source, language and kind of text, those of texts from
outside the mix by themselves, what compressors make of the same bytes, and what the model makes of
a few prompts. ``config=FILE`` reads settings from YAML.
"""

import codecs
import inspect
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from rich.progress import track

from bytelatent.command import run_command
from bytelatent.config import load_args
from bytelatent.data.held_out import default_split, held_out
from bytelatent.evaluation import compressors
from bytelatent.evaluation.compressors import BZ2, XZ, ZSTD
from bytelatent.evaluation.corpus import COUNTING, MAX_BYTES, as_dict, describe, evaluate, kind_name
from bytelatent.evaluation.scoring import continuation
from bytelatent.files import write_json
from bytelatent.loading import TextModel, load_text_model
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

COLUMNS = ("bytes", "bits/byte", "entropy model", "bytes/patch", "median", "99%", XZ, ZSTD, BZ2)

GROUPS = {
    "sources": "source",
    "languages": "language",
    "kinds": "kind",
    "outside": "texts from outside the mix",
}
"""Tables of the result, and what their first column is called."""


class CorpusArgs(BaseModel):
    """Where the text is.

    Attributes:
        root_dir: folder with ``test/`` and ``valid/``, as for training.
        text_key: field or column of the text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_dir: Path = Path("data/corpus")
    text_key: str = Field(default="text", min_length=1)


class GenerateArgs(BaseModel):
    """Samples of what the model writes: the likeliest byte each time.

    Attributes:
        prompts: what it continues; none for no samples.
        bytes: of each continuation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: tuple[str, ...] = ("The history of ", "def main(", "My fellow citizens, ")
    bytes: int = Field(default=64, ge=1)


class EvalCommandArgs(BaseModel):
    """What to measure.

    Attributes:
        model: a folder, a shipped model, or ``owner/name`` on the hub; its config tells the kind.
        entropy_model: likewise, to cut a BLT's patches with; else the one its folder names.
        data: where the text is.
        split: which part of it; when null ``test``, or ``valid`` where there is no such part.
        sources: names; all of the split when null.
        limit: bytes of each source, spread over its documents; all when null.
        max_bytes: a BLT takes documents in pieces of at most this many bytes.
        generate: samples.
        dtype: of the weights; ``stored`` for that of the file.
        device: where to run.
        out: a JSON file to write besides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    entropy_model: str | None = None
    data: CorpusArgs = CorpusArgs()
    split: Literal["test", "valid", "train"] | None = None
    sources: tuple[str, ...] | None = None
    limit: int | None = Field(default=None, ge=1)
    max_bytes: int = Field(default=MAX_BYTES, ge=1)
    generate: GenerateArgs = GenerateArgs()
    dtype: Literal["fp32", "bf16", "stored"] = "fp32"
    device: str = "cpu"
    out: Path | None = None


def run(args: EvalCommandArgs) -> dict[str, Any]:
    """Measure, and return what goes into the JSON file.

    Raises:
        ValueError: the model or the text cannot be used; the message names what is wrong.
    """
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "stored": None}[args.dtype]
    text_model = load_text_model(
        args.model, entropy_model=args.entropy_model, dtype=dtype, device=args.device
    )
    split = args.split or default_split(args.data.root_dir, args.sources)
    corpus = held_out(
        args.data.root_dir,
        split,
        args.sources,
        limit=args.limit,
        text_key=args.data.text_key,
    )
    console = Console(stderr=True)
    steps = evaluate(text_model, corpus, max_bytes=args.max_bytes)
    scores = list(
        track(
            steps,
            args.model,
            total=len(corpus),
            console=console,
            disable=not console.is_terminal,
        )
    )
    prompts = args.generate.prompts
    return {
        **describe(text_model),
        "data": {
            "root_dir": str(args.data.root_dir),
            "split": split,
            "limit": args.limit,
            "max_bytes": None if text_model.is_byte_model else args.max_bytes,
            "counting": COUNTING[kind_name(text_model)],
            "compressors": compressors.COUNTING,
        },
        **as_dict(scores),
        "samples": [
            {"prompt": prompt, "text": sample(text_model, prompt, args.generate.bytes)}
            for prompt in prompts
        ],
    }


def sample(text_model: TextModel, prompt: str, size: int) -> str:
    """The likeliest ``size`` bytes after ``prompt``; fewer where the document ends."""
    found = bytes(islice(continuation(text_model, utf8_bytes(prompt)), size))
    # The last character may lack bytes that were not asked for.
    return codecs.getincrementaldecoder("utf-8")("replace").decode(found)


def table(result: dict[str, Any]) -> Iterator[str]:
    """The result for a terminal, line by line."""
    groups = {title: result[part] for part, title in GROUPS.items() if result.get(part)}
    if result["sources"]:
        groups["all of the mix" if "outside" in result else ""] = {"all": result["total"]}
    width = max(len(word) for title, group in groups.items() for word in (title, *group)) + 2
    for title, group in groups.items():
        yield title.ljust(width) + "".join(column.rjust(15) for column in COLUMNS)
        for name, numbers in group.items():
            yield name.ljust(width) + "".join(cell.rjust(15) for cell in cells(numbers))
        yield ""


def cells(numbers: dict[str, Any]) -> list[str]:
    """A row of the table; a dash for what was not measured."""
    lengths = numbers.get("patch_bytes", {})
    values = (
        f"{numbers['bytes']:,}",
        _decimals(numbers["bits_per_byte"], 3),
        _decimals(numbers.get("entropy_model_bits_per_byte"), 3),
        _decimals(numbers.get("bytes_per_patch"), 2),
        str(lengths.get("50%", "-")),
        str(lengths.get("99%", "-")),
        *(_decimals(numbers.get("compressors", {}).get(name), 3) for name in (XZ, ZSTD, BZ2)),
    )
    return list(values)


def _decimals(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def print_result(words: Sequence[str]) -> None:
    """Evaluate as the words of the command line say; print the result and write it, if asked.

    Raises:
        ValueError: a setting, the model or the text cannot be used.
    """
    args = load_args(EvalCommandArgs, words)
    result = run(args)
    print("\n".join(table(result)))
    for sample_ in result["samples"]:
        print(f"{sample_['prompt']!r} {sample_['text']!r}")
    if args.out is not None:
        write_json(args.out, result)
        print(f"wrote {args.out}")


def main(argv: list[str] | None = None) -> int:
    """The command."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(f"{__doc__}\n{inspect.getdoc(EvalCommandArgs)}")
        return 0 if words else 2
    return run_command(print_result, words)


if __name__ == "__main__":
    sys.exit(main())
