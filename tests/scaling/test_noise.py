"""Noise and questions of spelling: what they say of themselves."""

import pytest

from bytelatent.scaling.noise import NOISES, noisy
from bytelatent.scaling.spelling import TASKS, frequent_words, items

TEXT = "Il était green bottles; né 中文. " * 40
WORDS = frequent_words(["green bottles hanging there before navires number alice window"] * 2)


def test_noise_is_what_the_paper_says() -> None:
    found = {name: noisy(TEXT.encode(), name).decode() for name in NOISES}
    assert found["antspeak"].startswith("I L   É T A I T")
    assert found["antspeak"].replace(" ", "") == TEXT.upper().replace(" ", "")
    assert found["upper"] == TEXT.upper()
    assert found["random-case"].lower() == TEXT.lower()
    changed = sum(a != b for a, b in zip(found["random-case"], TEXT, strict=True))
    assert 0.2 < changed / sum(char.isalpha() and char.isascii() for char in TEXT) < 0.8
    assert len(found["drop"]) == pytest.approx(0.9 * len(TEXT), rel=0.05)
    assert len(found["repeat"]) == pytest.approx(1.5 * len(TEXT), rel=0.1)
    runs, longest = found["repeat"], max(found["repeat"].count(c) for c in "é")
    assert longest > 0 and "bbbbbb" not in runs


@pytest.mark.parametrize("name", NOISES)
def test_the_same_text_gets_the_same_noise(name) -> None:
    assert noisy(TEXT.encode(), name) == noisy(TEXT.encode(), name)


@pytest.mark.parametrize("task", TASKS)
def test_answers_differ_in_nothing_but_themselves(task) -> None:
    found = items(task, WORDS, 60)
    assert found == items(task, WORDS, 60)
    for item in found:
        assert item.right != item.wrong and len(item.right) == len(item.wrong)
        right, wrong = (text.decode().splitlines() for text in (item.right, item.wrong))
        assert right[:-1] == wrong[:-1] and len(right) == 4
        assert right[-1].rpartition(": ")[0] == wrong[-1].rpartition(": ")[0]
    solved = {line for item in found for line in item.right.decode().splitlines()}
    assert len({line.partition(": ")[0] for line in solved}) > 5


@pytest.mark.parametrize(
    ("task", "check"),
    [
        ("spelling", lambda asked, said: said.replace(" ", "") == asked.split()[-1]),
        (
            "spelling-inverse",
            lambda asked, said: said == asked.partition(" of ")[2].replace(" ", ""),
        ),
        ("contains-char", lambda asked, said: (asked[0] in asked.split()[-1]) == (said == "+")),
        ("delete-char", lambda asked, said: said == asked.split()[0].replace(asked[-1], "", 1)),
        (
            "substitute-char",
            lambda asked, said: said == asked.split()[0].replace(asked[-1], asked.split()[2]),
        ),
        ("insert-char", lambda asked, said: asked[-1] + asked.split()[2] in said),
    ],
)
def test_right_answers_are_right(task, check) -> None:
    for item in items(task, WORDS, 60):
        for line in item.right.decode().splitlines():
            assert check(*line.split(": ")), line
        assert not check(*item.wrong.decode().splitlines()[-1].split(": "))


def test_yes_is_right_as_often_as_no() -> None:
    said = [item.right.decode().strip()[-1] for item in items("contains-char", WORDS, 400)]
    assert 0.4 < said.count("+") / 400 < 0.6


def test_too_few_words_are_refused() -> None:
    with pytest.raises(ValueError, match="has 2 words"):
        items("spelling", ["green", "bottles"], 1)
