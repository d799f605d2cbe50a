"""``python -m bytelatent.eval model=MODEL data.root_dir=FOLDER key=value ...``: measure a model.

    python -m bytelatent.eval model=blt-entropy-mini data.root_dir=data/corpus limit=20000
    python -m bytelatent.eval model=runs/blt_mini/model sources=[wikipedia,code-python] out=e.json

The command prints bits per byte and patch statistics by source, language and kind of text, and
separately for texts from outside the training mix. It also prints bits per byte of compressors on
the same text and what the model generates after a few prompts. ``config=FILE`` reads settings from
YAML.
"""

import codecs
import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from rich.progress import track

from bytelatent.command import run_command
from bytelatent.config import load_args
from bytelatent.data.held_out import default_split, held_out
from bytelatent.evaluation import compressors
from bytelatent.evaluation.compressors import BZ2, XZ, ZSTD
from bytelatent.evaluation.continuations import continuations
from bytelatent.evaluation.corpus import COUNTING, MAX_BYTES, as_dict, describe, evaluate, kind_name
from bytelatent.files import write_json
from bytelatent.formats.weights import DTYPES
from bytelatent.generation.options import GenerationOptions
from bytelatent.loading import TextModel, load_text_model
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes

COLUMNS = ("bytes", "bits/byte", "entropy model", "bytes/patch", "median", "99%", XZ, ZSTD, BZ2)

GROUPS = {
    "sources": "source",
    "languages": "language",
    "kinds": "kind",
    "outside": "texts from outside the mix",
}
"""Title of the first column of each table of the result."""


class EvalCorpusArgs(BaseModel):
    """Settings of the corpus that a model is evaluated on.

    Attributes:
        root_dir: folder with ``test/`` and ``valid/``, as for training.
        text_key: field or column that contains the text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_dir: Path = Path("data/corpus")
    text_key: str = Field(default="text", min_length=1)


class GenerateArgs(BaseModel):
    """Settings of the generated samples; every byte is the likeliest one.

    Attributes:
        prompts: prompts to continue; an empty list for no samples.
        bytes: number of bytes of each continuation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: tuple[str, ...] = ("The history of ", "def main(", "My fellow citizens, ")
    bytes: int = Field(default=64, ge=1)


class EvalCommandArgs(BaseModel):
    """Settings of an evaluation.

    Attributes:
        model: entropy model or BLT: a folder, a shipped model, or ``owner/name`` on the hub.
        entropy_model: entropy model that cuts the patches of a BLT: a folder, a shipped model, or
            ``owner/name`` on the hub; when null the one that the folder of the BLT names.
        data: settings of the corpus.
        split: split of the corpus; when null ``test``, or ``valid`` if there is no test split.
        sources: names of the sources; all sources of the split when null.
        limit: number of bytes of each source, spread over its documents; all bytes when null.
        max_bytes: a BLT reads documents in pieces of at most this number of bytes.
        generate: settings of the generated samples.
        dtype: dtype of the weights; ``stored`` for the dtype of the file.
        device: device to run on.
        out: path of a JSON file to which the result is also written; null for no file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    entropy_model: str | None = None
    data: EvalCorpusArgs = EvalCorpusArgs()
    split: Literal["test", "valid", "train"] | None = None
    sources: tuple[str, ...] | None = None
    limit: int | None = Field(default=None, ge=1)
    max_bytes: int = Field(default=MAX_BYTES, ge=1)
    generate: GenerateArgs = GenerateArgs()
    dtype: Literal["fp32", "bf16", "stored"] = "fp32"
    device: str = "cpu"
    out: Path | None = None


def run(args: EvalCommandArgs) -> dict[str, Any]:
    """Evaluate a model and return the content of the JSON file.

    Raises:
        ValueError: the model or the text cannot be used; the message names what is wrong.
    """
    dtype = DTYPES.get(args.dtype)
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
    """Generate ``size`` bytes after ``prompt``, each the likeliest; fewer if the document ends."""
    (generated,) = continuations(text_model, [utf8_bytes(prompt)], [GenerationOptions(size)])
    # The last character may be incomplete; it is left out.
    return codecs.getincrementaldecoder("utf-8")("replace").decode(generated)


def table(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a table of an evaluation's result, for a terminal."""
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
    """Return the cells of one row of the table of results; a dash for a value not measured."""
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


def _decimals(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def print_result(words: Sequence[str]) -> None:
    """Evaluate with the settings of the command line; print the result and write it to ``out``.

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
    """Run the command and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(f"{__doc__}\n{inspect.getdoc(EvalCommandArgs)}")
        return 0 if words else 2
    return run_command(print_result, words)


if __name__ == "__main__":
    sys.exit(main())
