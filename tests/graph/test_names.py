"""Which names are names, and which of them are one."""

import pytest

from bytelatent.graph.merging import merge
from bytelatent.graph.names import NameUse, is_name, key_of, kind_of, trimmed


def use(
    count: int, label: str = "PERSON", *, he: int = 0, she: int = 0, placed: int = 0
) -> NameUse:
    """A name used ``count`` times, every hundred characters."""
    found = NameUse(count, he=he, she=she, placed=placed, starts=[100 * i for i in range(count)])
    found.labels[label] = count
    return found


def groups(
    uses: dict[str, NameUse], given: tuple[tuple[str, ...], ...] = ()
) -> set[frozenset[str]]:
    """Groups of more than one."""
    found: dict[str, set[str]] = {}
    for key, first in merge({key_of(name): value for name, value in uses.items()}, given).items():
        found.setdefault(first, set()).add(key)
    return {frozenset(group) for group in found.values() if len(group) > 1}


def test_one_man_and_his_sister() -> None:
    uses = {
        "Mr. Darcy": use(270, he=79, she=55),
        "Darcy": use(100, he=22, she=16),
        "Fitzwilliam Darcy": use(2),
        "Miss Darcy": use(39, he=1, she=17),
        "Georgiana Darcy": use(1),
        "Lady Anne Darcy": use(1),
        "Colonel Fitzwilliam": use(30, he=10),
        "Fitzwilliam": use(5),
        "Mrs. Bennet": use(150, he=5, she=60),
    }
    found = groups(uses)
    assert frozenset({"mr darcy", "darcy", "fitzwilliam darcy"}) in found
    assert not any("colonel fitzwilliam" in group for group in found)
    assert not any("fitzwilliam" in group for group in found)


def test_a_family_stays_apart() -> None:
    uses = {
        "Mr. Bennet": use(89, he=30),
        "Mrs. Bennet": use(150, she=60),
        "Miss Bennet": use(65, she=20),
        "Jane": use(290, she=60),
        "Jane Bennet": use(2),
        "Elizabeth": use(600, she=200),
        "Miss Elizabeth Bennet": use(5),
        "Elizabeth Bennet": use(8),
        "Bennet": use(3),
    }
    assert groups(uses) == {
        frozenset({"jane", "jane bennet"}),
        frozenset({"elizabeth", "elizabeth bennet", "miss elizabeth bennet"}),
    }


def test_brother_and_sister_are_two() -> None:
    uses = {
        "Mr. Crawford": use(200, he=60, she=10),
        "Miss Crawford": use(200, he=10, she=60),
        "Henry Crawford": use(30, he=9),
        "Mary Crawford": use(5, she=4),
        "Crawford": use(90, he=30, she=5),
        "Admiral Crawford": use(3),
    }
    found = groups(uses)
    assert frozenset({"mr crawford", "henry crawford"}) in found
    assert frozenset({"miss crawford", "mary crawford"}) in found
    assert not any("crawford" in group for group in found), "two men have the name"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mrs. Clinton", "Mr. Clinton"),
        ("Lady Catherine", "Catherine"),
        ("Sir William Lucas", "Lucas"),
        ("Captain Wentworth", "Mr. Wentworth"),
        ("John Knightley", "George Knightley"),
        ("North Korea", "South Korea"),
    ],
)
def test_these_are_never_one(one: str, other: str) -> None:
    assert groups({one: use(50), other: use(50)}) == set()


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("Captain Wentworth", "Frederick Wentworth"),
        ("Professor Moriarty", "James Moriarty"),
        ("Dr. Watson", "John H. Watson"),
        ("Colonel Moran", "Colonel Sebastian Moran"),
        ("President Lincoln", "Abraham Lincoln"),
        ("Ms. Bennet", "Jane Bennet"),
        ("John H. Watson", "John Watson"),
        ("John H Watson", "Dr. John Watson"),
    ],
)
def test_a_title_or_an_initial_does_not_make_two_of_one(short: str, full: str) -> None:
    assert groups({short: use(9), full: use(9)}) == {frozenset({key_of(short), key_of(full)})}


