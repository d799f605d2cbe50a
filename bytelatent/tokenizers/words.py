"""Whole words as ids, with the place of each in the text.

Ids are laid out as those of the other tokenizers: the same four special ids come first, then
``<unk>`` for every word that was not learned, then the words, the most frequent first. Nothing is
normalized: ``text[token.start:token.end] == token.text``. "It's 3.5 m." has the tokens ``It's``,
``3.5``, ``m`` and ``.``.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, Self

from bytelatent.files import read_json, write_json
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes
from bytelatent.tokenizers.constants import BOE_ID, BOS_ID, EOS_ID, OFFSET, PAD_ID

UNK: Final = "<unk>"
UNK_ID: Final = OFFSET
FIRST_WORD_ID: Final = OFFSET + 1
_KIND = "words"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"


class Token(NamedTuple):
    """A word or a sign, and the characters of the text that it covers."""

    text: str
    start: int
    end: int


def split(text: str) -> Iterator[Token]:
    """Words, numbers and single signs of a text in order; whatever lies between them is blank.

    A word takes its combining marks, and apostrophes and hyphens inside it. Every Han character is
    a word; other scripts that write no spaces come out as whole runs.
    """
    words, apart = _patterns()
    for match in words.finditer(text):
        word, start = match[0], match.start()
        if word.isascii():
            yield Token(word, start, match.end())
        else:
            for part in apart.finditer(word):
                yield Token(part[0], start + part.start(), start + part.end())


@cache
def marks() -> str:
    """All combining marks of Unicode: words need them, and ``\\w`` leaves them out."""
    codes = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
    return "".join(c for c in map(chr, codes) if unicodedata.category(c)[0] == "M")


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Words of all scripts, quickly; and what parts Han characters out of such a word."""
    joining = marks() + "\u200c\u200d"
    some, other = f"[\\w{joining}]", f"(?:[^\\W{_HAN}]|[{joining}])"
    first, then = (f"{letter}+(?:['’-]{letter}+)*|\\S" for letter in (some, other))
    return re.compile(rf"\d+(?:[.,]\d+)+(?!\w)|{first}"), re.compile(rf"\d+(?:[.,]\d+)+$|{then}")


class WordTokenizer:
    """Words as ids; :meth:`fit` learns the vocabulary, once.

    Args:
        path: file that :meth:`save` wrote; without one, :meth:`fit` must come first.
        add_bos: put BOS in front of every encoded text unless the call says otherwise.
        add_eos: put EOS behind every encoded text unless the call says otherwise.

    Raises:
        ValueError: the file is missing or no vocabulary of words.
    """

    boe_id = BOE_ID
    bos_id = BOS_ID
    eos_id = EOS_ID
    pad_id = PAD_ID
    unk_id = UNK_ID

    def __init__(
        self, path: str | Path | None = None, *, add_bos: bool = True, add_eos: bool = True
    ) -> None:
        self.add_bos, self.add_eos = add_bos, add_eos
        self._words: tuple[str, ...] | None = None
        self._ids: dict[str, int] = {}
        if path is not None:
            self._keep(_read(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The tokenizer that :meth:`save` wrote to ``path``."""
        return cls(path)

    def fit(
        self, texts: Iterable[str], *, vocab_size: int | None = None, min_count: int = 1
    ) -> Self:
        """Learn the words of ``texts``; from then on the vocabulary is fixed.

        Args:
            texts: to learn from.
            vocab_size: most ids in all, special ones and ``<unk>`` included; None for no limit.
            min_count: how often a word must occur to be learned.

        Raises:
            ValueError: there is a vocabulary already, or no room for a word.
        """
        if self._words is not None:
            raise ValueError("tokenizer 'words' is fitted already; make a new one to learn others")
        if vocab_size is not None and vocab_size <= FIRST_WORD_ID:
            raise ValueError(
                f"vocab_size: {vocab_size} has no room for a word: {FIRST_WORD_ID} ids are special"
            )
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(token.text for token in self._split(text))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        most = None if vocab_size is None else vocab_size - FIRST_WORD_ID
        self._keep([word for word, count in ranked if count >= min_count][:most])
        return self

    def save(self, path: str | Path) -> None:
        """Write the vocabulary to ``path`` as JSON.

        Raises:
            ValueError: there is none yet, or the file cannot be written.
        """
        write_json(path, {"kind": _KIND, "words": self._known()}, indent=0)

    @property
    def vocab_size(self) -> int:
        """Number of ids, specials and ``<unk>`` included."""
        return FIRST_WORD_ID + len(self._known())

    def tokens(self, text: str) -> list[Token]:
        """The tokens of ``text`` with their places, known or not.

        Raises:
            ValueError: there is no vocabulary yet, or a lone surrogate in ``text``.
        """
        self._known()
        return list(self._split(text))

    def encode(
        self, text: str, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Ids of ``text``; without BOS and EOS, the id at place i is that of ``tokens(text)[i]``.

        Raises:
            ValueError: as :meth:`tokens`.
        """
        ids = [self._ids.get(token.text, UNK_ID) for token in self.tokens(text)]
        if self.add_bos if add_bos is None else add_bos:
            ids.insert(0, BOS_ID)
        if self.add_eos if add_eos is None else add_eos:
            ids.append(EOS_ID)
        return ids

    def decode(self, ids: Iterable[int], *, errors: str = "strict") -> str:
        """Words of ``ids`` with a space between them; special ids carry none.

        The spaces of the encoded text are not known to ids. ``errors`` is there for the other
        tokenizers: words are never half a character.

        Raises:
            ValueError: there is no vocabulary yet, or an id lies outside it.
        """
        del errors
        return " ".join(word for word in map(self.word, ids) if word)

    def word(self, token: int) -> str:
        """The word behind an id: empty for a special one, ``<unk>`` for :data:`UNK_ID`.

        Raises:
            ValueError: there is no vocabulary yet, or the id lies outside it.
        """
        words = self._known()
        if not 0 <= token < self.vocab_size:
            raise ValueError(
                f"token id {token} is outside the vocabulary (0 to {self.vocab_size - 1})"
            )
        if token < UNK_ID:
            return ""
        return UNK if token == UNK_ID else words[token - FIRST_WORD_ID]

    def _split(self, text: str) -> Iterator[Token]:
        utf8_bytes(text)  # refuses what no file could hold
        return split(text)

    def _known(self) -> tuple[str, ...]:
        if self._words is None:
            raise ValueError(
                "tokenizer 'words' has no vocabulary yet: call fit(texts), or give it the path of "
                "a saved one"
            )
        return self._words

    def _keep(self, words: Iterable[str]) -> None:
        self._words = tuple(words)
        self._ids = {word: number for number, word in enumerate(self._words, FIRST_WORD_ID)}


def _read(path: str | Path) -> list[str]:
    content = read_json(path)
    words = content.get("words") if isinstance(content, dict) else None
    if not isinstance(words, list) or content.get("kind") != _KIND:
        raise ValueError(f"tokenizer 'words': {path} is no vocabulary of words")
    if not all(isinstance(word, str) and word for word in words) or len(set(words)) < len(words):
        raise ValueError(f"tokenizer 'words': {path} has words that are empty or listed twice")
    return words
