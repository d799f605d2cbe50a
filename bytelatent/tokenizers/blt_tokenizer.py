"""Byte tokenizer of BLT: four special ids, followed by one id for each byte value.

For example, ``"é"`` has the two bytes C3 A9, so
``BltTokenizer(add_bos=True, add_eos=False).encode("é")`` returns
``[1, 0xC3 + 4, 0xA9 + 4] == [1, 199, 173]``.
"""

import codecs
from collections.abc import Iterable

from bytelatent.tokenizers.constants import (
    BOE_ID,
    BOS_ID,
    EOS_ID,
    OFFSET,
    PAD_ID,
    VOCAB_SIZE,
)

_BYTE_OF_ID = {byte + OFFSET: byte for byte in range(VOCAB_SIZE - OFFSET)}


class BltTokenizer:
    """Tokenizer with one id for each byte.

    Args:
        add_bos: whether ``encode`` adds BOS in front of a text by default.
        add_eos: whether ``encode`` adds EOS at the end of a text by default.
    """

    boe_id = BOE_ID
    bos_id = BOS_ID
    eos_id = EOS_ID
    pad_id = PAD_ID

    def __init__(self, *, add_bos: bool = True, add_eos: bool = True) -> None:
        self.add_bos = add_bos
        self.add_eos = add_eos

    @property
    def vocab_size(self) -> int:
        """Number of ids: 256 byte ids and 4 special ids."""
        return VOCAB_SIZE

    def encode_bytes(
        self, data: bytes, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Convert bytes to ids; the bytes need not be valid UTF-8.

        Args:
            data: the bytes.
            add_bos: whether to add BOS in front; None for the setting of the tokenizer.
            add_eos: whether to add EOS at the end; None for the setting of the tokenizer.
        """
        ids = [byte + OFFSET for byte in data]
        if self.add_bos if add_bos is None else add_bos:
            ids.insert(0, BOS_ID)
        if self.add_eos if add_eos is None else add_eos:
            ids.append(EOS_ID)
        return ids

    def encode(
        self, text: str, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Convert the UTF-8 bytes of ``text`` to ids.

        Args:
            text: the text.
            add_bos: whether to add BOS in front; None for the setting of the tokenizer.
            add_eos: whether to add EOS at the end; None for the setting of the tokenizer.

        Raises:
            ValueError: ``text`` contains a lone surrogate, which UTF-8 cannot encode.
        """
        return self.encode_bytes(utf8_bytes(text), add_bos=add_bos, add_eos=add_eos)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Convert ``ids`` to bytes; special ids have no bytes.

        Raises:
            ValueError: an id lies outside the vocabulary.
        """
        return b"".join(bytes_of_id(int(token)) for token in ids)

    def decode(self, ids: Iterable[int], *, errors: str = "strict") -> str:
        """Convert ``ids`` to text.

        Args:
            ids: byte ids and special ids.
            errors: handling of bytes that are not valid UTF-8: ``"strict"`` raises an error,
                ``"replace"`` replaces them by U+FFFD, ``"ignore"`` drops them.

        Raises:
            ValueError: an id lies outside the vocabulary, or the bytes are not valid UTF-8 and
                ``errors`` is ``"strict"``.
        """
        return self.decode_bytes(ids).decode("utf-8", errors=errors)

    def stream_decoder(self, *, errors: str = "replace") -> "StreamDecoder":
        """Create a decoder for ids that arrive one by one; it never splits a character.

        Args:
            errors: handling of bytes that are not valid UTF-8, as for ``bytes.decode``.
        """
        return StreamDecoder(errors=errors)


class StreamDecoder:
    """Decoder of a stream of ids, which returns a character when its last byte has arrived.

    Args:
        errors: handling of bytes that are not valid UTF-8, as for ``bytes.decode``.
    """

    def __init__(self, *, errors: str = "replace") -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors=errors)

    def push(self, token: int) -> str:
        """Add one id and return the characters that are complete now (often none).

        Raises:
            ValueError: the id lies outside the vocabulary.
        """
        return self._decoder.decode(bytes_of_id(token))

    def finish(self) -> str:
        """End the stream and return the rest; an incomplete character is invalid UTF-8."""
        return self._decoder.decode(b"", final=True)


def bytes_of_id(token: int) -> bytes:
    """Return the byte of one id, or no byte for a special id.

    Raises:
        ValueError: the id lies outside the vocabulary.
    """
    if 0 <= token < OFFSET:
        return b""
    try:
        return bytes((_BYTE_OF_ID[token],))
    except KeyError:
        raise ValueError(
            f"token id {token} is outside the byte vocabulary (0 to {VOCAB_SIZE - 1})"
        ) from None


def utf8_bytes(text: str) -> bytes:
    """Encode ``text`` in UTF-8.

    Raises:
        ValueError: ``text`` contains a lone surrogate; the message gives its position.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise ValueError(
            f"text holds the lone surrogate U+{code:04X} at character {error.start}, "
            "which UTF-8 cannot carry"
        ) from None
