"""Layouts of the same prose: wrapped lines, quotes, blanks, letter case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

MIN_PART = 3  # letters on each side of a hyphen at the end of a line
_LETTERS = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!Mr\.)(?<!Mrs\.)(?<!Dr\.)(?<!St\.) +(?=\S)")
_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"'})
_OPENING = re.compile(r"(^|[\s(\[{—–“‘-])([\"'])", re.MULTILINE)
_NO_MARKS = re.compile(r"[^\w\s]+")


def paragraphs_of(text: str) -> list[str]:
    """Return the paragraphs of a cleaned text: its lines that are not empty."""
    return [line for line in text.split("\n") if line.strip()]


def pieces_of(paragraphs: Iterable[str], most: int) -> Iterator[list[str]]:
    """Yield runs of whole paragraphs, in order, each with at most about `most` characters."""
    piece, size = list[str](), 0
    for paragraph in paragraphs:
        if piece and size + len(paragraph) > most:
            yield piece
            piece, size = [], 0
        piece.append(paragraph)
        size += len(paragraph)
    if piece:
        yield piece


def sentences_of(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph, cut roughly: after `.`, `!` and `?` before a blank."""
    return _SENTENCE_END.split(paragraph)


@dataclass(frozen=True)
class Wrapping:
    """Settings that break paragraphs into lines.

    Attributes:
        width: maximum number of characters of a line, with its `prefix`; a longer word has its own
            line.
        prefix: text before every line (an indent, or a quotation mark of e-mails).
        first: text before the first line of a paragraph, after the prefix.
        between: number of empty lines between two paragraphs: one or none.
        hyphenate: share of the overlong words that are cut with a hyphen instead of moved to the
            next line.
        justify: whether lines are filled up to `width` with blanks between words.
    """

    width: int
    prefix: str = ""
    first: str = ""
    between: int = 1
    hyphenate: float = 0.0
    justify: bool = False


def draw_wrapping(rng: Random) -> Wrapping:
    """Return a random wrapping as in e-mails, plain text books, comments or manuals."""
    width = rng.choice((rng.randint(40, 100), rng.choice((64, 65, 66, 72, 74, 75, 76, 78, 79, 80))))
    style = rng.random()
    if style < 0.5:
        return Wrapping(width)
    if style < 0.62:
        return Wrapping(width, first=" " * rng.randint(1, 8), between=rng.choice((0, 0, 1)))
    if style < 0.74:
        prefix = rng.choice(("  ", "    ", "   ", "\t", "> ", "> ", "# ", " * "))
        return Wrapping(width, prefix=prefix)
    if style < 0.87:
        return Wrapping(width, hyphenate=rng.uniform(0.3, 1.0), justify=rng.random() < 0.3)
    return Wrapping(width, justify=True, first=rng.choice(("", "", "   ")))


def wrap(paragraphs: Iterable[str], how: Wrapping, rng: Random) -> str:
    """Return the paragraphs in lines of one width."""
    lines: list[str] = []
    for paragraph in paragraphs:
        if lines:
            lines += [how.prefix.rstrip()] * how.between
        lines += (how.prefix + line for line in _wrapped(paragraph, how, rng))
    return "\n".join(lines)


def _wrapped(paragraph: str, how: Wrapping, rng: Random) -> list[str]:
    room = max(16, how.width - len(how.prefix.expandtabs()))
    lines, line = list[str](), how.first
    for word in paragraph.split():
        blank = " " if line.strip() else ""
        if len(line) + len(blank) + len(word) <= room or not line.strip():
            line += blank + word
            continue
        head, tail = _hyphenated(word, room - len(line) - 2, how, rng)
        lines.append(_justified(f"{line} {head}" if head else line, room if how.justify else 0))
        line = tail
    return [*lines, line]


def _hyphenated(word: str, room: int, how: Wrapping, rng: Random) -> tuple[str, str]:
    """Return the part of a word that fits the line, with a hyphen, and the rest of the word."""
    most = min(room, len(word) - MIN_PART)
    if most < MIN_PART or not _LETTERS.fullmatch(word) or rng.random() >= how.hyphenate:
        return "", word
    cut = rng.randint(MIN_PART, most)
    return word[:cut] + "-", word[cut:]


def _justified(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    words = line.split()
    gaps, blanks = len(words) - 1, width - len(indent) - sum(map(len, words))
    if gaps < 1 or blanks < gaps or blanks > 3 * gaps:
        return line
    small, wider = divmod(blanks, gaps)
    filled = (word + " " * (small + (number < wider)) for number, word in enumerate(words[:-1]))
    return indent + "".join(filled) + words[-1]


def straight(text: str) -> str:
    """Replace typographic quotes and apostrophes by typewriter ones."""
    return text.translate(_STRAIGHT)


def curly(text: str, pairs: str = "“”‘’") -> str:
    """Replace typewriter quotes by `pairs`: opening and closing double, then single quotes."""

    def opened(match: re.Match[str]) -> str:
        return match[1] + (pairs[0] if match[2] == '"' else pairs[2])

    text = _OPENING.sub(opened, _OPENING.sub(opened, text))  # twice: "'Tis
    return text.replace('"', pairs[1]).replace("'", pairs[3])


def recase(paragraphs: list[str], style: str) -> str:
    """Return the paragraphs in `upper` or `lower` case, `bare`, `stream` or `title`.

    Bare text is lower case without punctuation. A stream is bare and on one line.
    """
    text = "\n".join(paragraphs)
    if style == "upper":
        return text.upper()
    if style == "title":
        return _LETTERS.sub(lambda word: word[0][:1].upper() + word[0][1:], text)
    text = text.lower()
    if style in ("bare", "stream"):
        text = _NO_MARKS.sub("", straight(text).replace("-", " ").replace("—", " "))
        text = re.sub("(?m) +$|^ +", "", re.sub(" +", " ", text))
    return " ".join(text.split()) if style == "stream" else text
