"""Word bigram entropy, computed as the predecessor of this project computed it."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bytelatent.tokenizers.words import split


class WordBigrams:
    """Entropy of the word that follows each word, counted in the same texts.

    The predecessor of this project measured entropy in this way: over lower-case words, without
    punctuation.
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
        """Number of words whose next word has an entropy of 0."""
        return sum(value == 0 for value in self.entropy.values())

    def scores(self, text: str, positions: list[int]) -> NDArray[np.float64]:
        """Return the bigram entropy, in nats, after the last word before each of ``positions``."""
        values, last, ends = [], 0.0, iter([*_words(text), ("", len(text) + 1)])
        word, end = next(ends)
        for position in positions:
            while end <= position:
                last = self.entropy[word]
                word, end = next(ends)
            values.append(last)
        return np.array(values, dtype=np.float64)


def _words(text: str) -> list[tuple[str, int]]:
    """Return the words in lower case, each with the position of its end."""
    return [(word.text.lower(), word.end) for word in split(text) if word.text[0].isalnum()]


def _entropy(counts: Counter[str]) -> float:
    numbers = np.array(list(counts.values()), dtype=np.float64)
    shares = numbers / max(numbers.sum(), 1)
    return max(0.0, -float(np.sum(shares * np.log(shares))))
