"""Tokenizers by name, as configurations and released ``train_args.json`` files ask for them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from bytelatent.tokenizers.base import Tokenizer
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.tokenizers.bpe_tokenizer import BpeTokenizer
from bytelatent.tokenizers.words import WordTokenizer

_CLASSES: dict[str, type[BltTokenizer] | type[BpeTokenizer] | type[WordTokenizer]] = {
    "blt": BltTokenizer,
    "bpe": BpeTokenizer,
    "words": WordTokenizer,
}


class TokenizerArgs(BaseModel):
    """Which tokenizer to build.

    Attributes:
        name: ``blt`` reads bytes; ``bpe`` reads the vocabulary at ``path``; ``words`` reads the
            same or is fitted later, and serves graphs and comparisons, not training.
        init_kwargs: keyword arguments of the tokenizer's constructor, such as ``path``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["blt", "bpe", "words"] = "blt"
    init_kwargs: dict[str, Any] | None = None

    def build(self) -> Tokenizer:
        """The tokenizer itself.

        Raises:
            ValueError: ``init_kwargs`` names something the tokenizer does not take, or the file of
                a vocabulary is missing or damaged.
        """
        try:
            return _CLASSES[self.name](**(self.init_kwargs or {}))
        except TypeError as error:
            raise ValueError(f"tokenizer {self.name!r}: init_kwargs: {error}") from None
