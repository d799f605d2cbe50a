"""Byte-pair encoding tokenizer of the token models that BLT is compared with.

The same four special ids come first as in
:class:`bytelatent.tokenizers.blt_tokenizer.BltTokenizer`. An id of ``OFFSET`` or more stands for
one byte or several bytes. Text is not normalized, so the bytes of the tokens of a text are the
bytes of the text.

The library `tokenizers` (Apache-2.0) trains the vocabulary and encodes text.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bytelatent.files import os_errors_as_value_error, replacing
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes
from bytelatent.tokenizers.constants import BOE_ID, BOS_ID, BYTE_VALUES, EOS_ID, OFFSET, PAD_ID


class BpeTokenizer:
    """Tokenizer with one id for each token of a byte-pair encoding.

    Args:
        path: path of a file that :func:`train_bpe` wrote.
        add_bos: whether ``encode`` adds BOS in front of a text by default.
        add_eos: whether ``encode`` adds EOS at the end of a text by default.

    Attributes:
        token_sizes: number of bytes of every id; 0 for special ids.

    Raises:
        ValueError: the file is missing or has no byte-level vocabulary, or the library is not
            installed.
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
        """Number of ids, special ids included."""
        return len(self._bytes)

    def encode(
        self, text: str, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Convert ``text`` to ids.

        Args:
            text: the text.
            add_bos: whether to add BOS in front; None for the setting of the tokenizer.
            add_eos: whether to add EOS at the end; None for the setting of the tokenizer.

        Raises:
            ValueError: ``text`` contains a lone surrogate, which UTF-8 cannot encode.
        """
        utf8_bytes(text)
        ids = [token + OFFSET for token in self._bpe.encode(text).ids]
        if self.add_bos if add_bos is None else add_bos:
            ids.insert(0, BOS_ID)
        if self.add_eos if add_eos is None else add_eos:
            ids.append(EOS_ID)
        return ids

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Convert ``ids`` to bytes; special ids have no bytes.

        Raises:
            ValueError: an id lies outside the vocabulary.
        """
        return b"".join(self._bytes[self._known(int(token))] for token in ids)

    def decode(self, ids: Iterable[int], *, errors: str = "strict") -> str:
        """Convert ``ids`` to text.

        Args:
            ids: token ids and special ids.
            errors: handling of bytes that are not valid UTF-8, as for ``bytes.decode``.

        Raises:
            ValueError: an id lies outside the vocabulary, or the bytes are not valid UTF-8 and
                ``errors`` is ``"strict"``.
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

    Words are split by the pattern of GPT-2. The same texts give the same vocabulary.

    Args:
        texts: training texts.
        vocab_size: number of ids, the four special ids and the 256 single bytes included.
        path: path of the file.

    Raises:
        ValueError: ``vocab_size`` has no room for all bytes, or the library is not installed.
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
    """Return the character that byte-level vocabularies (scheme of GPT-2) use for every byte.

    A printable byte of Latin-1 is its own character; the other bytes, in order, are the characters
    from U+0100 on.
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
