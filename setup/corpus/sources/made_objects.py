"""Generated objects: JSON, JSON lines, YAML, XML and settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from random import Random
from typing import Any

from ..draw import STYLES, Column, Draw, Value, draw_columns, in_style, unique_names
from .made import generated
from .made_tables import size

KEY_STYLES = tuple(style for style in STYLES if style not in ("Title",))
Shape = Callable[[int], Any]


def draw_shape(draw: Draw, depth: int, style: str) -> Shape:
    """Return a function that makes the values of one field of records with the same form."""
    choice = draw.rng.random()
    if depth <= 0 or choice < 0.25:
        (column,) = draw_columns(draw, 1)
        return column.make
    if choice < 0.45:
        inner, most = draw_shape(draw, depth - 1, style), draw.rng.randint(1, 8)
        return lambda row: [inner(n) for n in range(draw.rng.randint(0, most))]
    return draw_record(draw, depth - 1, style)


def draw_record(draw: Draw, depth: int, style: str, most: int = 9) -> Shape:
    """Return a function that makes objects with the same keys; some hold lists or objects."""
    columns = draw_columns(draw, draw.rng.randint(2, most), (style,))
    nested = unique_names(draw, draw.rng.randint(0, 2) if depth > 0 else 0, style)
    shapes: list[tuple[str, Shape]] = [(column.name, column.make) for column in columns]
    shapes += [(name, draw_shape(draw, depth, style)) for name in nested]
    draw.rng.shuffle(shapes)
    optional = draw.rng.choice((0.0, 0.0, 0.1))
    return lambda row: {k: make(row) for k, make in shapes if draw.rng.random() >= optional}


def dumps(value: Any, rng: Random) -> Callable[[Any], str]:
    """Return a JSON writer with one style of blanks, escapes and key order."""
    indent = rng.choice((None, None, 2, 2, 4, 1, "\t"))
    separators = rng.choice(((",", ":"), (", ", ": "))) if indent is None else (",", ": ")
    ascii_only, ordered = rng.random() < 0.3, rng.random() < 0.2
    return lambda value: json.dumps(
        value, indent=indent, separators=separators, ensure_ascii=ascii_only, sort_keys=ordered
    )


@generated("made-json", megabytes=4.5, lang="json")
def json_document(draw: Draw) -> str:
    """Return a list of records, an object of objects, or one object with lists in it, as JSON."""
    rng, style = draw.rng, draw.rng.choice(KEY_STYLES)
    shape = draw_record(draw, rng.randint(0, 3), style)
    write, length = dumps(None, rng), size(rng)
    records: list[Any] = []
    written = 0
    while written < length:
        records.append(shape(len(records)))
        written += len(write(records[-1]))
    kind = rng.random()
    content: Any = records
    if kind < 0.25:
        content = dict(zip(unique_names(draw, len(records), style), records, strict=True))
    elif kind < 0.55:
        names = unique_names(draw, 3, style)
        content = {names[0]: len(records), names[1]: draw.phrase(), names[2]: records}
    elif len(records) == 1:
        (content,) = records
    return write(content) + rng.choice(("", "\n"))


@generated("made-jsonl", megabytes=3.0, lang="json")
def json_lines(draw: Draw) -> str:
    """Return records of one form as JSON, one per line."""
    rng = draw.rng
    shape = draw_record(draw, rng.choice((0, 0, 1, 2)), rng.choice(KEY_STYLES), 12)
    separators = rng.choice(((",", ":"), (", ", ": ")))
    lines, length = list[str](), size(rng)
    while sum(map(len, lines)) < length:
        record = shape(len(lines))
        lines.append(json.dumps(record, separators=separators, ensure_ascii=rng.random() < 0.2))
    return "\n".join(lines) + "\n"


def yaml_scalar(value: Value, rng: Random, quote: str) -> str:
    """Return a scalar that a YAML reader parses as the same text, number or truth value."""
    if value is None:
        return rng.choice(("null", "~", ""))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    plain = value.replace(" ", "").replace("_", "").replace("/", "")
    words = {"yes", "no", "on", "off", "y", "n", "true", "false", "null", "none", "nan", "inf"}
    if plain.isalpha() and value.lower() not in words and value == value.strip() and not quote:
        return value
    return "'" + value.replace("'", "''") + "'" if quote == "'" else json.dumps(value)


def yaml_lines(value: Any, rng: Random, step: int, quote: str) -> list[str]:
    """Return the lines of a value in block style; empty lists and objects in flow style."""
    if isinstance(value, dict) and value:
        lines = []
        for key, inner in value.items():
            below = yaml_lines(inner, rng, step, quote)
            if isinstance(inner, dict | list) and inner:
                lines += [f"{yaml_key(key)}:", *(" " * step + line for line in below)]
            else:
                lines.append(f"{yaml_key(key)}: {below[0]}".rstrip())
        return lines
    if isinstance(value, list) and value:
        lines = []
        for inner in value:
            first, *rest = yaml_lines(inner, rng, step, quote)
            lines += [f"- {first}".rstrip(), *("  " + line for line in rest)]
        return lines
    if isinstance(value, dict | list):
        return [json.dumps(value)]
    return [yaml_scalar(value, rng, quote)]


def yaml_key(key: str) -> str:
    """Return a key, quoted where a reader would interpret it as another value."""
    return json.dumps(key) if key.lower() in ("y", "n", "yes", "no", "on", "off", "null") else key


@generated("made-yaml", megabytes=3.0, lang="yaml")
def yaml_document(draw: Draw) -> str:
    """Return nested settings or a list of records as YAML, with or without comments in between."""
    rng, style = draw.rng, draw.rng.choice(("snake", "kebab", "camel"))
    step, quote = rng.choice((2, 2, 2, 4)), rng.choice(("", "", "'", '"'))
    length, lines = size(rng), ["---"] * (rng.random() < 0.3)
    if rng.random() < 0.35:
        shape = draw_record(draw, rng.randint(0, 2), style)
        while sum(map(len, lines)) < length:
            lines += yaml_lines([shape(len(lines))], rng, step, quote)
        return "\n".join(lines) + "\n"
    names = iter(unique_names(draw, 400, style))
    while sum(map(len, lines)) < length:
        if rng.random() < 0.2:
            lines += [""] * rng.randint(0, 1) + [f"# {draw.phrase(2, 8)}"]
        value = draw_shape(draw, rng.randint(0, 3), style)(0)
        lines += yaml_lines({next(names): value}, rng, step, quote)
    return "\n".join(lines) + "\n"


@generated("made-xml", megabytes=3.0, lang="xml")
def xml_document(draw: Draw) -> str:
    """Return records as XML elements, with their fields as attributes or child elements."""
    rng = draw.rng
    style = rng.choice(("snake", "camel", "Pascal", "kebab", "joined"))
    columns = draw_columns(draw, rng.randint(2, 9), (style,))
    root, *tags = unique_names(draw, 2 + rng.randint(0, 1), style)
    inline = [column for column in columns if rng.random() < rng.choice((0.0, 0.3, 0.9))]
    step, length = rng.choice(("  ", "    ", "\t", "")), size(rng)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>'] if rng.random() < 0.7 else []
    space = f' xmlns="http://{draw.host()}/{draw.word()}"' if rng.random() < 0.3 else ""
    lines.append(f"<{root}{space}>")
    number = 0
    while sum(map(len, lines)) < length:
        lines += (step + line for line in xml_element(tags[0], columns, inline, number, step))
        number += 1
        if len(tags) > 1 and rng.random() < 0.1:
            lines.append(f"{step}<{tags[1]}>{escape(draw.sentence())}</{tags[1]}>")
        if rng.random() < 0.03:
            lines.append(f"{step}<!-- {draw.phrase(2, 8)} -->")
    return "\n".join([*lines, f"</{root}>"]) + "\n"


def xml_element(
    tag: str, columns: list[Column], inline: list[Column], number: int, step: str
) -> list[str]:
    """Return the lines of one record as XML; empty values are left out."""
    values = {column.name: column.make(number) for column in columns}
    texts = {name: escape(str(v), quote=True) for name, v in values.items() if v is not None}
    names = {column.name for column in inline}
    attributes = "".join(f' {name}="{text}"' for name, text in texts.items() if name in names)
    inner = [f"{step}<{n}>{text}</{n}>" for n, text in texts.items() if n not in names]
    if not inner:
        return [f"<{tag}{attributes}/>"]
    return [f"<{tag}{attributes}>", *inner, f"</{tag}>"]


@generated("made-ini", megabytes=1.5, lang="ini")
def settings(draw: Draw) -> str:
    """Return sections of settings: INI, TOML-like, environment or properties files."""
    rng = draw.rng
    style = rng.choice(("snake", "kebab", "dotted", "UPPER", "camel", "joined"))
    equals, mark = rng.choice((" = ", "=", "=", ": ")), rng.choice("#;")
    sections, quoted = rng.random() < 0.75, rng.random() < 0.2
    lines, length, keys = list[str](), size(rng), set[str]()
    while sum(map(len, lines)) < length:
        if sections:
            name = in_style([draw.word() for _ in range(rng.randint(1, 2))], rng.choice(KEY_STYLES))
            lines += [""] * bool(lines) + [f"[{name}{len(keys) if name in keys else ''}]"]
            keys.add(name)
        for column in draw_columns(draw, rng.randint(1, 10), (style,)):
            if rng.random() < 0.1:
                lines.append(f"{mark} {draw.phrase(2, 9)}")
            value = column.make(0)
            text = (
                ""
                if value is None
                else str(value).lower()
                if value in (True, False)
                else str(value)
            )
            off = f"{mark}" if rng.random() < 0.05 else ""
            lines.append(
                f"{off}{column.name}{equals}{json.dumps(text) if quoted else text}".rstrip()
            )
    return "\n".join(lines) + "\n"
