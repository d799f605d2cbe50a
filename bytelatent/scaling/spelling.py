"""Questions about spelling in the manner of CUTE (arXiv 2409.15452), made of words of a text.

Every item consists of two texts that differ only in the answer: a right one and a wrong one. The
answer of a model is the text with the higher probability as a whole, because the first token of the
answer may include the colon; chance is one half. Three solved examples precede the question. The
two answers of an item have the same number of bytes; of yes-or-no questions half have the answer
yes.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

LETTERS = "abcdefghijklmnopqrstuvwxyz"

SHOTS = 3

SHORTEST, LONGEST, WORDS = 4, 8, 600
"""Shortest and longest length of the words, and the number of most frequent words that are used."""


@dataclass(frozen=True)
class Item:
    """A question with its two possible answers.

    Attributes:
        right, wrong: solved examples and the question, with the right and with the wrong answer.
    """

    right: bytes
    wrong: bytes


@dataclass(frozen=True)
class Question:
    """A question line and its two answers."""

    prompt: str
    right: str
    wrong: str


def frequent_words(texts: Iterable[str]) -> list[str]:
    """Return the most frequent words of lower-case ASCII letters, in alphabetical order."""
    pattern = re.compile(rf"\b[a-z]{{{SHORTEST},{LONGEST}}}\b")
    count = Counter(word for text in texts for word in pattern.findall(text))
    ranked = sorted(count, key=lambda word: (-count[word], word))
    return sorted(word for word in ranked[:WORDS] if len(set(word)) > 2)


def spell(word: str, rng: random.Random) -> Question:
    """Return a question for the letters of a word; the wrong answer has one wrong letter."""
    return Question(f"letters of {word}", " ".join(word), " ".join(_misspelt(word, rng)))


def spell_inverse(word: str, rng: random.Random) -> Question:
    """Return a question for the word that consists of given letters."""
    return Question(f"word of {' '.join(word)}", word, _misspelt(word, rng))


def contains(word: str, rng: random.Random) -> Question:
    """Return the question whether a word contains a letter."""
    there = rng.random() < 0.5
    letter = rng.choice(word) if there else rng.choice([c for c in LETTERS if c not in word])
    return Question(f"{letter} in {word}", *(("+", "-") if there else ("-", "+")))


def similar(word: str, rng: random.Random) -> Question:
    """Return a question for a similarly spelled word; the wrong answer shares no letter with it."""
    others = [c for c in LETTERS if c not in word]
    return Question(f"like {word}", _misspelt(word, rng), "".join(rng.choice(others) for _ in word))


def delete(word: str, rng: random.Random) -> Question:
    """Return a question for a word less one letter; the wrong answer lacks another letter."""
    letter, other = rng.sample(sorted(set(word)), 2)
    right, wrong = word.replace(letter, "", 1), word.replace(other, "", 1)
    return Question(f"{word} less {letter}", right, wrong)


def insert(word: str, rng: random.Random) -> Question:
    """Return a question for a word with a letter inserted; the wrong answer has it elsewhere."""
    new = rng.choice([c for c in LETTERS if c not in word])
    place, other = rng.sample([word.index(c) for c in sorted(set(word))], 2)
    right, wrong = (word[: p + 1] + new + word[p + 1 :] for p in (place, other))
    return Question(f"{word} with {new} after {word[place]}", right, wrong)


def substitute(word: str, rng: random.Random) -> Question:
    """Return a question for a word with one letter replaced; the wrong answer replaces another."""
    new = rng.choice([c for c in LETTERS if c not in word])
    old, other = rng.sample(sorted(set(word)), 2)
    return Question(
        f"{word} with {new} for {old}", word.replace(old, new), word.replace(other, new)
    )


def swap(word: str, rng: random.Random) -> Question:
    """Return a question for a word with two letters swapped; the wrong answer swaps others."""
    first, second, third = rng.sample(sorted(set(word)), 3)
    return Question(
        f"{word} with {first} and {second} swapped",
        _swapped(word, first, second),
        _swapped(word, first, third),
    )


TASKS: dict[str, Callable[[str, random.Random], Question]] = {
    "spelling": spell,
    "spelling-inverse": spell_inverse,
    "contains-char": contains,
    "orthography": similar,
    "delete-char": delete,
    "insert-char": insert,
    "substitute-char": substitute,
    "swap-char": swap,
}


def items(task: str, words: list[str], count: int) -> list[Item]:
    """Make the items of a task; the same words always give the same items.

    Raises:
        ValueError: there are fewer words than an item and its examples need.
    """
    if len(words) <= SHOTS:
        raise ValueError(f"spelling: the text has {len(words)} words; more than {SHOTS} are needed")
    rng = random.Random(f"{task} {count}")  # noqa: S311 (no secret)
    result = []
    for _ in range(count):
        *shots, last = [TASKS[task](word, rng) for word in rng.sample(words, SHOTS + 1)]
        before = "".join(f"{shot.prompt}: {shot.right}\n" for shot in shots)
        right, wrong = (f"{before}{last.prompt}: {answer}\n" for answer in (last.right, last.wrong))
        result.append(Item(right.encode(), wrong.encode()))
    return result


def _misspelt(word: str, rng: random.Random) -> str:
    place = rng.randrange(len(word))
    other = rng.choice([c for c in LETTERS if c not in word])
    return word[:place] + other + word[place + 1 :]


def _swapped(word: str, first: str, second: str) -> str:
    return word.translate(str.maketrans(first + second, second + first))
