"""``python -m app.precompute inspected``: inspect example texts with the BLT, for ``/model``.

The file contains responses of ``POST /api/inspect``, computed by the same code.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.models.generator import TextMaker
from app.models.inspector import Inspector, entropy_threshold
from app.schemas.inspect import InspectRequest
from app.settings import Settings
from app.stored.example_texts import TEXTS, ExampleText
from app.stored.stored_file import write_items

CHOSEN = ("prose", "english", "german", "chinese", "emoji", "python")
EXPECTED = 3
"""Number of predictions per byte that the page shows."""

RECORD = {
    "title": "Texts followed through the BLT",
    "description": "Hash buckets, patches and cross-attention of the texts on the page Inside.",
    "producer": "python -m app.precompute inspected",
    "data": None,
}


def follow(inspector: Inspector, example: ExampleText) -> dict[str, Any]:
    """Return an example text with the response of ``POST /api/inspect`` to it."""
    request = InspectRequest(text=example.text, heads="each", top_k=EXPECTED)
    return {
        "id": example.id,
        "title": example.title,
        "lang": example.lang,
        "request": request.model_dump(exclude_defaults=True),
        "response": inspector.answer(request, example.text.encode()),
    }


def write_inspected(inspector: Inspector, path: Path) -> int:
    """Inspect the example texts, write them to ``path``, and return their number."""
    assert inspector.source is not None
    texts = {example.id: example for example in TEXTS}
    items = [follow(inspector, texts[name]) for name in CHOSEN]
    head = {
        "model": inspector.source.name,
        "threshold": entropy_threshold(inspector.source.patcher),
    }
    write_items(path, head, "examples", items, RECORD)
    return len(items)


def main(arguments: list[str] | None = None) -> int:
    """Inspect example texts with the BLT and write the results to a file."""
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m app.precompute inspected", description=main.__doc__
    )
    parser.add_argument("--model", type=Path, default=defaults.blt_folder, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=defaults.inspected_file, metavar="FILE")
    chosen = parser.parse_args(arguments)
    settings = replace(defaults, blt_folder=chosen.model)
    inspector = Inspector(TextMaker.load(settings), settings)
    if inspector.source is None:
        return 1  # the reason has been logged
    count = write_inspected(inspector, chosen.output)
    print(f"{chosen.output}: {count} texts by {inspector.source.name}")
    return 0
