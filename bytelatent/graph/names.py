"""Names in a text: which words are one, its key, and its type of entity."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bytelatent.graph.name_words import (
    CALLINGS,
    FEMALE_TITLES,
    FIRST_NAMES,
    MALE_TITLES,
    NO_NAMES,
    STOP_WORDS,
    TITLES,
    WHOLE_TITLES,
)

PERSON = "PERSON"

SURE = 2.5
"""Minimum log odds at which pronouns decide the gender of a name."""

PLACE = 0.25
"""Minimum share of mentions after "in", "at" or "near" at which a name is a location."""

_DOUBT = 5
"""Number of prior pronouns per gender for a text with few titles; three of four are right."""

_SAME = {"u.s.": "united states", "u.s": "united states", "usa": "united states"}

_SAME |= {"u.s.a.": "united states", "united states of america": "united states"}

_LEADING = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)

_POSSESSIVE = re.compile(r"(?:['’]s|(?<=s)['’])$", re.IGNORECASE)

_OF_PEOPLE = frozenset(("mr", "mrs", "miss", "ms", "sir", "lady")) | CALLINGS
"""Titles that no location has; other titles occur in "St. James" and "King George Island"."""

_NO_NAME_HAS = frozenset(',;:!?"“”()[]{}<>=|\\@#~^*')

_EDGES = " \t\r\n\"'“”‘’«»`_*-–—.,;:!?()[]{}…"


@dataclass
class NameUse:
    """Counts of the uses of a name in a text.

    Attributes:
        count: number of mentions.
        labels: number of mentions by entity type that the finder assigned.
        he, she: number of times that this pronoun follows the name in the sentence.
        placed: number of times that "in", "at" or "near" precedes the name.
        starts: positions at which the mentions begin.
    """

    count: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    he: int = 0
    she: int = 0
    placed: int = 0
    starts: list[int] = field(default_factory=list)


def trimmed(text: str, start: int = 0) -> tuple[int, int]:
    """Return the span of the name in ``text`` without article, possessive, quotes or blanks.

    Args:
        text: the words that a finder took for a name.
        start: offset that is added to both ends.

    Returns:
        Start and end; they are equal if nothing is left.
    """
    first, last = 0, len(text)
    while True:
        before = (first, last)
        part = text[first:last]
        first += len(part) - len(part.lstrip(_EDGES))
        part = text[first:last]
        last -= len(part) - len(part.rstrip(_EDGES))
        last += text[last : last + 1] == "." and _abbreviated(text[first:last])
        if match := _POSSESSIVE.search(text[first:last]):
            last = first + match.start()
        if match := _LEADING.match(text[first:last]):
            first += match.end()
        if (first, last) == before or first >= last:
            return start + first, start + max(first, last)


def is_name(text: str) -> bool:
    """Return whether words may be a name: they have a capital and are not one stop word."""
    words = [word.strip(_EDGES) for word in text.casefold().split()]
    if not any(c.isupper() for c in text) or len("".join(words)) < 2 or len(text) > 80:
        return False
    if any(sign in text for sign in _NO_NAME_HAS):
        return False
    if len(words) == 1 and re.split("['’]", words[0])[0] in STOP_WORDS:
        return False
    if not any(word.strip(_EDGES)[:1].isupper() for word in text.split()):
        return False
    return not all(word in NO_NAMES or word in TITLES or not word for word in words)


def is_latin(character: str) -> bool:
    """Return whether a letter belongs to the Latin script; English is written in it."""
    return unicodedata.name(character, "").startswith(("LATIN", "FULLWIDTH LATIN"))


def key_of(text: str) -> str:
    """Return the key of a name, which ignores accents, capitals, blanks and full stops.

    A title has one key for its word and its abbreviation: "Dr. Watson", "Doctor Watson".
    """
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("’", "'")
    words = [
        word.rstrip(".") if word.rstrip(".") in TITLES else word
        for word in plain.casefold().split()
    ]
    if len(words) > 1:
        words[0] = WHOLE_TITLES.get(words[0], words[0])
    joined = " ".join(words)
    return _SAME.get(joined, joined)


def kind_of(keys: Iterable[str], uses: Mapping[str, NameUse]) -> str:
    """Return the entity type of a group of names, by majority of the finder's labels.

    The text overrules the majority: by a title, by "he" or "she" after a first name, and by "in" or
    "at" before a name that was labelled an organisation or a person.
    """
    keys = list(keys)
    total, rates = NameUse(), pronoun_rates(uses)
    for use in (uses[key] for key in keys):
        total.labels += use.labels
        total.count, total.placed = total.count + use.count, total.placed + use.placed
        total.he, total.she = total.he + use.he, total.she + use.she
    kind = total.labels.most_common(1)[0][0]
    titles = {words[0] for key in keys if len(words := key.split()) > 1 and words[0] in TITLES}
    if titles & _OF_PEOPLE or (titles and kind not in ("FAC", "LOC", "GPE")):
        return PERSON
    sex = gender_by_pronouns(total, rates)
    if any(key.split()[0] in FIRST_NAMES.get(sex, ()) for key in keys):
        return PERSON
    placed = total.placed > 1 and total.placed >= PLACE * total.count
    return "LOC" if placed and kind not in ("GPE", "FAC", "LOC", "NORP", "TITLE") else kind


def gender_by_pronouns(use: NameUse, rates: tuple[float, float]) -> str:
    """Return the gender by the pronouns after a name; empty if they are few or disagree.

    In a novel about women "she" follows a man's name too, but less often than a woman's.
    """
    man, woman = rates
    odds = use.he * math.log(man / woman) + use.she * math.log((1 - man) / (1 - woman))
    if abs(odds) < SURE or man <= woman:
        return ""
    return "m" if odds > 0 else "f"


def pronoun_rates(uses: Mapping[str, NameUse]) -> tuple[float, float]:
    """Return the share of "he" among the pronouns after men's and after women's names.

    Titles tell which names are men's and which are women's.
    """
    rates = []
    for titles, first in ((MALE_TITLES, 0.75), (FEMALE_TITLES, 0.25)):
        titled = [use for key, use in uses.items() if key.split()[0] in titles]
        he, she = sum(use.he for use in titled), sum(use.she for use in titled)
        rates.append((he + first * _DOUBT) / (he + she + _DOUBT))
    return rates[0], rates[1]


def _abbreviated(text: str) -> bool:
    """Return whether a full stop belongs to the name: ``U.S.``, ``Jr.``"""
    return bool(re.search(r"(?:\b[A-Z]\.)+[A-Z]$|\b(?:Jr|Sr|Inc|Co|Corp|Ltd)$", text))
