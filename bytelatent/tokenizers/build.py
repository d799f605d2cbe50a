"""Tokenizers by their name in configurations and in released ``train_args.json`` files."""

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
    """Settings of a tokenizer.

    Attributes:
        name: ``blt`` is the byte tokenizer; ``bpe`` loads its vocabulary from ``path``; ``words``
            loads its vocabulary from ``path`` or is fitted later, and is for graphs and
            comparisons, not for training.
        init_kwargs: keyword arguments of the constructor of the tokenizer, such as ``path``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["blt", "bpe", "words"] = "blt"
    init_kwargs: dict[str, Any] | None = None

    def build(self) -> Tokenizer:
        """Create the tokenizer.

        Raises:
            ValueError: the constructor does not accept ``init_kwargs``, or the file of a
                vocabulary is missing or damaged.
        """
        try:
            return _CLASSES[self.name](**(self.init_kwargs or {}))
        except TypeError as error:
            raise ValueError(f"tokenizer {self.name!r}: init_kwargs: {error}") from None
