"""Which names mean the same: careful, since a wrong merge is worse than none.

"Mr. Darcy", "Darcy" and "Fitzwilliam Darcy" become one where no other man of that name is about;
"Mr. Bennet", "Mrs. Bennet", "Miss Bennet" and "Jane Bennet" stay apart.
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
"""Logarithm of the odds from which pronouns tell a man from a woman."""
NEAR = 2000
"""Characters within which a first name alone must stand near the whole name."""
CLEAR = 4
"""How many times more mentions the one must have that a first name alone means."""
PLACE = 0.25
"""Share of mentions behind "in", "at" or "near" from which a name is that of a place."""
_DOUBT = 5
"""Pronouns of each sex that stand in for a text with few titles: three of four are right."""

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
"""Titles that may stand in front of a first name alone."""
_RANKS = ("sir", "lady", "lord", "prince", "princess", "king", "queen", "saint", "st")
"""Titles of people who are not called by their last name alone."""
_OF_PEOPLE = frozenset(("mr", "mrs", "miss", "ms", "sir", "lady", "dr", "colonel", "captain"))
"""Titles that no place has; others are in "St. James" and "King George Island"."""
_NO_NAME_HAS = frozenset(',;:!?"“”()[]{}<>=|\\@#~^*')
_EDGES = " \t\r\n\"'“”‘’«»`_*-–—.,;:!?()[]{}…"


@dataclass
class NameUse:
    """How a name is used in a text.

    Attributes:
        count: mentions.
        labels: kinds that the finder took it for.
        he, she: times that this pronoun follows it in the sentence.
        placed: times that "in", "at" or "near" stands in front of it.
        places: where its mentions begin.
    """

    count: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    he: int = 0
    she: int = 0
    placed: int = 0
    places: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Form:
    """A name in parts: ``Miss Jane Bennet`` is ``miss`` and ``("jane", "bennet")``."""

    key: str
    title: str
    parts: tuple[str, ...]
    gender: str
    person: bool
    use: NameUse


def trimmed(text: str, start: int = 0) -> tuple[int, int]:
    """Where in ``text`` the name is: no article, possessive, quotes or blanks around it.

    Args:
        text: the words that a finder took for a name.
        start: added to both places.

    Returns:
        Start and end; equal if nothing is left.
    """
    first, last = 0, len(text)
    while True:
        before = (first, last)
        part = text[first:last]
        first += len(part) - len(part.lstrip(_EDGES))
        part = text[first:last]
        last -= len(part) - len(part.rstrip(_EDGES))
        last += text[last : last + 1] == "." and _abbreviated(text[first:last])
        if found := _POSSESSIVE.search(text[first:last]):
            last = first + found.start()
        if found := _LEADING.match(text[first:last]):
            first += found.end()
        if (first, last) == before or first >= last:
            return start + first, start + max(first, last)


def is_name(text: str) -> bool:
    """Whether some words may be the name of something: a capital letter, no stop word alone."""
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
    """The same for all spellings of a name: accents, capitals, blanks and full stops aside."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("’", "'")
    words = [
        word.rstrip(".") if word.rstrip(".") in TITLES else word
        for word in plain.casefold().split()
    ]
    joined = " ".join(words)
    return _SAME.get(joined, joined)


