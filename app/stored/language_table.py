"""The table of measured languages on the playground: numbers with bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from app.stored.language_file import SPLITTERS, LanguageRow, Languages


@dataclass(frozen=True)
class Cell:
    """Bytes per piece as a number and as a bar; ``width`` is in percent of the longest bar.

    The bar is cut off if it would be longer than the bars of all languages that the model knows.
    """

    value: str
    width: float
    cut: bool


@dataclass(frozen=True)
class Line:
    """Row of a language: its tag, its name, the bytes of its text, and a cell for each splitter."""

    lang: str
    name: str
    bytes: str
    cells: list[Cell]


@dataclass(frozen=True)
class LanguageTable:
    """Table of the languages in the training mix, then of the other languages."""

    model: str
    known: list[Line]
    others: list[Line]

    @classmethod
    def of(cls, languages: Languages) -> Self | None:
        """Return the table, or None if no language has been measured."""
        if not languages.rows:
            return None
        known = [row for row in languages.rows if row.in_mix] or list(languages.rows)
        others = [row for row in languages.rows if row not in known]
        most = max(row.mean(splitter) for row in known for splitter in SPLITTERS)
        return cls(languages.model, _lines(known, most), _lines(others, most))


def _lines(rows: Sequence[LanguageRow], most: float) -> list[Line]:
    return [
        Line(
            row.lang,
            row.name,
            f"{row.bytes:,}",
            [
                Cell(f"{mean:.1f}", round(min(100.0, 100 * mean / most), 1), mean > most)
                for mean in map(row.mean, SPLITTERS)
            ],
        )
        for row in rows
    ]
