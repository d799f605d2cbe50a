"""Patches and predictions as parts of a JSON text, without one Python object for each of them."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bytelatent.tokenizers.constants import OFFSET, SPECIAL_NAMES, VOCAB_SIZE

ROWS_AT_ONCE = 512
_VISIBLE = {0x20: "␣", 0x0A: "↵", 0x0D: "␍", 0x09: "⇥"}


def token_text(token: int) -> str:
    """Return the printable form of a token: ``e``, ``␣``, ``↵``, ``0xC3`` or ``<EOS>``."""
    if token in SPECIAL_NAMES:
        return f"<{SPECIAL_NAMES[token]}>"
    byte = token - OFFSET
    if byte in _VISIBLE:
        return _VISIBLE[byte]
    return chr(byte) if 0x21 <= byte <= 0x7E else f"0x{byte:02X}"


def _beginning(token: int) -> str:
    fields = {
        "id": token,
        "byte": token - OFFSET if token >= OFFSET else None,
        "text": token_text(token),
    }
    return json.dumps(fields, ensure_ascii=False)[:-1] + ', "p": '


_BEGINNINGS = [_beginning(token) for token in range(VOCAB_SIZE)]


def predictions_json(ids: NDArray[np.int64], probabilities: NDArray[np.float32]) -> Iterator[str]:
    """Generate the JSON list of predictions ``[S, k]`` without its brackets, in parts."""
    for first in range(0, len(ids), ROWS_AT_ONCE):
        rows = zip(
            ids[first : first + ROWS_AT_ONCE].tolist(),
            probabilities[first : first + ROWS_AT_ONCE].tolist(),
            strict=True,
        )
        text = ", ".join(
            "["
            + ", ".join(
                f"{_BEGINNINGS[token]}{min(p, 1.0):.6g}}}" for token, p in zip(*row, strict=True)
            )
            + "]"
            for row in rows
        )
        yield text if first == 0 else ", " + text


def patches_json(
    data: bytes, lengths: Sequence[int], entropies: NDArray[np.float64]
) -> Iterator[str]:
    """Generate the JSON list of patches without its brackets, in parts.

    The first of the ``lengths`` is the patch of BOS, which the list leaves out.
    """
    ends = np.cumsum(lengths) - 1
    spans = list(pairwise(ends.tolist()))
    firsts = entropies[ends[:-1]].tolist()
    for at in range(0, len(spans), ROWS_AT_ONCE):
        chunk = slice(at, at + ROWS_AT_ONCE)
        text = ", ".join(
            f'{{"start": {start}, "length": {end - start}, "text": '
            f"{json.dumps(data[start:end].decode('utf-8', 'replace'), ensure_ascii=False)}, "
            f'"entropy": {entropy!r}}}'
            for (start, end), entropy in zip(spans[chunk], firsts[chunk], strict=True)
        )
        yield text if at == 0 else ", " + text
