"""Text cleaning that keeps the position in the original text of every character of the result.

By default only whitespace and Unicode composition change: letters keep their case, and no word or
punctuation mark is dropped. ``clean("a\\r\\n  b").text`` is ``"a b"``, and ``clean("a\\r\\n
b").original(2, 3)`` is ``(5, 6)``, the position of "b" in the original.
"""

import html
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bytelatent.graph.headings import headings
from bytelatent.tokenizers.words import marks

URL_MARK, NUMBER_MARK = "URL", "NUMBER"
MOST_MARKS = 30
"""Maximum number of combining marks composed with one character (UAX 15, stream-safe text)."""

_URL = re.compile(
    r"(?:\b(?:https?|ftp)://|\bwww\.)[^\s<>\"]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"
)
_NUMBER = re.compile(r"(?<!\w)\d+(?:[.,]\d+)*(?!\w)")
_BLANKS = re.compile(r"\s+|[\ufeff\xad]+")
_BREAK = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
_GUTENBERG_START = re.compile(r"^\*{3} ?START OF[^*\n]{0,300}\*{3}[^\n]*\n?", re.MULTILINE)
_GUTENBERG_END = re.compile(r"^\*{3} ?END OF[^*\n]{0,300}\*{3}", re.MULTILINE)
_NOTE = re.compile(r"\[Pg \d{1,4}\]|\[Illustration(?:: [^\]\n]{0,200})?\]")
_PAGE_LINE = re.compile(
    r"^[^\S\n]*(?:[-–—\[({|][^\S\n]?)?(?:(?:page|p\.)[^\S\n]?)?\d{1,4}(?:[^\S\n]?(?:/|of)[^\S\n]?\d{1,4})?"
    r"(?:[^\S\n]?[-–—\])}|])?[^\S\n]*$",
    re.MULTILINE | re.IGNORECASE,
)
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,9})(?:\s[^<>]{0,500})?/?>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_NO_ASCII = re.compile(r"[^\x00-\x7f]+")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
"""Lower-case table for ASCII; unlike ``str.lower`` it never changes the length of a text."""
_HIDDEN = (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"))
_BLOCK = re.compile(
    "address|article|blockquote|br|div|dd|dl|dt|footer|h1|h2|h3|h4|h5|h6|header|hr|li|"
    "ol|p|pre|section|table|td|th|tr|ul|body|head|html|title"
)
_INLINE = re.compile(
    "a|abbr|b|big|center|cite|code|em|font|i|img|link|meta|s|small|span|strong|sub|sup|tt|u"
)


class CleaningArgs(BaseModel):
    """Cleaning steps of a text; they run in the order of the fields, whitespace last.

    Attributes:
        boilerplate: drop the text that Project Gutenberg adds around a book, lines that hold only a
            page number, ``[Pg 7]`` and ``[Illustration]``, HTML tags, comments, scripts and styles;
            write HTML entities as characters. A block element of HTML ends a line.
        headings: ``drop`` removes the headings of a book (:mod:`bytelatent.graph.headings`).
        form: Unicode normal form.
        urls: web and mail addresses; ``mark`` writes :data:`URL_MARK` for each.
        numbers: numbers that stand alone; ``mark`` writes :data:`NUMBER_MARK` for each.
        accents: ``fold`` drops the diacritics of Latin, Greek and Cyrillic ("é" becomes "e"); marks
            that other scripts need, and letters such as "ø", stay.
        case: ``lower`` and ``fold`` apply ``str.lower`` and ``str.casefold`` to each character.
        whitespace: ``lines`` writes one space for a run of blanks and at most one empty line;
            ``paragraphs`` also joins the lines of a paragraph. Both drop byte order marks and soft
            hyphens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    boilerplate: bool = False
    headings: Literal["keep", "drop"] = "keep"
    form: Literal["NFC", "NFD", "NFKC", "NFKD"] | None = "NFC"
    urls: Literal["keep", "drop", "mark"] = "keep"
    numbers: Literal["keep", "drop", "mark"] = "keep"
    accents: Literal["keep", "fold"] = "keep"
    case: Literal["keep", "lower", "fold"] = "keep"
    whitespace: Literal["keep", "lines", "paragraphs"] = "paragraphs"


FINDER_CLEANING = CleaningArgs(boilerplate=True, headings="drop", accents="fold", whitespace="keep")
"""Cleaning of a text before names are looked for in it."""


class Edit(NamedTuple):
    """An edit: ``text`` replaces the characters ``start`` to ``end`` of a text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, eq=False)
