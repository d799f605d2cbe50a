"""Merging of names that mean the same entity; a wrong merge is worse than a missing one.

"Mr. Darcy", "Darcy" and "Fitzwilliam Darcy" are merged if the text has no other man of that name;
"Mr. Bennet", "Mrs. Bennet", "Miss Bennet" and "Jane Bennet" stay separate. "Captain Wentworth" and
"Frederick Wentworth" are merged if nobody else has that surname; "John H. Watson" and "John Watson"
if no other initial occurs between these names.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bytelatent.graph.name_words import CALLINGS, FEMALE_TITLES, FIRST_NAMES, MALE_TITLES, TITLES
from bytelatent.graph.names import PERSON, NameUse, gender_by_pronouns, pronoun_rates

NEAR = 2000
"""Maximum distance in characters between a first name alone and the whole name."""

CLEAR = 4
"""Minimum ratio of mentions between the person that a first name alone means and all others."""

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


@dataclass(frozen=True)
class _Form:
    """Parts of a name: ``Miss Jane A. Bennet`` is ``miss``, ``("jane", "bennet")`` and ``("a",)``.

    The initials are those between the first and the last of the parts.
    """

    key: str
    title: str
    parts: tuple[str, ...]
    initials: tuple[str, ...]
    gender: str
    person: bool
    use: NameUse


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
    rates = pronoun_rates(uses)
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
    for rule in (_initials, _longer, _titled, _family, _callings, _first_names, _surnames):
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


def _initials(people: list[_Form], groups: _Groups) -> _Pairs:
    """Merge "John Watson" and "John H. Watson" if no other initial occurs between these names."""
    same: dict[tuple[str, tuple[str, ...]], list[_Form]] = {}
    for form in people:
        same.setdefault((form.title, form.parts), []).append(form)
    pairs = []
    for forms in same.values():
        known = {form.initials for form in forms if form.initials}
        for form in forms:
            first = next(
                other for other in forms if other.initials == form.initials or len(known) == 1
            )
            pairs.append((form.key, first.key))
    return [(short, long) for short, long in pairs if short != long]


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
        titled = [form for form in titled if _may_agree(form.initials, plain.initials)]
        if not plain.title and len(plain.parts) > 1 and (long := groups.only(titled)):
            pairs.append((plain.key, long.key))
    return pairs


def _family(people: list[_Form], groups: _Groups) -> _Pairs:
    """Merge "Mr. Darcy" into "Fitzwilliam Darcy" if no other man of that surname is known.

    The same rule holds for "Miss" or "Ms." and women; for women the gender must be known.
    """
    pairs = []
    for short in people:
        if short.title not in ("mr", "miss", "ms") or len(short.parts) != 1:
            continue
        gender = "m" if short.title == "mr" else "f"
        full = [form for form in people if len(form.parts) > 1 and form.parts[-1] == short.parts[0]]
        fits = [form for form in full if form.gender in ("", gender)]
        fits = [form for form in fits if form.title in ("", short.title)]
        sure = gender == "m" or all(form.gender == gender for form in fits)
        if sure and (long := groups.only(fits)):
            pairs.append((short.key, long.key))
    return pairs


def _callings(people: list[_Form], groups: _Groups) -> _Pairs:
    """Merge "Captain Wentworth" into "Frederick Wentworth" if nobody else has that surname.

    A woman's name needs a title whose pronouns are a woman's. "Mr. Wentworth" may be a brother, so
    nothing is merged where there is one; "Mrs. Wentworth" is another person.
    """
    pairs = []
    for short in people:
        if short.title not in CALLINGS or len(short.parts) != 1:
            continue
        family = [form for form in people if form.parts[-1] == short.parts[0]]
        rivals = {form.title for form in family if form.title} - {short.title, *FEMALE_TITLES}
        full = [form for form in family if len(form.parts) > 1]
        fits = [form for form in full if form.title in ("", short.title)]
        fits = [form for form in fits if form.gender in ("", "m") or short.gender == "f"]
        fits = [form for form in fits if not short.gender or form.gender in ("", short.gender)]
        if not rivals and (long := groups.only(fits)):
            pairs.append((short.key, long.key))
    return pairs


def _may_agree(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Return whether two names may be one by the initials in them."""
    return not first or not second or first == second


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
    initials = tuple(word[0] for word in words[1:-1] if len(word.rstrip(".")) == 1)
    inner = [word for word in words[1:-1] if len(word.rstrip(".")) > 1]
    parts = (words[0], *inner, *words[1:][-1:])
    return _Form(key, title, parts, initials, _gender(title, words, use, rates), person, use)


def _gender(title: str, words: list[str], use: NameUse, rates: tuple[float, float]) -> str:
    """Return ``m``, ``f``, or an empty string if the gender is unknown."""
    if title in MALE_TITLES or title in FEMALE_TITLES:
        return "m" if title in MALE_TITLES else "f"
    named = next((sex for sex, names in FIRST_NAMES.items() if words[0] in names), "")
    return named or gender_by_pronouns(use, rates)
