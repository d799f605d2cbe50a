"""Byte-pair encoding, for models to compare BLT with.

Ids are laid out as those of :class:`bytelatent.tokenizers.blt_tokenizer.BltTokenizer`: the same
four special ids come first, and an id of ``OFFSET`` or more stands for one byte or several. Nothing
is normalized, so the bytes of a text's tokens are the bytes of the text.

The library `tokenizers` (Apache-2.0) trains the vocabulary and does the work.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bytelatent.files import os_errors_as_value_error, replacing
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes
from bytelatent.tokenizers.constants import BOE_ID, BOS_ID, BYTE_VALUES, EOS_ID, OFFSET, PAD_ID


class BpeTokenizer:
    """Pieces of words as ids.

    Args:
        path: file that :func:`train_bpe` wrote.
        add_bos: put BOS in front of every encoded text unless the call says otherwise.
        add_eos: put EOS behind every encoded text unless the call says otherwise.

    Attributes:
        token_sizes: bytes of every id; 0 for the special ones.

    Raises:
        ValueError: the file is missing or no vocabulary of bytes, or the library is not installed.
    """

    boe_id = BOE_ID
    bos_id = BOS_ID
    eos_id = EOS_ID
    pad_id = PAD_ID

    def __init__(self, path: str, *, add_bos: bool = True, add_eos: bool = True) -> None:
        self.add_bos, self.add_eos = add_bos, add_eos
        with os_errors_as_value_error(path, "read"):
            text = Path(path).read_text(encoding="utf-8")
        library = _library()
        try:
            self._bpe = library.Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing more special
            raise ValueError(f"tokenizer 'bpe': {path} is no vocabulary ({error})") from None
        alphabet = {char: byte for byte, char in _characters().items()}
        tokens = sorted(self._bpe.get_vocab().items(), key=lambda item: item[1])
        try:
            spelt = [bytes(alphabet[char] for char in token) for token, _ in tokens]
        except KeyError as error:
            raise ValueError(
                f"tokenizer 'bpe': {path} is no vocabulary of bytes: it has a token with {error}"
            ) from None
        self._bytes = [b""] * OFFSET + spelt
        self.token_sizes = [len(token) for token in self._bytes]

    @property
    def vocab_size(self) -> int:
        """Number of ids, specials included."""
        return len(self._bytes)

    def encode(
        self, text: str, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Ids of ``text``.

        Raises:
            ValueError: ``text`` holds a lone surrogate, which UTF-8 cannot carry.
        """
        utf8_bytes(text)
        ids = [token + OFFSET for token in self._bpe.encode(text).ids]
        if self.add_bos if add_bos is None else add_bos:
            ids.insert(0, BOS_ID)
        if self.add_eos if add_eos is None else add_eos:
            ids.append(EOS_ID)
        return ids

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes behind ``ids``; special ids carry none.

        Raises:
            ValueError: an id lies outside the vocabulary.
        """
        return b"".join(self._bytes[self._known(int(token))] for token in ids)

    def decode(self, ids: Iterable[int], *, errors: str = "strict") -> str:
        """Text of ``ids``; ``errors`` as for ``bytes.decode``.

        Raises:
            ValueError: an id outside the vocabulary, or (when strict) bytes that are no UTF-8.
        """
        return self.decode_bytes(ids).decode("utf-8", errors=errors)

    def _known(self, token: int) -> int:
        if not 0 <= token < len(self._bytes):
            raise ValueError(
                f"token id {token} is outside the vocabulary (0 to {len(self._bytes) - 1})"
            )
        return token


def train_bpe(texts: Iterable[str], vocab_size: int, path: Path) -> None:
    """Learn a vocabulary from ``texts`` and write it to ``path``.

    Words are split as GPT-2 does. The same texts give the same vocabulary.

    Args:
        texts: to learn from.
        vocab_size: ids in all, the four special ones and the 256 single bytes included.
        path: of the file.

    Raises:
        ValueError: a vocabulary that has no room for all bytes, or the library is not installed.
    """
    if vocab_size < OFFSET + BYTE_VALUES:
        raise ValueError(
            f"vocab_size: {vocab_size} has no room for {OFFSET} special ids and {BYTE_VALUES} bytes"
        )
    library = _library()
    bpe = library.Tokenizer(library.models.BPE())
    bpe.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocab_size - OFFSET,
        initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    with replacing(path) as temporary:
        temporary.write_text(bpe.to_str(), encoding="utf-8")


def _characters() -> dict[int, str]:
    """The character that byte-level vocabularies (GPT-2's scheme) write for every byte.

    Printable bytes of Latin-1 stand for themselves, the others in order for U+0100 and following.
    """
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(BYTE_VALUES) if byte not in own]
    return {byte: chr(byte) for byte in own} | {
        byte: chr(0x100 + number) for number, byte in enumerate(others)
    }


def _library() -> Any:
    try:
        return importlib.import_module("tokenizers")
    except ImportError:
        raise ValueError(
            "tokenizer 'bpe' needs the package tokenizers: pip install 'bytelatent[scaling]'"
        ) from None
