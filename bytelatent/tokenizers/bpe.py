"""Where BPE tokenizers cut a text, to be compared with patches; needs the extra ``[bpe]``.

cl100k and o200k come with ``quicktok-v1`` (MIT, as are the ranks). The ranks of Llama 3 stand under
a licence of their own, so they are offered only if Meta's package ``llama-models`` is installed,
and are read from there. Nothing is downloaded.
"""

import base64
import shutil
import struct
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from quicktok import Tokenizer

BpeName = Literal["cl100k_base", "o200k_base", "llama3"]
NAMES: tuple[BpeName, ...] = get_args(BpeName)
BUNDLED: tuple[BpeName, ...] = ("cl100k_base", "o200k_base")
"""What quicktok brings and may be offered."""

_LOCK = threading.Lock()
_LOADED: dict[BpeName, "Tokenizer"] = {}


class BpeUnavailableError(ValueError):
    """A vocabulary is not installed here; the message says which package has it."""


def piece_lengths(name: BpeName, text: str) -> list[int]:
    """Lengths in bytes of the tokens of ``text``; they sum to its UTF-8.

    What looks like a special token (``<|endoftext|>``) counts as text. A token may end within a
    character. The first call for a vocabulary loads it: 35 MB of memory for cl100k, 65 for o200k.

    Raises:
        BpeUnavailableError: the vocabulary is not installed.
        ValueError: ``text`` has a lone surrogate, which UTF-8 cannot carry.
    """
    text.encode()  # a UnicodeEncodeError is a ValueError
    tokenizer = _tokenizer(name)
    return [
        len(tokenizer.decode_single_token_bytes(token)) for token in tokenizer.encode_ordinary(text)
    ]


def check_available(name: BpeName) -> None:
    """Load nothing, but look whether the packages for a vocabulary are there.

    Raises:
        BpeUnavailableError: they are not.
    """
    if find_spec("quicktok") is None:
        raise BpeUnavailableError("needs the package quicktok-v1: pip install quicktok-v1")
    if name == "llama3":
        _llama3_ranks()


def _tokenizer(name: BpeName) -> "Tokenizer":
    with _LOCK:
        if name not in _LOADED:
            check_available(name)
            _LOADED[name] = _load(name)
        return _LOADED[name]


def _load(name: BpeName) -> "Tokenizer":
    import quicktok

    if name != "llama3":
        return quicktok.get_encoding(name)
    path = _llama3_ranks()
    try:
        return _load_llama3(path)
    except (ValueError, struct.error, OSError, RuntimeError) as error:
        raise BpeUnavailableError(f"{path} holds no ranks that can be read: {error}") from error


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


def _load_llama3(ranks: Path) -> "Tokenizer":
    """Hand lines of "base64 of the bytes, rank" to quicktok in the files that it reads."""
    import quicktok

    assert quicktok.__file__
    records = [
        (base64.b64decode(token), int(rank))
        for token, rank in (line.split() for line in ranks.read_bytes().splitlines() if line)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "llama3.vocab").write_bytes(
            struct.pack("<I", len(records))
            + b"".join(struct.pack("<H", len(t)) + t + struct.pack("<I", r) for t, r in records)
        )
        (folder / "llama3.special").write_bytes(struct.pack("<I", 0))
        classes = Path(quicktok.__file__).parent / "data" / "uniclass.bin"
        shutil.copyfile(classes, folder / classes.name)
        return quicktok.Tokenizer("llama3", str(folder))
