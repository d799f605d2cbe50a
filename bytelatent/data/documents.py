"""Reading the documents of a shard and converting them to tokens between BOS and EOS."""

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
    """Yield the UTF-8 bytes of the text of every record of a shard.

    Raises:
        ValueError: a record has no usable text; the message names the file and the line.
    """
    return (document.data for document in read_shard(path))


def tokenize(document: bytes) -> Tokens:
    """Convert a document to byte tokens: BOS, the bytes, EOS."""
    tokens = np.empty(len(document) + 2, dtype=np.uint16)
    tokens[0], tokens[-1] = BOS_ID, EOS_ID
    tokens[1:-1] = np.frombuffer(document, dtype=np.uint8)
    tokens[1:-1] += OFFSET
    return tokens


@dataclass(frozen=True)
class Vocabulary:
    """Conversion of documents to tokens.

    Attributes:
        tokenize: function from a document to BOS, its tokens and EOS.
        sizes: number of bytes of every token id, 0 for special tokens; None if each token is a
            byte.
    """

    tokenize: Callable[[bytes], Tokens]
    sizes: NDArray[np.int64] | None = None


BYTES = Vocabulary(tokenize)
"""Vocabulary in which every byte is a token."""


def vocabulary(args: TokenizerArgs) -> Vocabulary:
    """Build the vocabulary of a tokenizer.

    Raises:
        ValueError: the tokenizer cannot be built, is not supported for training, or has more than
            65,536 ids.
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
