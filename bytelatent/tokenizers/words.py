"""Word tokenizer: one id for each word, with the position of each word in the text.

As in the other tokenizers the same four special ids come first. Then come ``<unk>``, which stands
for every unknown word, and the words, the most frequent first. Text is not normalized:
``text[token.start:token.end] == token.text``. For example, "It's 3.5 m." has the tokens ``It's``,
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
    """Word, number or sign of a text with its position.

    Attributes:
        text: characters of the token.
        start, end: position of the first character, and of the character after the last one.
    """

    text: str
    start: int
    end: int


def split(text: str) -> Iterator[Token]:
    """Split a text and yield its words, numbers and single signs in order.

    Between two tokens there is only white space. A word includes its combining marks, and
    apostrophes and hyphens inside the word. Every Han character is a word; a run of characters of
    another script without spaces is one word.
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
    """Return all combining marks of Unicode, which belong to words but do not match ``\\w``."""
    codes = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
    return "".join(c for c in map(chr, codes) if unicodedata.category(c)[0] == "M")


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return a fast pattern for words of all scripts, and a pattern that splits Han characters."""
    joining = marks() + "\u200c\u200d"
    some, other = f"[\\w{joining}]", f"(?:[^\\W{_HAN}]|[{joining}])"
    first, then = (f"{letter}+(?:['’-]{letter}+)*|\\S" for letter in (some, other))
    return re.compile(rf"\d+(?:[.,]\d+)+(?!\w)|{first}"), re.compile(rf"\d+(?:[.,]\d+)+$|{then}")


class WordTokenizer:
    """Tokenizer with one id for each word; :meth:`fit` learns the vocabulary once.

    Args:
        path: path of a file that :meth:`save` wrote; when None, :meth:`fit` must be called first.
        add_bos: whether ``encode`` adds BOS in front of a text by default.
        add_eos: whether ``encode`` adds EOS at the end of a text by default.

    Raises:
        ValueError: the file is missing or has no vocabulary of words.
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
        """Load a tokenizer from a file that :meth:`save` wrote.

        Raises:
            ValueError: the file is missing or has no vocabulary of words.
        """
        return cls(path)

    def fit(
        self, texts: Iterable[str], *, vocab_size: int | None = None, min_count: int = 1
    ) -> Self:
        """Learn the vocabulary from ``texts`` and return the tokenizer; it can be fitted once.

        Args:
            texts: training texts.
            vocab_size: largest number of ids, special ids and ``<unk>`` included; None for no
                limit.
            min_count: least number of occurrences of a word of the vocabulary.

        Raises:
            ValueError: the tokenizer has a vocabulary already, or ``vocab_size`` has no room for a
                word.
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
            ValueError: there is no vocabulary yet, or the file cannot be written.
        """
        write_json(path, {"kind": _KIND, "words": self._known()}, indent=0)

    @property
    def vocab_size(self) -> int:
        """Number of ids, special ids and ``<unk>`` included."""
        return FIRST_WORD_ID + len(self._known())

    def tokens(self, text: str) -> list[Token]:
        """Return the tokens of ``text`` with their positions, unknown words included.

        Raises:
            ValueError: there is no vocabulary yet, or ``text`` contains a lone surrogate.
        """
        self._known()
        return list(self._split(text))

    def encode(
        self, text: str, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Convert ``text`` to ids; without BOS, id ``i`` is the id of ``tokens(text)[i]``.

        Args:
            text: the text.
            add_bos: whether to add BOS in front; None for the setting of the tokenizer.
            add_eos: whether to add EOS at the end; None for the setting of the tokenizer.

        Raises:
            ValueError: there is no vocabulary yet, or ``text`` contains a lone surrogate.
        """
        ids = [self._ids.get(token.text, UNK_ID) for token in self.tokens(text)]
        if self.add_bos if add_bos is None else add_bos:
            ids.insert(0, BOS_ID)
        if self.add_eos if add_eos is None else add_eos:
            ids.append(EOS_ID)
        return ids

    def decode(self, ids: Iterable[int], *, errors: str = "strict") -> str:
        """Convert ``ids`` to words with a space between them; special ids have no word.

        Ids do not contain the spaces of the encoded text. ``errors`` has no effect; other
        tokenizers use it.

        Raises:
            ValueError: there is no vocabulary yet, or an id lies outside it.
        """
        del errors
        return " ".join(word for word in map(self.word, ids) if word)

    def word(self, token: int) -> str:
        """Return the word of an id: empty for a special id, ``<unk>`` for :data:`UNK_ID`.

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
        utf8_bytes(text)  # raises an error for a lone surrogate
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
