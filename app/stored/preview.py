"""The preview of a data file: its first rows or values as tables, facts or text."""

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from numpy.lib import format as npy

from app.stored.catalogue import StoredArtifact

ROWS = 8
PAIRS = 4
"""Smallest number of single values in an object that is shown as a table."""
COLUMNS = 10
TABLES = 6
FEW = 12
"""Largest number of values that are shown of a list outside a table."""
FACTS = 16
DEPTH = 4
CHARACTERS = 90
"""Largest number of characters of a value; a longer value is cut off."""
HEAD = 64 * 1024
"""Number of bytes that are read of a file of lines."""
LARGEST = 4_000_000
"""Size in bytes of the largest JSON file that is read."""
TEXT = 2000
"""Number of characters that are shown of a file without tables."""
_DAMAGED = (ValueError, RuntimeError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error)
"""Exceptions that a damaged file can raise; a JSON text that is nested too deeply raises
RuntimeError."""


@dataclass(frozen=True)
class DataTable:
    """First rows of a table in a data file.

    Attributes:
        name: position of the table in the file.
        columns: names of the columns.
        rows: first rows, as text.
        total: number of rows in the file, if it is known.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int | None


@dataclass(frozen=True)
class DataFact:
    """Single value in a data file, as text."""

    name: str
    value: str


@dataclass(frozen=True)
class DataPreview:
    """Preview of a data file.

    Attributes:
        facts: single values with their position in the file.
        tables: tables with their first rows.
        text: first characters of a file without facts and tables.
    """

    facts: tuple[DataFact, ...] = ()
    tables: tuple[DataTable, ...] = ()
    text: str | None = None


def preview_of(artifact: StoredArtifact) -> DataPreview:
    """Return the preview of a data file; a damaged file is shown as text."""
    suffix = artifact.path.suffix.lower()
    try:
        if suffix == ".json" and artifact.size <= LARGEST:
            return _of_value(json.loads(artifact.path.read_bytes()))
        if suffix == ".npz":
            return DataPreview(tables=(_arrays(artifact.path),))
        text, whole = _head(artifact.path)
        if suffix == ".csv":
            return DataPreview(tables=(_csv(text, whole=whole),))
        if suffix == ".jsonl":
            return DataPreview(tables=(_lines(text.splitlines(), whole=whole),))
        return DataPreview(text=_cut(text, TEXT))
    except OSError:
        return DataPreview()
    except _DAMAGED:
        text = _head(artifact.path)[0]
        return DataPreview(text=_cut(text, TEXT) if suffix != ".npz" else None)


def _head(path: Path) -> tuple[str, bool]:
    """Return the first lines of a file, and whether they are the whole file."""
    with path.open("rb") as file:
        data = file.read(HEAD + 1)
    if len(data) <= HEAD:
        return data.decode("utf-8", "replace"), True
    lines = data[:HEAD].rpartition(b"\n")
    return (lines[0] or data[:HEAD]).decode("utf-8", "replace"), False


def _csv(text: str, *, whole: bool) -> DataTable:
    rows = list(csv.reader(io.StringIO(text)))
    head, *body = rows
    columns = tuple(_cut(cell) for cell in head[:COLUMNS])
    shown = tuple(tuple(_cut(cell) for cell in row[: len(columns)]) for row in body[:ROWS])
    padded = tuple(row + ("",) * (len(columns) - len(row)) for row in shown)
    return DataTable("", columns, padded, len(body) if whole else None)


def _lines(lines: list[str], *, whole: bool) -> DataTable:
    table = _rows([json.loads(line) for line in lines[:ROWS]], "")
    return replace(table, total=len(lines) if whole else None)


def _arrays(path: Path) -> DataTable:
    """Return names, shapes and types of the arrays in an ``.npz`` file; no array is read."""
    rows = []
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in names[:ROWS]:
            with archive.open(name) as file:
                version = npy.read_magic(file)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, dtype = read(file)
            rows.append((_cut(name.removesuffix(".npy")), str(shape), str(dtype)))
    return DataTable("", ("array", "shape", "type"), tuple(rows), len(names))


def _of_value(value: Any) -> DataPreview:
    facts: list[DataFact] = []
    tables: list[DataTable] = []
    for part in _walk(value, "", DEPTH):
        if isinstance(part, DataTable):
            tables.append(part)
        else:
            facts.append(part)
        if len(tables) >= TABLES:
            break
    return DataPreview(tuple(facts[:FACTS]), tuple(tables))


def _walk(value: Any, name: str, depth: int) -> Iterator[DataFact | DataTable]:
    """Generate the facts and tables of a JSON value; parallel lists form one table."""
    if isinstance(value, list):
        yield _rows(value, name)
    elif not isinstance(value, dict) or depth == 0:
        yield DataFact(name, _cell(value))
    elif (
        name and len(value) >= PAIRS and not any(isinstance(v, dict | list) for v in value.values())
    ):
        rows = tuple((_cut(key), _cell(inner)) for key, inner in islice(value.items(), ROWS))
        yield DataTable(name, ("name", "value"), rows, len(value))
    else:
        path = f"{name}." if name else ""
        lists: dict[int, dict[str, list[Any]]] = {}
        for key, inner in value.items():
            if isinstance(inner, list) and not any(isinstance(v, dict | list) for v in inner):
                lists.setdefault(len(inner), {})[key] = inner
            else:
                yield from _walk(inner, f"{path}{key}"[:CHARACTERS], depth - 1)
        for length, columns in lists.items():
            if length > 1 and len(columns) > 1:
                yield _side_by_side(columns, name, length)
            else:
                yield from (DataFact(f"{path}{key}", _few(inner)) for key, inner in columns.items())


def _side_by_side(columns: dict[str, list[Any]], name: str, length: int) -> DataTable:
    kept = list(columns.items())[:COLUMNS]
    rows = zip(*(values[:ROWS] for _, values in kept), strict=True)
    return DataTable(
        name,
        tuple(_cut(key) for key, _ in kept),
        tuple(tuple(_cell(cell) for cell in row) for row in rows),
        length,
    )


def _rows(values: list[Any], name: str) -> DataTable:
    shown = values[:ROWS]
    if shown and all(isinstance(row, dict) for row in shown):
        columns = tuple(dict.fromkeys(key for row in shown for key in row))[:COLUMNS]
        rows = [tuple(_cell(row[key]) if key in row else "" for key in columns) for row in shown]
    elif shown and all(isinstance(row, list) for row in shown):
        width = min(COLUMNS, max(len(row) for row in shown))
        columns = tuple(str(k) for k in range(width))
        rows = [tuple(_cell(row[k]) if k < len(row) else "" for k in range(width)) for row in shown]
    else:
        columns = (name.rpartition(".")[2] or "value",)
        rows = [(_cell(value),) for value in shown]
    return DataTable(name, tuple(_cut(column) for column in columns), tuple(rows), len(values))


def _cell(value: Any) -> str:
    """Return a value as short text; a nested value is shown as its number of elements."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict) and value:
        return f"{{{len(value)} fields}}"
    if isinstance(value, list) and value:
        return f"[{len(value)} values]"
    return _cut(json.dumps(value))


def _few(values: list[Any]) -> str:
    """Return the first values of a list as one line."""
    shown = ", ".join(_cell(value) for value in values[:FEW])
    return f"{shown}, … ({len(values)} values)" if len(values) > FEW else shown


def _cut(text: str, longest: int = CHARACTERS) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
