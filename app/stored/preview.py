"""The first rows of a data file, as tables, facts or text."""

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

from app.stored.catalogue import Artifact

ROWS = 8
PAIRS = 4
"""Single values of a part of a file, from which they are a table."""
COLUMNS = 10
TABLES = 6
FEW = 12
"""Values of a list that stands alone."""
FACTS = 16
DEPTH = 4
CHARACTERS = 90
"""Of a value; the rest is left out."""
HEAD = 64 * 1024
"""Bytes that are read of a file that has lines."""
LARGEST = 4_000_000
"""Bytes of a JSON file that is still read whole."""
TEXT = 2000
"""Characters of a file that can only be shown as text."""
_DAMAGED = (ValueError, RuntimeError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error)
"""What a file that is not what its name says can raise; too deep a JSON is a RuntimeError."""


@dataclass(frozen=True)
class Table:
    """Some rows of a table.

    Attributes:
        name: where in the file it stands.
        columns: their names.
        rows: the first ones, as text.
        total: rows in the file, if it is known.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int | None


@dataclass(frozen=True)
class Fact:
    """A single value, as text."""

    name: str
    value: str


@dataclass(frozen=True)
class Preview:
    """The beginning of a data file.

    Attributes:
        facts: single values, by where they stand.
        tables: the first rows of what has rows.
        text: the first characters of a file that has neither.
    """

    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    text: str | None = None


def preview_of(artifact: Artifact) -> Preview:
    """The beginning of a data file; a damaged one is shown as text."""
    suffix = artifact.path.suffix.lower()
    try:
        if suffix == ".json" and artifact.size <= LARGEST:
            return _of_value(json.loads(artifact.path.read_bytes()))
        if suffix == ".npz":
            return Preview(tables=(_arrays(artifact.path),))
        text, whole = _head(artifact.path)
        if suffix == ".csv":
            return Preview(tables=(_csv(text, whole=whole),))
        if suffix == ".jsonl":
            return Preview(tables=(_lines(text.splitlines(), whole=whole),))
        return Preview(text=_cut(text, TEXT))
    except OSError:
        return Preview()
    except _DAMAGED:
        text = _head(artifact.path)[0]
        return Preview(text=_cut(text, TEXT) if suffix != ".npz" else None)


def _head(path: Path) -> tuple[str, bool]:
    """The first lines, and whether they are all."""
    with path.open("rb") as file:
        data = file.read(HEAD + 1)
    if len(data) <= HEAD:
        return data.decode("utf-8", "replace"), True
    lines = data[:HEAD].rpartition(b"\n")
    return (lines[0] or data[:HEAD]).decode("utf-8", "replace"), False


def _csv(text: str, *, whole: bool) -> Table:
    rows = list(csv.reader(io.StringIO(text)))
    head, *body = rows
    columns = tuple(_cut(cell) for cell in head[:COLUMNS])
    shown = tuple(tuple(_cut(cell) for cell in row[: len(columns)]) for row in body[:ROWS])
    padded = tuple(row + ("",) * (len(columns) - len(row)) for row in shown)
    return Table("", columns, padded, len(body) if whole else None)


def _lines(lines: list[str], *, whole: bool) -> Table:
    table = _rows([json.loads(line) for line in lines[:ROWS]], "")
    return replace(table, total=len(lines) if whole else None)


def _arrays(path: Path) -> Table:
    """Names, shapes and types of the arrays in an ``.npz``; no array is read."""
    rows = []
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in names[:ROWS]:
            with archive.open(name) as file:
                version = npy.read_magic(file)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, dtype = read(file)
            rows.append((_cut(name.removesuffix(".npy")), str(shape), str(dtype)))
    return Table("", ("array", "shape", "type"), tuple(rows), len(names))


def _of_value(value: Any) -> Preview:
    facts: list[Fact] = []
    tables: list[Table] = []
    for found in _walk(value, "", DEPTH):
        if isinstance(found, Table):
            tables.append(found)
        else:
            facts.append(found)
        if len(tables) >= TABLES:
            break
    return Preview(tuple(facts[:FACTS]), tuple(tables))


def _walk(value: Any, name: str, depth: int) -> Iterator[Fact | Table]:
    """Facts and tables in a JSON value: lists of one length side by side make a table."""
    if isinstance(value, list):
        yield _rows(value, name)
    elif not isinstance(value, dict) or depth == 0:
        yield Fact(name, _cell(value))
    elif (
        name and len(value) >= PAIRS and not any(isinstance(v, dict | list) for v in value.values())
    ):
        rows = tuple((_cut(key), _cell(inner)) for key, inner in islice(value.items(), ROWS))
        yield Table(name, ("name", "value"), rows, len(value))
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
                yield from (Fact(f"{path}{key}", _few(inner)) for key, inner in columns.items())


def _side_by_side(columns: dict[str, list[Any]], name: str, length: int) -> Table:
    kept = list(columns.items())[:COLUMNS]
    rows = zip(*(values[:ROWS] for _, values in kept), strict=True)
    return Table(
        name,
        tuple(_cut(key) for key, _ in kept),
        tuple(tuple(_cell(cell) for cell in row) for row in rows),
        length,
    )


def _rows(values: list[Any], name: str) -> Table:
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
    return Table(name, tuple(_cut(column) for column in columns), tuple(rows), len(values))


def _cell(value: Any) -> str:
    """A value in a few words: what is nested is counted."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict) and value:
        return f"{{{len(value)} fields}}"
    if isinstance(value, list) and value:
        return f"[{len(value)} values]"
    return _cut(json.dumps(value))


def _few(values: list[Any]) -> str:
    """The first of some single values, in a line."""
    shown = ", ".join(_cell(value) for value in values[:FEW])
    return f"{shown}, … ({len(values)} values)" if len(values) > FEW else shown


def _cut(text: str, longest: int = CHARACTERS) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