class CleanedText:
    """A cleaned text with the position in the original text of each of its characters.

    Attributes:
        text: the cleaned text.
        source: the original text.
    """

    text: str
    source: str
    _starts: NDArray[np.uint32] = field(repr=False)
    _ends: NDArray[np.uint32] = field(repr=False)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text for the span ``start`` to ``end`` of the result.

        An empty span gives an empty span in the original, before the next character. The method
        takes constant time.

        Raises:
            ValueError: the span does not lie in the text.
        """
        size = len(self.text)
        if not 0 <= start <= end <= size:
            raise ValueError(f"the span {start} to {end} does not lie in 0 to {size}")
        if start == end:
            place = int(self._starts[start]) if start < size else len(self.source)
            return place, place
        return int(self._starts[start]), int(self._ends[end - 1])

    def edited(self, edits: Iterable[Edit]) -> "CleanedText":
        """Return the text after ``edits``; they are sorted, disjoint, and count in this text."""
        parts: list[str] = []
        rows: list[tuple[int, int, int]] = []
        done = 0
        for start, end, text in edits:
            parts += self.text[done:start], text
            rows.append((start, end, len(text)))
            done = end
        if not rows:
            return self
        parts.append(self.text[done:])
        first, last = _places(np.array(rows, dtype=np.int64), len(self.text))
        return CleanedText("".join(parts), self.source, self._starts[first], self._ends[last])


def _places(edits: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and last character before the edits for each character after them.

    Args:
        edits: start, end and new length of each ``[E, 3]``.
        size: characters before the edits.
    """
    starts, ends, lengths = edits.T
    kept_from = np.append(0, ends)
    kept = np.append(starts, size) - kept_from
    pieces = np.zeros(2 * len(edits) + 1, dtype=np.int64)
    pieces[::2], pieces[1::2] = kept, lengths
    after = np.cumsum(pieces) - pieces  # where each piece begins in the result
    first = np.zeros_like(pieces)
    first[::2], first[1::2] = kept_from - after[::2], starts
    last = first.copy()
    last[1::2] = ends - 1
    steps = np.arange(pieces.sum())
    steps[np.repeat(np.arange(len(pieces)) % 2 == 1, pieces)] = 0
    return steps + np.repeat(first, pieces), steps + np.repeat(last, pieces)


def clean(text: str, args: CleaningArgs | None = None) -> CleanedText:
    """Clean a text, in linear time and memory (8 bytes per character besides the text).

    Args:
        text: any text, also an empty one.
        args: what to change.
    """
    args = args or CleaningArgs()
    offsets = np.arange(len(text) + 1, dtype=np.uint32)
    done = CleanedText(text, text, offsets[:-1], offsets[1:])
    for step in _steps(args):
        done = done.edited(step(done.text))
    return done


def _steps(args: CleaningArgs) -> Iterator[Callable[[str], Iterable[Edit]]]:
    if args.boilerplate:
        yield from (_frame, _hidden, _tags, _notes)
    if args.headings == "drop":
        yield lambda text: (Edit(start, end, "") for start, end in headings(text))
    if args.form is not None:
        form = args.form
        yield lambda text: _composed(text, form)
    if args.urls != "keep":
        mark = URL_MARK if args.urls == "mark" else ""
        yield lambda text: _urls(text, mark)
    if args.numbers != "keep":
        number = NUMBER_MARK if args.numbers == "mark" else ""
        yield lambda text: (Edit(*match.span(), number) for match in _NUMBER.finditer(text))
    if args.accents == "fold":
        yield lambda text: _by_character(text, _without_accents)
    if args.case != "keep":
        yield lambda text: _by_character(text, str.lower if args.case == "lower" else str.casefold)
    if args.whitespace != "keep":
        joined = args.whitespace == "paragraphs"
        yield lambda text: _blanks(text, joined=joined)


