"""Entropy of words, as the predecessor of this project measured it."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bytelatent.tokenizers.words import split


class WordBigrams:
    """Entropy of the word that follows each word, counted in the texts themselves.

    So the predecessor of this project measured entropy: words in small letters, without signs.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        following: dict[str, Counter[str]] = defaultdict(Counter)
        for text in texts:
            words = [word for word, _ in _words(text)]
            for word, successor in zip(words, [*words[1:], None], strict=True):
                following[word].update([successor] if successor else [])
        self.entropy = {word: _entropy(counts) for word, counts in following.items()}

    @property
    def certain(self) -> int:
        """Words with an entropy of 0."""
        return sum(value == 0 for value in self.entropy.values())

    def scores(self, text: str, places: list[int]) -> NDArray[np.float64]:
        """Nats at each of ``places``: the entropy of what follows the last word before it."""
        values, last, ends = [], 0.0, iter([*_words(text), ("", len(text) + 1)])
        word, end = next(ends)
        for place in places:
            while end <= place:
                last = self.entropy[word]
                word, end = next(ends)
            values.append(last)
        return np.array(values, dtype=np.float64)


def _words(text: str) -> list[tuple[str, int]]:
    """Words in small letters, and where each ends."""
    return [(one.text.lower(), one.end) for one in split(text) if one.text[0].isalnum()]


def _entropy(counts: Counter[str]) -> float:
    numbers = np.array(list(counts.values()), dtype=np.float64)
    shares = numbers / max(numbers.sum(), 1)
    return max(0.0, -float(np.sum(shares * np.log(shares))))
