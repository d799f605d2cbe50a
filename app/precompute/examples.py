"""``python -m app.precompute examples``: measure the example texts of the playground.

The file contains responses of ``POST /api/patches``, computed by the same code, and the lengths of
BPE tokens, so that the page shows an example without a request.
"""

import argparse
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.models.live import answer
from app.models.live_model import LiveModel
from app.schemas.patches import PatchRequest
from app.settings import Settings
from app.stored.example_texts import TEXTS, TOP_K, ExampleText
from app.stored.stored_file import write_items
from bytelatent.tokenizers.bpe import BUNDLED, BpeName, BpeUnavailableError, piece_lengths

RECORD = {
    "title": "Measured example texts",
    "description": "Entropies, patches and predictions of the texts that the page starts with.",
    "producer": "python -m app.precompute examples",
    "data": None,
}


def measure(model: LiveModel, example: ExampleText) -> dict[str, Any]:
    """Return an example text with the response of ``POST /api/patches`` to it."""
    request = PatchRequest(text=example.text, top_k=TOP_K)
    response = "".join(answer(model, request, example.text.encode()).json_parts())
    return {
        "id": example.id,
        "title": example.title,
        "lang": example.lang,
        "request": request.model_dump(exclude_defaults=True),
        "response": json.loads(response),
        "tokens": tokens(example.text),
    }


def tokens(text: str) -> dict[BpeName, list[int]]:
    """Return the lengths of a text's BPE tokens in bytes, for each installed tokenizer."""
    lengths: dict[BpeName, list[int]] = {}
    for name in BUNDLED:
        with suppress(BpeUnavailableError):
            lengths[name] = piece_lengths(name, text)
    return lengths


def write_examples(model: LiveModel, path: Path) -> int:
    """Measure the example texts, write them to ``path``, and return their number."""
    assert model.source is not None
    items = [measure(model, example) for example in TEXTS]
    head = {
        "model": model.source.name,
        "threshold": model.source.threshold,
        "max_patch_length": model.source.max_patch_length,
    }
    write_items(path, head, "examples", items, RECORD)
    return len(items)


def main(arguments: list[str] | None = None) -> int:
    """Measure the example texts and write them to a file."""
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m app.precompute examples", description=main.__doc__
    )
    parser.add_argument("--model", type=Path, default=defaults.model_folder, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=defaults.examples_file, metavar="FILE")
    chosen = parser.parse_args(arguments)
    # The number of threads changes the order of sums, and so the last digits.
    model = LiveModel.load(replace(defaults, model_folder=chosen.model, threads=1))
    if model.source is None:
        return 1  # the reason has been logged
    count = write_examples(model, chosen.output)
    print(f"{chosen.output}: {count} examples by {model.source.name}")
    return 0