def _frame(text: str) -> Iterator[Edit]:
    """Remove the text that Project Gutenberg adds before and after a book."""
    first = _GUTENBERG_START.search(text)
    start = first.end() if first else 0
    last = _GUTENBERG_END.search(text, start)
    if first:
        yield Edit(0, start, "")
    if last:
        yield Edit(last.start(), len(text), "")


def _hidden(text: str) -> Iterator[Edit]:
    """Remove HTML comments, scripts and styles that are closed."""
    lowered = text.translate(_LOWER)
    place = 0
    known = {opening: lowered.find(opening) for opening, _ in _HIDDEN}
    while True:
        for opening, at in known.items():
            if 0 <= at < place:
                known[opening] = lowered.find(opening, place)
        openings = [(at, opening) for opening, at in known.items() if at >= 0]
        if not openings:
            return
        at, opening = min(openings)
        closing = dict(_HIDDEN)[opening]
        end = lowered.find(closing, at + len(opening))
        if end < 0:  # never closed: none of its kind is looked for again
            known[opening] = -1
            continue
        place = end + len(closing)
        yield Edit(at, place, "")


def _tags(text: str) -> Iterator[Edit]:
    pattern = re.compile(f"{_TAG.pattern}|{_ENTITY.pattern}")
    for match in pattern.finditer(text):
        if match[1] is None:
            plain = html.unescape(match[0])
            if plain != match[0]:
                yield Edit(*match.span(), plain)
        elif _BLOCK.fullmatch(match[1].lower()):
            yield Edit(*match.span(), "\n\n" if match[1].lower() == "p" else "\n")
        elif _INLINE.fullmatch(match[1].lower()):
            yield Edit(*match.span(), "")


def _notes(text: str) -> Iterator[Edit]:
    pattern = re.compile(f"{_NOTE.pattern}|{_PAGE_LINE.pattern}", re.MULTILINE | re.IGNORECASE)
    for match in pattern.finditer(text):
        yield Edit(*match.span(), "")


def _composed(text: str, form: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> Iterator[Edit]:
    """Normalise each character together with its marks, where the normal form differs."""
    for run in _NO_ASCII.finditer(text):
        for match in _clusters().finditer(text, max(run.start() - 1, 0), run.end()):
            plain = unicodedata.normalize(form, match[0])
            if plain != match[0]:
                yield Edit(*match.span(), plain)


@cache
def _clusters() -> re.Pattern[str]:
    """Match a character with the marks and the parts of Hangul and kana that compose with it."""
    hangul = (*range(0x1160, 0x1200), *range(0x3131, 0x318F), *range(0xFF9E, 0xFFDD))
    signs = marks() + "".join(map(chr, hangul))
    return re.compile(f".[{signs}]{{1,{MOST_MARKS}}}|[^\\x00-\\x7f]", re.DOTALL)


def _urls(text: str, mark: str) -> Iterator[Edit]:
    for match in _URL.finditer(text):
        closing = "" if "(" in match[0] else ")"
        address = match[0].rstrip(".,;:!?'" + closing)
        yield Edit(match.start(), match.start() + len(address), mark)


def _by_character(text: str, change: Callable[[str], str]) -> Iterator[Edit]:
    changed = {character: change(character) for character in set(text)}
    for place, character in enumerate(text):
        if changed[character] != character:
            yield Edit(place, place + 1, changed[character])


def _without_accents(character: str) -> str:
    if "\u0300" <= character <= "\u036f":
        return ""
    parts = unicodedata.normalize("NFD", character)
    if parts == character:
        return character
    return unicodedata.normalize("NFC", "".join(p for p in parts if not "\u0300" <= p <= "\u036f"))


def _blanks(text: str, *, joined: bool) -> Iterator[Edit]:
    for match in _BLANKS.finditer(text):
        run = match[0]
        breaks = sum(1 for _ in _BREAK.finditer(run))
        if run[0] in "\ufeff\xad":
            plain = ""
        elif breaks > 1:
            plain = "\n\n"
        else:
            plain = "\n" if breaks and not joined else " "
        if plain != run:
            yield Edit(*match.span(), plain)
