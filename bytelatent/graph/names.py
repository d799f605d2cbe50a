"""Merging of names that mean the same entity; a wrong merge is worse than a missing one.

"Mr. Darcy", "Darcy" and "Fitzwilliam Darcy" are merged if the text has no other man of that name;
"Mr. Bennet", "Mrs. Bennet", "Miss Bennet" and "Jane Bennet" stay separate.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bytelatent.graph.name_words import (
    FEMALE_TITLES,
    FIRST_NAMES,
    MALE_TITLES,
    NO_NAMES,
    STOP_WORDS,
    TITLES,
)

PERSON = "PERSON"
SURE = 2.5
"""Minimum log odds at which pronouns decide the gender of a name."""
NEAR = 2000
"""Maximum distance in characters between a first name alone and the whole name."""
CLEAR = 4
"""Minimum ratio of mentions between the person that a first name alone means and all others."""
PLACE = 0.25
"""Minimum share of mentions after "in", "at" or "near" at which a name is a location."""
_DOUBT = 5
"""Number of prior pronouns per gender for a text with few titles; three of four are right."""

_SAME = {"u.s.": "united states", "u.s": "united states", "usa": "united states"}
_SAME |= {"u.s.a.": "united states", "united states of america": "united states"}
_LEADING = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_POSSESSIVE = re.compile(r"(?:['’]s|(?<=s)['’])$", re.IGNORECASE)
_WITH_FIRST_NAMES = (
    "miss",
    "mr",
    "master",
    "sir",
    "lady",
    "prince",
    "princess",
    "king",
    "queen",
    "saint",
    "st",
)
"""Titles that may precede a first name alone."""
_RANKS = ("sir", "lady", "lord", "prince", "princess", "king", "queen", "saint", "st")
"""Titles of people who are not called by their surname alone."""
_OF_PEOPLE = frozenset(("mr", "mrs", "miss", "ms", "sir", "lady", "dr", "colonel", "captain"))
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


@dataclass(frozen=True)
class _Form:
    """Parts of a name: ``Miss Jane Bennet`` is ``miss`` and ``("jane", "bennet")``."""

    key: str
    title: str
    parts: tuple[str, ...]
    gender: str
    person: bool
    use: NameUse


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


def key_of(text: str) -> str:
    """Return the key of a name, which ignores accents, capitals, blanks and full stops."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("’", "'")
    words = [
        word.rstrip(".") if word.rstrip(".") in TITLES else word
        for word in plain.casefold().split()
    ]
    joined = " ".join(words)
    return _SAME.get(joined, joined)


def merge(uses: Mapping[str, NameUse], aliases: Iterable[Iterable[str]] = ()) -> dict[str, str]:
    """Merge keys of the same entity; return the first key of its group for every key.

    Args:
        uses: uses of each key of :func:`key_of`.
        aliases: groups of keys that the user declared the same; no rule separates them.
    """
    groups = _Groups(uses)
    for names in aliases:
        first, *others = [name for name in names if name in uses] or [""]
        for other in others:
            groups.join(first, other)
    rates = _pronoun_rates(uses)
    forms = [_form(key, use, rates) for key, use in uses.items()]
    surnames = {form.parts[-1] for form in forms if form.title and len(form.parts) == 1}
    firsts = {form.parts[0] for form in forms if form.person and len(form.parts) > 1}
    people = [
        form
        for form in forms
        if form.person
        or form.parts[-1] in surnames
        or (len(form.parts) == 1 and form.parts[0] in firsts and form.gender)
    ]
    for rule in (_longer, _titled, _family, _first_names, _surnames):
        for short, long in rule(people, groups):
            groups.join(long, short)
    return {key: groups.of(key) for key in uses}


