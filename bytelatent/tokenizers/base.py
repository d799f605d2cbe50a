"""What every tokenizer of the project offers."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Tokenizer(Protocol):
    """Text to ids and back."""

    bos_id: int
    eos_id: int
    pad_id: int

    @property
    def vocab_size(self) -> int:
        """Number of ids, specials included."""
        ...

    def encode(
        self, text: str, *, add_bos: bool | None = None, add_eos: bool | None = None
    ) -> list[int]:
        """Ids of ``text``; ``None`` keeps the tokenizer's own setting for BOS and EOS."""
        ...

    def decode(self, ids: Iterable[int], *, errors: str = "strict") -> str:
        """Text of ``ids``; special ids carry no text."""
        ...
