"""Tokenizers by name, as configurations and released ``train_args.json`` files ask for them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from bytelatent.tokenizers.base import Tokenizer
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer


class TokenizerArgs(BaseModel):
    """Which tokenizer, and what its constructor is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["blt"] = "blt"
    init_kwargs: dict[str, Any] | None = None

    def build(self) -> Tokenizer:
        """The tokenizer itself.

        Raises:
            ValueError: ``init_kwargs`` names something the tokenizer does not take.
        """
        try:
            return BltTokenizer(**(self.init_kwargs or {}))
        except TypeError as error:
            raise ValueError(f"tokenizer {self.name!r}: init_kwargs: {error}") from None
