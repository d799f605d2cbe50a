"""Entity recognition without a model: article titles, titles of persons, repeated capitals.

It finds less than :mod:`bytelatent.graph.entities` and no relations; it is used where spaCy is
missing. It finds three types of entities, the longest match first:

- ``PERSON``: "Mr.", "Lady", "Captain" and the like with the capitalised words behind them;
- ``TITLE``: the title of one of ten thousand Wikipedia articles, written with a capital;
- ``NAME``: a capitalised word inside a sentence that the text repeats and never writes small.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources

from bytelatent.graph.cleaning import FINDER_CLEANING, CleaningArgs, clean
from bytelatent.graph.mentions import Mention, Progress, Sentence
from bytelatent.graph.name_words import NO_NAMES, STOP_WORDS, TITLES
from bytelatent.graph.names import is_name, key_of, trimmed

PERSON, TITLE, NAME = "PERSON", "TITLE", "NAME"
TITLES_FILE = "vital_articles.txt"
REPEATED = 3
"""Minimum number of times that a capitalised word must occur inside a sentence to be a name."""
LONGEST = 6
"""Maximum number of words of an article title that is matched."""
_WORD = re.compile(r"[^\W\d_][\w'’-]*\.?|\d[\w.,-]*")
_SENTENCE_END = re.compile(r"[.!?…]['\"”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z\u00c0-\u00de0-9])|\n\s*\n\s*")
_ABBREVIATION = re.compile(rf"(?i)\b(?:{'|'.join(sorted(TITLES))}|jr|sr|vs|etc|no|vol|[a-z])\.$")
_INITIAL = re.compile(r"[^\W\d_]\.?")
_MOST = 20_000
"""Maximum number of characters per sentence."""


class GazetteerFinder:
    """Finder of entities by word lists and capitals; it needs only this package."""

    name = "gazetteer"

    def find(self, text: str, progress: Progress | None = None) -> Iterator[Sentence]:
        """Yield the sentences of ``text`` that mention an entity, in order."""
        cleaned = clean(text, FINDER_CLEANING)
        plain = cleaned.text
        names = _repeated(plain)
        for start, end in sentences(plain):
            mentions = []
            for first, last, label in _names(plain, start, end, names):
                low, high = cleaned.original(first, last)
                mentions.append(Mention(low, high, text[low:high], label))
            if mentions:
                low, high = cleaned.original(start, end)
                yield Sentence(low, high, mentions)
            if progress is not None:
                progress(end, len(plain))


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield sentence spans; a sentence ends at a full stop before a capital, unless abbreviated."""
    start = 0
    for boundary in [*_SENTENCE_END.finditer(text), None]:
        if (
            boundary
            and "\n" not in boundary[0].strip(" ")
            and _ABBREVIATION.search(text, max(start, boundary.start() - 20), boundary.start() + 1)
        ):
            continue
        end = boundary.end() if boundary else len(text)
        for first in range(start, end, _MOST):
            part = text[first : min(first + _MOST, end)]
            low = first + len(part) - len(part.lstrip())
            high = first + len(part.rstrip())
            if low < high:
                yield low, high
        start = end


def _names(
    text: str, start: int, end: int, names: frozenset[str]
) -> Iterator[tuple[int, int, str]]:
    """Yield the position and type of each name of a sentence."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(text, start, end)]
    place = 0
    while place < len(words):
        size, label = _at(text, words, place, names)
        if size:
            first, last = trimmed(
                text[words[place][0] : words[place + size - 1][1]], words[place][0]
            )
            if is_name(text[first:last]):
                yield first, last, label
        place += max(size, 1)


def _at(
    text: str, words: list[tuple[int, int]], place: int, names: frozenset[str]
) -> tuple[int, str]:
    """Return how many words from ``place`` on are a name, and its type; 0 for none."""
    first = text[words[place][0] : words[place][1]]
    if not first[:1].isupper():
        return 0, ""
    if first.rstrip(".").casefold() in TITLES and (size := _capitals(text, words, place)) > 1:
        return size, PERSON
    opens = place == 0
    for size in range(min(LONGEST, len(words) - place), 0, -1):
        part = text[words[place][0] : words[place + size - 1][1]]
        name = part[slice(*trimmed(part))]
        if name in _titles() and (size > 1 or not opens or name in names):
            return size, TITLE
    run = _capitals(text, words, place)
    while run and not _all_known(text, words[place : place + run], names):
        run -= 1
    return run, NAME


def _capitals(text: str, words: list[tuple[int, int]], place: int) -> int:
    """Count capitalised words from ``place`` on with only blanks between them, three at most."""
    size = 1
    while size < 4 and place + size < len(words):
        gap = text[words[place + size - 1][1] : words[place + size][0]]
        before = text[words[place + size - 1][0] : words[place + size - 1][1]]
        ends = before.endswith(".") and not _goes_on(before)
        word = text[slice(*words[place + size])]
        if gap.strip() or "\n\n" in gap or ends or not word[0].isupper():
            break
        if word.casefold() in STOP_WORDS:
            break
        size += 1
    return size


def _goes_on(word: str) -> bool:
    """Return whether a full stop ends no name: after a title, and after an initial."""
    return word.rstrip(".").casefold() in TITLES or _INITIAL.fullmatch(word) is not None


def _all_known(text: str, words: list[tuple[int, int]], names: frozenset[str]) -> bool:
    """Return whether words are names, besides initials between them."""
    ends = words[0], words[-1]
    return all(
        _bare(text, word) in names
        or (word not in ends and _INITIAL.fullmatch(text[slice(*word)]) is not None)
        for word in words
    )


def _bare(text: str, word: tuple[int, int]) -> str:
    part = text[slice(*word)]
    return part[slice(*trimmed(part))]


def _repeated(text: str) -> frozenset[str]:
    """Return words that are often capitalised inside sentences and never in lower case."""
    inside: Counter[str] = Counter()
    small: set[str] = set()
    for start, end in sentences(text):
        for number, match in enumerate(_WORD.finditer(text, start, end)):
            word = _bare(text, match.span())
            if word[:1].islower():
                small.add(word)
            elif number and word[:1].isupper() and text[match.start() - 1] in " \n-—":
                inside[word] += 1
    return frozenset(
        word
        for word, count in inside.items()
        if count >= REPEATED
        and len(word) > 1
        and word.lower() not in small
        and word.casefold() not in NO_NAMES
        and word.casefold() not in TITLES
    )


@cache
def _titles() -> frozenset[str]:
    """Return the article titles as texts write them: accents folded, brackets removed."""
    file = resources.files("bytelatent.graph") / "titles" / TITLES_FILE
    lines = file.read_text(encoding="utf-8").splitlines()
    plain = (
        re.sub(r" \(.*\)$", "", clean(line, CleaningArgs(accents="fold")).text) for line in lines
    )
    return frozenset(title for title in plain if is_name(title) and key_of(title) not in NO_NAMES)
