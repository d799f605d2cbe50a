"""Headings of a book, which are no names: "CHAPTER II", "CONTENTS", "THE END".

A heading is a line of its own. In a text that has small letters, a short paragraph without any is
a heading too.
"""

import re
from collections.abc import Iterator

_NUMBER = (
    r"(?:[IVXLCDM]+|\d{1,3}|(?:the\s+)?(?:first|second|third|fourth|fifth|last|one|two|three|four|"
    r"five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty(?:-\w+)?))"
)
_PARTS = "chapter|book|part|volume|vol|canto|act|scene|letter|section|stave|appendix"
_WORDS = (
    "contents|table of contents|(?:list of )?illustrations|preface|introduction|foreword|prologue|"
    "epilogue|appendix|index|notes|footnotes|the end|end|finis|dedication|acknowledge?ments"
)
_LINE = re.compile(
    rf"^[^\S\n]*(?:(?:{_PARTS})\.?[^\S\n]+{_NUMBER}(?:\.?[^\S\n]*$|[.:—–-][^\n]{{0,80}}[^.!?\n]$)"
    rf"|(?:{_WORDS})[.:]?[^\S\n]*$|[IVXLCDM]+\.?[^\S\n]*$)",
    re.IGNORECASE | re.MULTILINE,
)
_GAP = re.compile(r"\n[^\S\n]*\n\s*")
_LONGEST = 120
"""Maximum number of characters of a heading without small letters."""


def headings(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the headings of a text, in order and disjoint.

    Args:
        text: any text with the line ends of its source, ``\\n`` or ``\\r\\n``.
    """
    capitals = sum(c.isupper() for c in text)
    mixed = 2 * capitals < sum(c.isupper() or c.islower() for c in text)
    start = 0
    for gap in [*_GAP.finditer(text), None]:
        end = gap.start() if gap else len(text)
        if mixed and end - start <= _LONGEST and text[start:end].isupper():
            yield start, end
        else:
            yield from (line.span() for line in _LINE.finditer(text, start, end))
        start = gap.end() if gap else end