@pytest.mark.parametrize(
    "names",
    [
        ("Captain Wentworth", "Frederick Wentworth", "Edward Wentworth"),
        ("Captain Wentworth", "Mary Wentworth"),
        ("Admiral Crawford", "Henry Crawford", "Mr. Crawford"),
        ("George W. Bush", "George H. W. Bush", "George Bush"),
        ("President George W. Bush", "George H. W. Bush"),
        ("John H. Watson", "John B. Watson"),
        ("Captain Smith", "Colonel Smith", "John Smith"),
    ],
)
def test_who_may_be_two_stays_two(names: tuple[str, ...]) -> None:
    found = groups(dict.fromkeys(names, use(9)))
    assert not any(key_of(names[0]) in group for group in found)


def test_a_first_name_far_from_the_whole_one_is_another() -> None:
    far = NameUse(2, starts=[90_000, 95_000])
    far.labels["PERSON"] = 2
    assert groups({"Mary": use(30, she=10), "Mary King": far}) == set()
    assert groups({"Mary": use(30, she=10), "Mary King": use(2)}) != set()


def test_a_surname_that_both_sexes_have_goes_by_the_pronouns() -> None:
    uses = {"Mr. Clinton": use(20, he=9), "Mrs. Clinton": use(20, she=9)}
    assert groups({**uses, "Clinton": use(20, he=5, she=5)}) == set()
    assert groups({**uses, "Clinton": use(20, he=9)}) == {frozenset({"clinton", "mr clinton"})}


def test_the_user_knows_better() -> None:
    uses = {"Elizabeth": use(9), "Lizzy": use(9), "Darcy": use(2)}
    assert groups(uses, (("elizabeth", "lizzy", "nobody"),)) == {frozenset({"elizabeth", "lizzy"})}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("the Bennets’", "Bennets"),
        ("“Darcy’s", "Darcy"),
        ("_Elizabeth_,", "Elizabeth"),
        ("the United States", "United States"),
        ("the U.S.", "U.S."),
        ("Mr. Darcy.", "Mr. Darcy"),
        ("— ", ""),
        ("The the", "the"),
    ],
)
def test_trimmed(words: str, name: str) -> None:
    start, end = trimmed(words, 10)
    assert words[start - 10 : end - 10] == name


@pytest.mark.parametrize(
    "name", ["Darcy", "U.S.", "MS-13", "Lady Catherine", "Ødegård", "Al Qaida"]
)
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", " ", "I", "I'm", "The", "the", "Mr.", "My dear", "Papa", "a b", "—", "X", "May",
             "pre-K", "Come, Darcy", "Oh", "12", "Dearest Aunt"],
)  # fmt: skip
def test_no_names(name: str) -> None:
    assert not is_name(name)


def test_spellings_are_one_key() -> None:
    assert key_of("MR.  Darcy") == key_of("Mr Darcy")
    assert key_of("Dr. Watson") == key_of("Doctor Watson")
    assert key_of("Col. Brandon") == key_of("COLONEL Brandon")
    assert key_of("Borís") == key_of("Boris")
    assert key_of("USA") == key_of("United States of America") == key_of("U.S.")


def test_kinds() -> None:
    uses = {
        "lydia": use(20, "ORG", she=9),
        "rosings": use(20, "ORG", placed=9),
        "virginia": use(9, "GPE", placed=6),
        "mr bingley": use(3, "ORG"),
        "congress": use(20, "ORG", placed=1),
        "mrs collins": use(3, "GPE"),
        "st james": use(3, "GPE"),
    }
    kinds = {key: kind_of([key], uses) for key in uses}
    assert kinds == {
        "lydia": "PERSON",
        "rosings": "LOC",
        "virginia": "GPE",
        "mr bingley": "PERSON",
        "congress": "ORG",
        "mrs collins": "PERSON",
        "st james": "GPE",
    }
