"""Token lengths of published BPE vocabularies, for comparison with patches; needs ``[bpe]``.

The ranks of cl100k and o200k and the Unicode classes are files of the package ``quicktok-v1`` (MIT,
as are the ranks). The tables of that package take 35 and 65 MB of memory, so only its files are
read (see :mod:`bytelatent.tokenizers.bpe_ranks`). The ranks of Llama 3 have a licence of their own,
so they are read from Meta's package ``llama-models`` and are available only if it is installed.
Nothing is downloaded.
"""

import base64
import struct
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from bytelatent.tokenizers.bpe_ranks import Ranks
from bytelatent.tokenizers.bpe_words import Words

BpeName = Literal["cl100k_base", "o200k_base", "llama3"]
NAMES: tuple[BpeName, ...] = get_args(BpeName)
BUNDLED: tuple[BpeName, ...] = ("cl100k_base", "o200k_base")
"""Names of the vocabularies in the package ``quicktok-v1``."""

_FILES: dict[BpeName, str] = {"cl100k_base": "cl100k.vocab", "o200k_base": "o200k.vocab"}
_CLASSES = "uniclass_o200k.bin"

_LOCK = threading.Lock()
"""Lock for one text at a time: several threads of Python would share one core."""

_LOADED: dict[BpeName, Ranks] = {}


class BpeUnavailableError(ValueError):
    """Error of a vocabulary that is not installed; the message names the package."""


def piece_lengths(
    name: BpeName, text: str, *, between: Callable[[], None] | None = None
) -> list[int]:
    """Return the lengths in bytes of the tokens of ``text``; their sum is the length of the text.

    The spelling of a special token (``<|endoftext|>``) counts as ordinary text. A token may end
    within a character. The first call for a vocabulary loads it: 2 MB of memory for cl100k, 5 MB
    for o200k.

    Args:
        name: name of the vocabulary.
        text: the text.
        between: function that is called when the lock is acquired, before the text is tokenized;
            it may raise an error to stop.

    Raises:
        BpeUnavailableError: the vocabulary is not installed or cannot be read.
        ValueError: ``text`` contains a lone surrogate, which UTF-8 cannot encode.
    """
    text.encode()  # a UnicodeEncodeError is a ValueError
    with _LOCK:
        if between is not None:
            between()
        ranks, words = _ranks(name), _words(_data())
        return [length for word in words.of(text, name) for length in ranks.lengths(word)]


def check_available(name: BpeName) -> None:
    """Check that the packages of a vocabulary are installed, without loading the vocabulary.

    Raises:
        BpeUnavailableError: a package is not installed.
    """
    _data()
    if name == "llama3":
        _llama3_ranks()


def _data() -> Path:
    """Return the folder of the files of ``quicktok-v1`` without importing the package."""
    spec = find_spec("quicktok")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        return Path(folder) / "data"
    raise BpeUnavailableError("needs the package quicktok-v1: pip install quicktok-v1")


@cache
def _words(folder: Path) -> Words:
    path = folder / _CLASSES
    try:
        return Words(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BpeUnavailableError(f"{path} cannot be read: {error}") from error


def _ranks(name: BpeName) -> Ranks:
    if name not in _LOADED:
        check_available(name)
        path = _llama3_ranks() if name == "llama3" else _data() / _FILES[name]
        try:
            content = path.read_bytes()
            _LOADED[name] = Ranks(_records(content) if name == "llama3" else content)
        except (ValueError, struct.error, OSError) as error:
            raise BpeUnavailableError(f"{path} holds no ranks that can be read: {error}") from error
    return _LOADED[name]


def _llama3_ranks() -> Path:
    spec = find_spec("llama_models")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "llama3" / "tokenizer.model"
        if path.is_file():
            return path
    raise BpeUnavailableError(
        "needs Meta's package llama-models, which is under the Llama 3 Community License: "
        "pip install --no-deps llama-models"
    )


def _records(lines: bytes) -> bytes:
    """Convert lines of "base64 of the bytes, rank" to the format of :class:`Ranks`."""
    tokens = [line.split() for line in lines.splitlines() if line]
    records = [(base64.b64decode(token), int(rank)) for token, rank in tokens]
    return struct.pack("<I", len(records)) + b"".join(
        struct.pack("<H", len(token)) + token + struct.pack("<I", rank) for token, rank in records
    )
