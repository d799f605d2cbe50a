"""Where BPE tokenizers cut a text, to be compared with patches; needs the extra ``[bpe]``.

The ranks of cl100k and o200k, and the classes of Unicode, are files of ``quicktok-v1`` (MIT, as are
the ranks). Its own tables take 35 and 65 MB of memory, so only the files are read: see
:mod:`bytelatent.tokenizers.bpe_ranks`. The ranks of Llama 3 stand under a licence of their own, so
they are offered only if Meta's package ``llama-models`` is installed, and are read from there.
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
"""What quicktok brings and may be offered."""

_FILES: dict[BpeName, str] = {"cl100k_base": "cl100k.vocab", "o200k_base": "o200k.vocab"}
_CLASSES = "uniclass_o200k.bin"

_LOCK = threading.Lock()
"""One text at a time: threads of Python would share a core, and keep others from it."""

_LOADED: dict[BpeName, Ranks] = {}


class BpeUnavailableError(ValueError):
    """A vocabulary is not installed here; the message says which package has it."""


def piece_lengths(
    name: BpeName, text: str, *, between: Callable[[], None] | None = None
) -> list[int]:
    """Lengths in bytes of the tokens of ``text``; they sum to its UTF-8.

    What looks like a special token (``<|endoftext|>``) counts as text. A token may end within a
    character. The first call for a vocabulary loads it: 2 MB of memory for cl100k, 5 for o200k.

    Args:
        name: of the vocabulary.
        text: what is cut.
        between: called when other texts are done and this one begins; may raise to stop.

    Raises:
        BpeUnavailableError: the vocabulary is not installed, or cannot be read.
        ValueError: ``text`` has a lone surrogate, which UTF-8 cannot carry.
    """
    text.encode()  # a UnicodeEncodeError is a ValueError
    with _LOCK:
        if between is not None:
            between()
        ranks, words = _ranks(name), _words(_data())
        return [length for word in words.of(text, name) for length in ranks.lengths(word)]


def check_available(name: BpeName) -> None:
    """Load nothing, but look whether the packages for a vocabulary are there.

    Raises:
        BpeUnavailableError: they are not.
    """
    _data()
    if name == "llama3":
        _llama3_ranks()


def _data() -> Path:
    """Folder of the files of quicktok; the package itself is not imported."""
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
    """Lines of "base64 of the bytes, rank" as :class:`Ranks` reads them."""
    tokens = [line.split() for line in lines.splitlines() if line]
    records = [(base64.b64decode(token), int(rank)) for token, rank in tokens]
    return struct.pack("<I", len(records)) + b"".join(
        struct.pack("<H", len(token)) + token + struct.pack("<I", rank) for token, rank in records
    )
