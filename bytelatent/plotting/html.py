"""HTML frame of the pages: title, caption, facts, and colours for light and dark.

A page contains its style and script and refers to no other host.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources

from bytelatent.plotting.style import PALETTE

TABLE_ROWS = 500
"""Largest number of rows of a table on a page."""


@dataclass(frozen=True)
class Page:
    """An HTML page.

    Attributes:
        title: title of a few words, plain text.
        caption: caption of one sentence, plain text.
        body: HTML of the body.
        facts: names and values below the caption, plain text.
        style: CSS in addition to the common one.
    """

    title: str
    caption: str
    body: str
    facts: Sequence[tuple[str, str]] = ()
    style: str = ""

    def render(self) -> str:
        """Return the whole HTML document."""
        facts = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
            for name, value in self.facts
        )
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(self.title)}</title>
<style>
{_colours()}
{asset("page.css")}{self.style}</style>
</head>
<body>
<main>
<h1>{escape(self.title)}</h1>
<p class="caption">{escape(self.caption)}</p>
{f'<dl class="facts">{facts}</dl>' if facts else ""}
{self.body}
</main>
</body>
</html>
"""


@cache
def asset(name: str) -> str:
    """Return the text of a file in ``assets/``."""
    return (resources.files("bytelatent.plotting") / "assets" / name).read_text(encoding="utf-8")


def table(summary: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in HTML that opens on request; all columns but the first hold numbers."""
    kinds = ["", *[' class="number"'] * (len(columns) - 1)]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>'
        for kind, name in zip(kinds, columns, strict=True)
    )
    lines = (
        "<tr>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f"<details><summary>{escape(summary)}</summary>\n"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(summary)}">\n'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n"
        "</tbody></table></div></details>"
    )


def _colours() -> str:
    """Return the palette as CSS variables, light and dark."""
    light = " ".join(f"--{name}: {colour.light};" for name, colour in PALETTE.items())
    dark = " ".join(f"--{name}: {colour.dark};" for name, colour in PALETTE.items())
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    )