def merge(uses: Mapping[str, NameUse], given: Iterable[Iterable[str]] = ()) -> dict[str, str]:
    """Which keys are one: every key to the first key of its group.

    Args:
        uses: keys of :func:`key_of` with their use.
        given: groups of keys that the user holds for one; kept whatever the rules say.
    """
    groups = _Groups(uses)
    for names in given:
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
    """Sets of keys that are joined."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._parent = {key: key for key in keys}

    def of(self, key: str) -> str:
        while self._parent[key] != key:
            key = self._parent[key]
        return key

    def join(self, first: str, second: str) -> None:
        self._parent[self.of(second)] = self.of(first)

    def only(self, forms: Iterable[_Form]) -> _Form | None:
        """A form of the one group that all of some forms belong to; None for none or several."""
        found = {self.of(form.key): form for form in forms}
        return next(iter(found.values())) if len(found) == 1 else None

    def main(self, forms: Iterable[_Form]) -> _Form | None:
        """A form of the group with by far the most mentions of some forms; None for none."""
        forms, counts = list(forms), Counter[str]()
        for form in forms:
            counts[self.of(form.key)] += form.use.count
        (best, most), *_ = counts.most_common(1) or [("", 0)]
        if not best or most < CLEAR * (counts.total() - most):
            return None
        return next(form for form in forms if self.of(form.key) == best)


_Pairs = list[tuple[str, str]]


def _longer(people: list[_Form], groups: _Groups) -> _Pairs:
    """ "Lady Catherine" is "Lady Catherine de Bourgh" if there is only one."""
    found = []
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
            found.append((short.key, long.key))
    return found


def _titled(people: list[_Form], groups: _Groups) -> _Pairs:
    """ "Elizabeth Bennet" is "Miss Elizabeth Bennet", unless there is a "Mrs." too."""
    found = []
    for plain in people:
        titled = [form for form in people if form.title and form.parts == plain.parts]
        if not plain.title and len(plain.parts) > 1 and (long := groups.only(titled)):
            found.append((plain.key, long.key))
    return found


def _family(people: list[_Form], groups: _Groups) -> _Pairs:
    """ "Mr. Darcy" is "Fitzwilliam Darcy" if no other man of the name has a first name.

    The same for "Miss" and women; for them the sex must be known.
    """
    found = []
    for short in people:
        if short.title not in ("mr", "miss") or len(short.parts) != 1:
            continue
        wanted = "m" if short.title == "mr" else "f"
        full = [form for form in people if len(form.parts) > 1 and form.parts[-1] == short.parts[0]]
        fits = [form for form in full if form.gender in ("", wanted)]
        fits = [form for form in fits if form.title in ("", short.title)]
        sure = wanted == "m" or all(form.gender == wanted for form in fits)
        if sure and (long := groups.only(fits)):
            found.append((short.key, long.key))
    return found


def _first_names(people: list[_Form], groups: _Groups) -> _Pairs:
    """ "Elizabeth" and "Miss Elizabeth" are "Elizabeth Bennet" if she is the only one."""
    surnames = {
        form.parts[0]
        for form in people
        if len(form.parts) == 1 and form.title and form.title not in _WITH_FIRST_NAMES
    } | {form.parts[-1] for form in people if len(form.parts) > 1}
    found = []
    for short in people:
        if len(short.parts) != 1 or short.title not in ("", "miss", "mr", "master"):
            continue
        if short.parts[0] in surnames:
            continue
        full = [form for form in people if len(form.parts) > 1 and form.parts[0] == short.parts[0]]
        if any(form.title not in ("", "miss", "mr", "ms", "master") for form in full):
            continue
        near = _near(short.use.places, [place for form in full for place in form.use.places])
        if near and (long := groups.main(full)) and short.gender in ("", long.gender):
            found.append((short.key, long.key))
    return found


def _surnames(people: list[_Form], groups: _Groups) -> _Pairs:
    """ "Darcy" is the one person of that surname, or the one man if "he" follows, or woman."""
    firsts = {form.parts[0] for form in people if len(form.parts) > 1}
    found = []
    for bare in people:
        if bare.title or len(bare.parts) != 1 or bare.parts[0] in firsts:
            continue
        family = [form for form in people if form is not bare and form.parts[-1] == bare.parts[0]]
        family = [form for form in family if form.title or len(form.parts) > 1]
        family = [form for form in family if form.title not in _RANKS]
        if bare.gender:
            family = [form for form in family if form.gender in ("", bare.gender)]
        if one := groups.only(family):
            found.append((bare.key, one.key))
    return found


def _near(places: list[int], others: list[int]) -> bool:
    """Whether a third of ``others`` or more have one of ``places`` near them."""
    near = sum(any(abs(place - other) <= NEAR for place in places) for other in others)
    return near * 3 >= len(others) > 0


def _form(key: str, use: NameUse, rates: tuple[float, float]) -> _Form:
    words = key.split()
    title = ""
    while len(words) > 1 and words[0].rstrip(".") in TITLES:
        title = words.pop(0).rstrip(".")
    person = bool(title) or (bool(use.labels) and use.labels.most_common(1)[0][0] == PERSON)
    return _Form(key, title, tuple(words), _gender(title, words, use, rates), person, use)


def _gender(title: str, words: list[str], use: NameUse, rates: tuple[float, float]) -> str:
    """``m``, ``f``, or nothing if unknown."""
    if title in MALE_TITLES or title in FEMALE_TITLES:
        return "m" if title in MALE_TITLES else "f"
    named = next((sex for sex, names in FIRST_NAMES.items() if words[0] in names), "")
    return named or told_by_pronouns(use, rates)


def kind_of(keys: Iterable[str], uses: Mapping[str, NameUse]) -> str:
    """What kind of entity some names of one thing are, by majority of what the finder says.

    It is overruled where the text says more: by a title, by "he" or "she" behind a first name, and
    by "in" or "at" in front of what is taken for an organisation or a person.
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
    sex = told_by_pronouns(total, rates)
    if any(key.split()[0] in FIRST_NAMES.get(sex, ()) for key in keys):
        return PERSON
    placed = total.placed > 1 and total.placed >= PLACE * total.count
    return "LOC" if placed and kind not in ("GPE", "FAC", "LOC", "NORP", "TITLE") else kind


def told_by_pronouns(use: NameUse, rates: tuple[float, float]) -> str:
    """The sex that the pronouns behind a name tell; nothing if they are few or disagree.

    In a novel about women "she" follows a man's name as well, but less than a woman's.
    """
    man, woman = rates
    odds = use.he * math.log(man / woman) + use.she * math.log((1 - man) / (1 - woman))
    if abs(odds) < SURE or man <= woman:
        return ""
    return "m" if odds > 0 else "f"


def _pronoun_rates(uses: Mapping[str, NameUse]) -> tuple[float, float]:
    """Share of "he" among the pronouns behind men's names and behind women's, told by titles."""
    rates = []
    for titles, first in ((MALE_TITLES, 0.75), (FEMALE_TITLES, 0.25)):
        titled = [use for key, use in uses.items() if key.split()[0] in titles]
        he, she = sum(use.he for use in titled), sum(use.she for use in titled)
        rates.append((he + first * _DOUBT) / (he + she + _DOUBT))
    return rates[0], rates[1]


def _abbreviated(text: str) -> bool:
    """Whether a full stop belongs to the name: ``U.S.``, ``Jr.``"""
    return bool(re.search(r"(?:\b[A-Z]\.)+[A-Z]$|\b(?:Jr|Sr|Inc|Co|Corp|Ltd)$", text))