class _Groups:
    """Disjoint sets of keys (union-find)."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._parent = {key: key for key in keys}

    def of(self, key: str) -> str:
        while self._parent[key] != key:
            key = self._parent[key]
        return key

    def join(self, first: str, second: str) -> None:
        self._parent[self.of(second)] = self.of(first)

    def only(self, forms: Iterable[_Form]) -> _Form | None:
        """Return a form of the group that contains all forms; None for no or several groups."""
        groups = {self.of(form.key): form for form in forms}
        return next(iter(groups.values())) if len(groups) == 1 else None

    def main(self, forms: Iterable[_Form]) -> _Form | None:
        """Return a form of the group with by far the most mentions; None if no group has."""
        forms, counts = list(forms), Counter[str]()
        for form in forms:
            counts[self.of(form.key)] += form.use.count
        (best, most), *_ = counts.most_common(1) or [("", 0)]
        if not best or most < CLEAR * (counts.total() - most):
            return None
        return next(form for form in forms if self.of(form.key) == best)


_Pairs = list[tuple[str, str]]


def _longer(people: list[_Form], groups: _Groups) -> _Pairs:
    """Merge "Lady Catherine" into "Lady Catherine de Bourgh" if only one name extends it."""
    pairs = []
    for short in people:
        size = len(short.parts)
        longer = [
            form
            for form in people
            if short.title
            and form.title == short.title
            and len(form.parts) > size
            and form.parts[:size] == short.parts
        ]
        if longer and (long := groups.only(longer)):
            pairs.append((short.key, long.key))
    return pairs


def _titled(people: list[_Form], groups: _Groups) -> _Pairs:
    """Merge "Elizabeth Bennet" into "Miss Elizabeth Bennet", unless there is a "Mrs." too."""
    pairs = []
    for plain in people:
        titled = [form for form in people if form.title and form.parts == plain.parts]
        if not plain.title and len(plain.parts) > 1 and (long := groups.only(titled)):
            pairs.append((plain.key, long.key))
    return pairs


def _family(people: list[_Form], groups: _Groups) -> _Pairs:
    """Merge "Mr. Darcy" into "Fitzwilliam Darcy" if no other man of that surname is known.

    The same rule holds for "Miss" and women; for women the gender must be known.
    """
    pairs = []
    for short in people:
        if short.title not in ("mr", "miss") or len(short.parts) != 1:
            continue
        gender = "m" if short.title == "mr" else "f"
        full = [form for form in people if len(form.parts) > 1 and form.parts[-1] == short.parts[0]]
        fits = [form for form in full if form.gender in ("", gender)]
        fits = [form for form in fits if form.title in ("", short.title)]
        sure = gender == "m" or all(form.gender == gender for form in fits)
        if sure and (long := groups.only(fits)):
            pairs.append((short.key, long.key))
    return pairs


def _first_names(people: list[_Form], groups: _Groups) -> _Pairs:
    """Merge "Elizabeth" and "Miss Elizabeth" into "Elizabeth Bennet" if she is the only one."""
    surnames = {
        form.parts[0]
        for form in people
        if len(form.parts) == 1 and form.title and form.title not in _WITH_FIRST_NAMES
    } | {form.parts[-1] for form in people if len(form.parts) > 1}
    pairs = []
    for short in people:
        if len(short.parts) != 1 or short.title not in ("", "miss", "mr", "master"):
            continue
        if short.parts[0] in surnames:
            continue
        full = [form for form in people if len(form.parts) > 1 and form.parts[0] == short.parts[0]]
        if any(form.title not in ("", "miss", "mr", "ms", "master") for form in full):
            continue
        near = _near(short.use.starts, [place for form in full for place in form.use.starts])
        if near and (long := groups.main(full)) and short.gender in ("", long.gender):
            pairs.append((short.key, long.key))
    return pairs


def _surnames(people: list[_Form], groups: _Groups) -> _Pairs:
    """Merge "Darcy" into the one person of that surname, or of that surname and gender."""
    firsts = {form.parts[0] for form in people if len(form.parts) > 1}
    pairs = []
    for bare in people:
        if bare.title or len(bare.parts) != 1 or bare.parts[0] in firsts:
            continue
        family = [form for form in people if form is not bare and form.parts[-1] == bare.parts[0]]
        family = [form for form in family if form.title or len(form.parts) > 1]
        family = [form for form in family if form.title not in _RANKS]
        if bare.gender:
            family = [form for form in family if form.gender in ("", bare.gender)]
        if long := groups.only(family):
            pairs.append((bare.key, long.key))
    return pairs


def _near(positions: list[int], others: list[int]) -> bool:
    """Return whether at least a third of ``others`` have one of ``positions`` near them."""
    near = sum(any(abs(position - other) <= NEAR for position in positions) for other in others)
    return near * 3 >= len(others) > 0


def _form(key: str, use: NameUse, rates: tuple[float, float]) -> _Form:
    words = key.split()
    title = ""
    while len(words) > 1 and words[0].rstrip(".") in TITLES:
        title = words.pop(0).rstrip(".")
    person = bool(title) or (bool(use.labels) and use.labels.most_common(1)[0][0] == PERSON)
    return _Form(key, title, tuple(words), _gender(title, words, use, rates), person, use)


def _gender(title: str, words: list[str], use: NameUse, rates: tuple[float, float]) -> str:
    """Return ``m``, ``f``, or an empty string if the gender is unknown."""
    if title in MALE_TITLES or title in FEMALE_TITLES:
        return "m" if title in MALE_TITLES else "f"
    named = next((sex for sex, names in FIRST_NAMES.items() if words[0] in names), "")
    return named or gender_by_pronouns(use, rates)


def kind_of(keys: Iterable[str], uses: Mapping[str, NameUse]) -> str:
    """Return the entity type of a group of names, by majority of the finder's labels.

    The text overrules the majority: by a title, by "he" or "she" after a first name, and by "in" or
    "at" before a name that was labelled an organisation or a person.
    """
    keys = list(keys)
    total, rates = NameUse(), _pronoun_rates(uses)
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


def _pronoun_rates(uses: Mapping[str, NameUse]) -> tuple[float, float]:
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
