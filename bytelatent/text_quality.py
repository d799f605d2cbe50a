"""``python -m bytelatent.text_quality MODEL``: measure repetition and words of generated text.

    python -m bytelatent.text_quality blt-mini
    python -m bytelatent.text_quality runs/blt_mini/model --json --out quality.json

The model continues prompts of English prose in two ways: greedily, with the likeliest byte each
time, and with bytes drawn at temperature 0.7. The command measures how much of a greedy text
repeats an earlier part, and which share of the words of a sampled text is in a list of words. For
comparison it measures held-out prose, cut into texts of the same length.
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
    TextQualityOptions,
    lines,
    measure,
    read_prompts,
    read_word_list,
)
from bytelatent.files import write_json
from bytelatent.generation.torch_backend.threads import use_threads
from bytelatent.loading import load_text_model


def run(options: argparse.Namespace) -> None:
    """Generate texts, measure them and print the result.

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
    sampling = TextQualityOptions(prompts, options.bytes, options.temperature, options.seed)
    result = {"model": options.model, **measure(text_model, sampling, is_word)}
    print(json.dumps(result, ensure_ascii=False, indent=2) if options.json else _printed(result))
    if options.out is not None:
        write_json(options.out, result)


def _printed(result: dict[str, Any]) -> str:
    first = result["examples"][0]
    shown = [f"{kind}: {first['prompt']!r} {first[kind]!r}" for kind in ("greedy", "sampled")]
    return "\n".join([*lines(result), *shown])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.text_quality", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("model", help="BLT or byte model: a folder, a shipped model or a repository")
    entropy_model = "entropy model of a BLT (default: the one that its folder names)"
    add("--entropy-model", metavar="MODEL", help=entropy_model)
    add("--prompts", type=Path, default=PROMPTS, metavar="FILE", help="file, a prompt in each line")
    size = f"length of each text in bytes (default: {BYTES})"
    add("--bytes", type=int, default=BYTES, metavar="N", help=size)
    temperature = f"temperature of sampled texts (default: {TEMPERATURE})"
    add("--temperature", type=float, default=TEMPERATURE, help=temperature)
    add("--seed", type=int, default=SEED, help=f"seed of sampled texts (default: {SEED})")
    add("--json", action="store_true", help="print the result as JSON")
    add("--out", type=Path, metavar="FILE", help="also write the JSON to a file")
    return run_command(run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
