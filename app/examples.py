"""``python -m app.examples``: measure the example texts, so that the page is never empty.

The file holds what ``POST /api/patches`` answers, made by the same code.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.catalogue import RECORDS
from app.example_texts import TEXTS, TOP_K, ExampleText
from app.live import answer
from app.model import LiveModel
from app.schemas.patches import PatchRequest
from app.settings import Settings
from bytelatent.files import read_json, replacing, write_json

RECORD = {
    "title": "Measured example texts",
    "description": "Entropies, patches and predictions of the texts that the page starts with.",
    "producer": "python -m app.examples",
    "data": None,
}


def measure(model: LiveModel, example: ExampleText) -> dict[str, Any]:
    """One example with the answer that the API would give."""
    request = PatchRequest(text=example.text, top_k=TOP_K)
    response = "".join(answer(model, request, example.text.encode()).json_parts())
    return {
        "id": example.id,
        "title": example.title,
        "lang": example.lang,
        "request": request.model_dump(exclude_defaults=True),
        "response": json.loads(response),
    }


def write_examples(model: LiveModel, path: Path) -> int:
    """Measure all texts and write them to ``path``, recorded for the gallery; return how many."""
    assert model.source is not None
    items = [measure(model, example) for example in TEXTS]
    head = {"model": model.source.name, "threshold": model.source.threshold}
    lines = ",\n".join(
        json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        for item in items
    )
    with replacing(path) as temporary:
        beginning = json.dumps(head, ensure_ascii=False)[:-1]
        temporary.write_text(f'{beginning}, "examples": [\n{lines}\n]}}\n', encoding="utf-8")
    records = path.parent / RECORDS
    known = read_json(records) if records.is_file() else {}
    write_json(records, dict(sorted({**known, path.name: RECORD}.items())))
    return len(items)


def main(arguments: list[str] | None = None) -> int:
    """Write the file."""
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m app.examples", description=main.__doc__)
    parser.add_argument("--model", type=Path, default=defaults.model_folder, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=defaults.examples_file, metavar="FILE")
    chosen = parser.parse_args(arguments)
    model = LiveModel.load(replace(defaults, model_folder=chosen.model))
    if model.source is None:
        return 1  # the reason has been logged
    count = write_examples(model, chosen.output)
    print(f"{chosen.output}: {count} examples by {model.source.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
