"""Measured languages as the playground shows them: numbers with bars beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from app.stored.language_file import SPLITTERS, LanguageRow, Languages


@dataclass(frozen=True)
class Cell:
    """Bytes per piece: in print, and as a bar of so many percent of the widest.

    A bar is cut off where it would be longer than any of the languages that the model knows.
    """

    value: str
    width: float
    cut: bool


@dataclass(frozen=True)
class Line:
    """A language: its tag, its name, the bytes of the text in it, and a cell for each splitter."""

    lang: str
    name: str
    bytes: str
    cells: list[Cell]


@dataclass(frozen=True)
class LanguageTable:
    """The languages that the model was trained on, then those of which it knows this text alone."""

    model: str
    known: list[Line]
    others: list[Line]

    @classmethod
    def of(cls, languages: Languages) -> Self | None:
        """The table, or None where nothing has been measured."""
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
