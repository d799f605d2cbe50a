"""``python -m app.precompute languages``: measure one text in many languages, by patch and by
token.

The text is ``app/udhr.json``: ten articles of the Universal Declaration of Human Rights, written by
``dev/udhr_articles.py``. The playground shows the numbers.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.models.live_model import LiveModel
from app.models.splitting import SplitRow, compare
from app.models.threshold_curve import Calibration
from app.schemas.compare import CompareRequest
from app.settings import ROOT, Settings
from app.stored.language_file import FILE, SPLITTERS
from app.stored.stored_file import write_items
from bytelatent.files import read_json

TEXTS = ROOT / "app" / "udhr.json"

RECORD = {
    "title": "Languages: bytes per patch and per token",
    "description": "The same ten articles of the Universal Declaration of Human Rights in sixteen "
    "languages: patches by entropy beside tokens of two BPE vocabularies.",
    "producer": "python -m app.precompute languages",
    "data": None,
}


def measure(model: LiveModel, calibration: Calibration, text: dict[str, str]) -> dict[str, Any]:
    """Return the measures of one language.

    Args:
        model: entropy model, which sets patch boundaries at its own threshold.
        calibration: calibration, which contains the languages of the training mix.
        text: an entry of the file.

    Raises:
        ValueError: a splitter is not available; the message says why.
    """
    data = text["text"].encode()
    request = CompareRequest(text=text["text"], splitters=SPLITTERS)
    rows = compare(model, calibration, request, data).rows
    pieces = {row.splitter: _count(row) for row in rows}
    return {
        "lang": text["lang"],
        "name": text["name"],
        "in_mix": text["lang"] in calibration.languages,
        "bytes": len(data),
        "pieces": pieces,
    }


def _count(row: SplitRow) -> int:
    if row.lengths is None:
        raise ValueError(f"{row.splitter}: {row.unavailable}")
    return len(row.lengths)


def write_languages(model: LiveModel, calibration: Calibration, path: Path) -> int:
    """Measure one text in many languages, write the rows to ``path``, and return their number."""
    assert model.source is not None
    texts = read_json(TEXTS)
    rows = [measure(model, calibration, text) for text in texts["texts"]]
    head = {
        "model": model.source.name,
        "threshold": model.source.threshold,
        "max_patch_length": model.source.max_patch_length,
        "source": texts["source"],
    }
    write_items(path, head, "languages", rows, RECORD)
    return len(rows)


def main(arguments: list[str] | None = None) -> int:
    """Measure one text in many languages and write the numbers to a file."""
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m app.precompute languages", description=main.__doc__
    )
    parser.add_argument("--model", type=Path, default=defaults.model_folder, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=defaults.plot_data / FILE, metavar="FILE")
    chosen = parser.parse_args(arguments)
    # The number of threads changes the order of sums, and so the last digits.
    model = LiveModel.load(replace(defaults, model_folder=chosen.model, threads=1))
    if model.source is None:
        return 1  # the reason has been logged
    try:
        count = write_languages(model, Calibration.load(chosen.model), chosen.output)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{chosen.output}: {count} languages by {model.source.name}")
    return 0
