"""Documents of a shard, and as tokens: BOS, bytes, EOS."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytelatent.data.formats import read_shard
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET

Tokens = NDArray[np.uint16]


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
