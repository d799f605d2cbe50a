"""``python -m app.languages``: one text in many languages, by bytes per patch and per BPE token.

The text is ``app/udhr.json``, ten articles of the Universal Declaration of Human Rights, which
``dev/udhr_articles.py`` makes. The playground shows the numbers.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.calibration import Calibration
from app.compare import Row, compare
from app.model import LiveModel
from app.schemas.compare import CompareRequest, Splitter
from app.settings import Settings
from app.stored import StoredFile, write_items
from bytelatent.files import read_json

TEXTS = Path(__file__).parent / "udhr.json"
FILE = "languages.json"
SPLITTERS: list[Splitter] = ["entropy", "cl100k_base", "o200k_base"]

RECORD = {
    "title": "Languages: bytes per patch and per token",
    "description": "The same ten articles of the Universal Declaration of Human Rights in sixteen "
    "languages: patches by entropy beside tokens of two BPE vocabularies.",
    "producer": "python -m app.languages",
    "data": None,
}


@dataclass(frozen=True)
class LanguageRow:
    """One language.

    Attributes:
        lang: its tag.
        name: its English name.
        bytes: of the text, as UTF-8.
        pieces: of each splitter.
        in_mix: whether the model was trained on more of this language than this very text.
    """

    lang: str
    name: str
    bytes: int
    pieces: dict[str, int]
    in_mix: bool

    def mean(self, splitter: str) -> float:
        """Bytes per piece."""
        return self.bytes / self.pieces[splitter]


@dataclass(frozen=True)
class Languages:
    """What the file holds; no rows if there is none.

    Attributes:
        model: name of the entropy model.
        source: of the text.
        rows: a language each.
    """

    model: str = ""
    source: str = ""
    rows: tuple[LanguageRow, ...] = ()


class LanguageFile(StoredFile[Languages]):
    """The measured languages on disk, read again when the file changes.

    Args:
        path: the file; a missing or damaged one counts as empty.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, _parse, Languages())


def _parse(value: Any) -> Languages:
    rows = tuple(
        LanguageRow(
            str(row["lang"]),
            str(row["name"]),
            int(row["bytes"]),
            {splitter: int(row["pieces"][splitter]) for splitter in SPLITTERS},
            bool(row["in_mix"]),
        )
        for row in value["languages"]
    )
    if not all(row.bytes > 0 and min(row.pieces.values()) > 0 for row in rows):
        raise ValueError("a language without bytes or pieces")
    return Languages(str(value["model"]), str(value["source"]), rows)


def measure(model: LiveModel, calibration: Calibration, text: dict[str, str]) -> dict[str, Any]:
    """One language of the table.

    Args:
        model: cuts the patches, at its own threshold.
        calibration: knows the languages of the training mix.
        text: one of those of the file.

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


def _count(row: Row) -> int:
    if row.lengths is None:
        raise ValueError(f"{row.splitter}: {row.unavailable}")
    return len(row.lengths)


def write_languages(model: LiveModel, calibration: Calibration, path: Path) -> int:
    """Measure all languages and write them to ``path``; return how many."""
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
    """Write the file."""
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m app.languages", description=main.__doc__)
    parser.add_argument("--model", type=Path, default=defaults.model_folder, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=defaults.plot_data / FILE, metavar="FILE")
    chosen = parser.parse_args(arguments)
    # Threads change the order of sums, and so the last digits.
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


if __name__ == "__main__":
    sys.exit(main())
