"""The file of measured languages that ``python -m app.precompute languages`` writes."""

from dataclasses import dataclass
from typing import Any

from app.schemas.compare import Splitter
from app.stored.stored_file import StoredFile

FILE = "languages.json"
SPLITTERS: list[Splitter] = ["entropy", "cl100k_base", "o200k_base"]


@dataclass(frozen=True)
class LanguageRow:
    """Measures of the text in one language.

    Attributes:
        lang: language tag.
        name: English name of the language.
        bytes: number of UTF-8 bytes of the text.
        pieces: number of pieces by splitter.
        in_mix: whether the training mix contains more of this language than this text alone.
    """

    lang: str
    name: str
    bytes: int
    pieces: dict[str, int]
    in_mix: bool

    def mean(self, splitter: str) -> float:
        """Return the mean number of bytes per piece of a splitter."""
        return self.bytes / self.pieces[splitter]


@dataclass(frozen=True)
class Languages:
    """Content of the file of measured languages; without a file there are no rows.

    Attributes:
        model: name of the entropy model.
        source: source of the text.
        rows: one row for each language.
    """

    model: str = ""
    source: str = ""
    rows: tuple[LanguageRow, ...] = ()


class LanguageFile(StoredFile[Languages]):
    """Reader of the file of measured languages."""

    def empty(self) -> Languages:
        """Return the content of a missing file: no languages."""
        return Languages()

    def parse(self, value: Any) -> Languages:
        """Return the measured languages of the file."""
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
