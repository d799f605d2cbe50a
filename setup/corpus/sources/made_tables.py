"""Generated tables: CSV, TSV, aligned columns, Markdown, and lists in the style of /etc files."""

from __future__ import annotations

import csv
import io
from random import Random

from ..draw import Draw, Value, draw_columns
from .made import generated

SEPARATORS = (",", ",", ",", ",", ";", ";", "|", ":", "^")
NOTHING = ("", "", "", "NA", "N/A", "null", "NULL", "-", "NaN", "None", "?")


def size(rng: Random) -> int:
    """Return a random document size: 500 to 8000 characters, log-uniformly distributed."""
    return int(500 * 16 ** rng.random())


class Cells:
    """Cell writer of one table, with one notation for missing values, truth values and decimals."""

    def __init__(self, rng: Random) -> None:
        self.nothing = rng.choice(NOTHING)
        self.truth = rng.choice(
            (("True", "False"), ("true", "false"), ("1", "0"), ("TRUE", "FALSE"))
        )
        self.comma = rng.random() < 0.1

    def __call__(self, value: Value) -> str:
        if value is None:
            return self.nothing
        if isinstance(value, bool):
            return self.truth[not value]
        text = str(value)
        return text.replace(".", ",") if self.comma and isinstance(value, float) else text


def rows(draw: Draw, length: int, most: int = 12) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of a table of about `length` characters."""
    columns = draw_columns(draw, draw.rng.randint(2, most))
    cells = Cells(draw.rng)
    body, written = list[list[str]](), 0
    while written < length:
        row = [cells(column.make(len(body))) for column in columns]
        body.append([" ".join(cell.split()) for cell in row])
        written += sum(map(len, row)) + len(row)
    return [column.name for column in columns], body


@generated("made-csv", megabytes=5.0, lang="csv")
def csv_table(draw: Draw) -> str:
    """Return a table with random separators, columns, quoting, line ends and optional header."""
    rng = draw.rng
    header, body = rows(draw, size(rng))
    out = io.StringIO()
    quoting = rng.choice((csv.QUOTE_MINIMAL,) * 4 + (csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))
    line_end = rng.choice(("\n", "\n", "\n", "\r\n"))
    writer = csv.writer(
        out, delimiter=rng.choice(SEPARATORS), quoting=quoting, lineterminator=line_end
    )
    if rng.random() < 0.85:
        writer.writerow(header)
    writer.writerows(body)
    return out.getvalue()


@generated("made-tsv", megabytes=2.0, lang="tsv")
def tsv_table(draw: Draw) -> str:
    """Return a table with tabs between its cells, sometimes with comments above it."""
    header, body = rows(draw, size(draw.rng))
    lines = (
        [draw.rng.choice(("# ", "## ", "")) + "\t".join(header)] if draw.rng.random() < 0.8 else []
    )
    if draw.rng.random() < 0.15:
        lines = [f"# {draw.phrase(2, 8)}" for _ in range(draw.rng.randint(1, 3))] + lines
    lines += ["\t".join(row) for row in body]
    return "\n".join(lines) + "\n"


def aligned(draw: Draw) -> str:
    """Return columns padded with blanks, numbers right-aligned, with optional rules and frames."""
    rng = draw.rng
    header, body = rows(draw, size(rng) // 2, 7)
    widths = [max(map(len, column)) for column in zip(header, *body, strict=True)]
    right = [
        all(c[:1].isdigit() or c[:1] in "-$" for c in col if c) for col in zip(*body, strict=True)
    ]
    style = rng.choice(("plain", "plain", "rule", "frame", "double"))
    gap = {"frame": " | ", "double": "  ", "rule": " | "}.get(style, " " * rng.randint(1, 4))

    def line(cells: list[str]) -> str:
        padded = (
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(cells, widths, right, strict=True)
        )
        text = gap.join(padded)
        return f"| {text} |" if style == "frame" else text.rstrip()

    rule = {
        "rule": "-+-".join("-" * width for width in widths),
        "frame": "+" + "+".join("-" * (width + 2) for width in widths) + "+",
        "double": "  ".join("=" * width for width in widths),
    }.get(style)
    lines = [line(header), *map(line, body)]
    if rule:
        lines.insert(1, rule)
    if rule and style != "rule":
        lines = [rule, *lines, rule]
    return "\n".join(lines) + "\n"


def markdown_table(draw: Draw) -> str:
    """Return a Markdown table with random columns, alignment and values."""
    rng = draw.rng
    header, body = rows(draw, size(rng) // 2, 7)
    marks = (rng.choice(("---", ":---", "---:", ":-:", "-----")) for _ in header)
    lines = [header, list(marks), *([cell.replace("|", "/") for cell in row] for row in body)]
    if rng.random() < 0.5:
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines = [[c.ljust(w) for c, w in zip(row, widths, strict=True)] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines) + "\n"


def listing(draw: Draw) -> str:
    """Return a list as in system files: fields, blanks or tabs to a stop, comments at the end."""
    rng = draw.rng
    kinds = rng.sample(
        ("name", "port", "alias", "host", "path", "mode", "number"), rng.randint(2, 4)
    )
    separator, stop = rng.choice(("\t", "\t", " ", ":")), rng.choice((8, 16, 20, 24))
    lines = [f"# {draw.phrase(3, 9)}" for _ in range(rng.randint(0, 4))]
    number, length = draw.integer(3), size(rng) // 2
    while sum(map(len, lines)) < length:
        number += rng.choice((1, 1, 1, 2, rng.randint(1, 60)))
        values = {
            "name": draw.word() + rng.choice(("", "", "-" + draw.word())), "host": draw.ip(),
            "port": f"{number}/{rng.choice(('tcp', 'tcp', 'udp', 'sctp'))}", "path": draw.path(),
            "alias": draw.word(), "mode": f"0{rng.randint(400, 777)}", "number": str(number),
        }  # fmt: skip
        fields = [values[kind] for kind in kinds]
        if separator == "\t":
            line = "".join(f + "\t" * max(1, (stop - len(f) + 7) // 8) for f in fields[:-1])
        else:
            line = "".join(
                (f + separator).ljust(stop if separator == " " else 0) for f in fields[:-1]
            )
        remark = f"\t# {draw.phrase(1, 5)}" if rng.random() < 0.2 else ""
        lines.append(line + fields[-1] + remark)
        if rng.random() < 0.03:
            lines += ["", f"# {draw.phrase(2, 6)}"]
    return "\n".join(lines) + "\n"


@generated("made-tables", megabytes=3.5, lang="text")
def table(draw: Draw) -> str:
    """Return aligned columns, a Markdown table, or a list in the style of /etc files."""
    return draw.rng.choice((aligned, aligned, markdown_table, listing))(draw)
