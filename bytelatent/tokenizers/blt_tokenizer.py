"""The byte tokenizer of BLT: one id per byte, four special ids in front.

``"é"`` is the two bytes C3 A9, so ``BltTokenizer(add_bos=True, add_eos=False).encode("é")``
is ``[1, 0xC3 + 4, 0xA9 + 4] == [1, 199, 173]``.
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
    """Bytes as ids.

    Args:
        add_bos: put BOS in front of every encoded text unless the call says otherwise.
        add_eos: put EOS behind every encoded text unless the call says otherwise.
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
        """Number of ids: 256 bytes and 4 specials."""
        return VOCAB_SIZE

    def encode_bytes(
        self, data: bytes, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Ids of any bytes, valid UTF-8 or not."""
        ids = [byte + OFFSET for byte in data]
        if self.add_bos if add_bos is None else add_bos:
            ids.insert(0, BOS_ID)
        if self.add_eos if add_eos is None else add_eos:
            ids.append(EOS_ID)
        return ids

    def encode(
        self, text: str, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Ids of the UTF-8 bytes of ``text``.

        Raises:
            ValueError: ``text`` holds a lone surrogate, which UTF-8 cannot carry.
        """
        return self.encode_bytes(utf8_bytes(text), add_bos=add_bos, add_eos=add_eos)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes behind ``ids``; special ids carry none.

        Raises:
            ValueError: an id lies outside the vocabulary.
        """
        return b"".join(bytes_of_id(int(token)) for token in ids)

    def decode(self, ids: Iterable[int], *, errors: str = "strict") -> str:
        """Text of ``ids``.

        Args:
            ids: ids of bytes and specials.
            errors: ``"strict"`` refuses bytes that are no UTF-8; ``"replace"`` is lossy and shows
                U+FFFD for them, ``"ignore"`` drops them.

        Raises:
            ValueError: an id outside the vocabulary, or (when strict) bytes that are no UTF-8.
        """
        return self.decode_bytes(ids).decode("utf-8", errors=errors)

    def stream_decoder(self, *, errors: str = "replace") -> "StreamDecoder":
        """A decoder that is fed ids one by one and never splits a character."""
        return StreamDecoder(errors=errors)


class StreamDecoder:
    """Decodes a stream of ids; a character comes out when its last byte has come in.

    Args:
        errors: what to do with bytes that cannot be UTF-8, as for ``bytes.decode``.
    """

    def __init__(self, *, errors: str = "replace") -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors=errors)

    def push(self, token: int) -> str:
        """Take one id, return the text that is certain now (often empty)."""
        return self._decoder.decode(bytes_of_id(token))

    def finish(self) -> str:
        """End of the stream: the rest, an incomplete character treated as an error."""
        return self._decoder.decode(b"", final=True)


def bytes_of_id(token: int) -> bytes:
    """The byte of one id, or nothing for a special id.

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
    """UTF-8 bytes of ``text``.

    Raises:
        ValueError: ``text`` holds a lone surrogate; the message gives its place.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise ValueError(
            f"text holds the lone surrogate U+{code:04X} at character {error.start}, "
            "which UTF-8 cannot carry"
        ) from None
