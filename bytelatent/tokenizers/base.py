"""Protocol of the tokenizers."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Tokenizer(Protocol):
    """Protocol of a tokenizer, which converts text to token ids and back.

    Attributes:
        bos_id, eos_id, pad_id: ids of the special tokens BOS, EOS and PAD.
    """

    bos_id: int
    eos_id: int
    pad_id: int

    @property
    def vocab_size(self) -> int:
        """Number of ids, special ids included."""
        ...

    def encode(
        self, text: str, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Convert ``text`` to ids.

        Args:
            text: the text.
            add_bos: whether to add BOS in front; None for the setting of the tokenizer.
            add_eos: whether to add EOS at the end; None for the setting of the tokenizer.
        """
        ...

    def decode(self, ids: Iterable[int], *, errors: str = "strict") -> str:
        """Convert ``ids`` to text; special ids have no text.

        Args:
            ids: the ids.
            errors: handling of invalid UTF-8, as for ``bytes.decode``.
        """
        ...
