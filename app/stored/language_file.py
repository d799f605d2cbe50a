"""Measured languages on disk; ``python -m app.precompute languages`` writes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.schemas.compare import Splitter
from app.stored.stored_file import StoredFile

FILE = "languages.json"
SPLITTERS: list[Splitter] = ["entropy", "cl100k_base", "o200k_base"]


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
