"""``python -m bytelatent.text_quality MODEL``: whether what a model writes repeats itself, and is
made of words.

    python -m bytelatent.text_quality blt-mini
    python -m bytelatent.text_quality runs/blt_mini/model --json --out quality.json

A model continues some beginnings of English prose twice: with the likeliest byte each time, and
with bytes drawn at temperature 0.7. Of the first is measured how much of a text stands twice in it,
of the second how many of the words are words. Real prose that the shipped models have not read is
measured beside it, cut into texts of the same length.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytelatent.command import run_command
from bytelatent.evaluation.repetition import (
    BYTES,
    PROMPTS,
    SEED,
    TEMPERATURE,
    WINDOW,
    Options,
    lines,
    measure,
    read_prompts,
    read_word_list,
)
from bytelatent.files import write_json
from bytelatent.generation.torch_backend.threads import use_threads
from bytelatent.loading import load_text_model


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        ValueError: the model, the prompts or the list of words cannot be used.
    """
    for name, least in {"bytes": WINDOW, "seed": 0}.items():
        if (value := getattr(options, name)) < least:
            raise ValueError(f"--{name}: {value} is not {least} or more")
    if not 0 < options.temperature < float("inf"):
        raise ValueError(f"--temperature: {options.temperature} is not more than 0")
    is_word, prompts = read_word_list(), read_prompts(options.prompts)
    text_model = load_text_model(options.model, entropy_model=options.entropy_model)
    use_threads(None, text_model.device, text_model.model, text_model.entropy_model)
    wanted = Options(prompts, options.bytes, options.temperature, options.seed)
    found = {"model": options.model, **measure(text_model, wanted, is_word)}
    print(json.dumps(found, ensure_ascii=False, indent=2) if options.json else _printed(found))
    if options.out is not None:
        write_json(options.out, found)


def _printed(found: dict[str, Any]) -> str:
    first = found["examples"][0]
    shown = [f"{kind}: {first['prompt']!r} {first[kind]!r}" for kind in ("greedy", "sampled")]
    return "\n".join([*lines(found), *shown])


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.text_quality", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("model", help="a BLT or a byte model: folder, shipped model or repository")
    add("--entropy-model", metavar="MODEL", help="of a BLT (default: the one its folder names)")
    add("--prompts", type=Path, default=PROMPTS, metavar="FILE", help="a beginning on each line")
    add("--bytes", type=int, default=BYTES, metavar="N", help=f"of a text (default: {BYTES})")
    add("--temperature", type=float, default=TEMPERATURE, help=f"default: {TEMPERATURE}")
    add("--seed", type=int, default=SEED, help=f"of what is drawn (default: {SEED})")
    add("--json", action="store_true", help="print everything as JSON")
    add("--out", type=Path, metavar="FILE", help="write that JSON besides")
    return run_command(run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
