"""Documents of a shard, and as tokens: BOS, bytes (or what a tokenizer makes of them), EOS."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytelatent.data.formats import read_shard
from bytelatent.tokenizers.bpe_tokenizer import BpeTokenizer
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET
from bytelatent.tokenizers.words import WordTokenizer

Tokens = NDArray[np.uint16]

MOST_IDS = 2**16


def read_documents(path: Path) -> Iterator[bytes]:
    """UTF-8 bytes of the text of every record of a shard.

    Raises:
        ValueError: a record has none; the message gives file and line.
    """
    return (document.data for document in read_shard(path))


def tokenize(document: bytes) -> Tokens:
    """BOS, the bytes, EOS."""
    tokens = np.empty(len(document) + 2, dtype=np.uint16)
    tokens[0], tokens[-1] = BOS_ID, EOS_ID
    tokens[1:-1] = np.frombuffer(document, dtype=np.uint8)
    tokens[1:-1] += OFFSET
    return tokens


@dataclass(frozen=True)
class Vocabulary:
    """How documents become tokens.

    Attributes:
        tokenize: BOS, the tokens of a document, EOS.
        sizes: bytes of every token id, 0 for special ones; None where each token is a byte.
    """

    tokenize: Callable[[bytes], Tokens]
    sizes: NDArray[np.int64] | None = None


BYTES = Vocabulary(tokenize)
"""Every byte a token."""


def vocabulary(args: TokenizerArgs) -> Vocabulary:
    """The vocabulary of a tokenizer.

    Raises:
        ValueError: the tokenizer cannot be built, or has more ids than rows have room for.
    """
    tokenizer = args.build()
    if isinstance(tokenizer, WordTokenizer):
        raise ValueError("data.tokenizer: models read 'blt' or 'bpe', not 'words'")
    if not isinstance(tokenizer, BpeTokenizer):
        return BYTES
    if tokenizer.vocab_size > MOST_IDS:
        raise ValueError(
            f"data.tokenizer: {tokenizer.vocab_size} ids; rows have room for {MOST_IDS}"
        )

    def pieces(document: bytes) -> Tokens:
        ids = tokenizer.encode(document.decode("utf-8"), add_bos=True, add_eos=True)
        return np.array(ids, dtype=np.uint16)

    return Vocabulary(pieces, np.array(tokenizer.token_sizes, dtype=np.int64))
