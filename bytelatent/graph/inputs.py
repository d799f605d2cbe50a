"""Readers of text files: any bytes for patch graphs, UTF-8 for entity graphs, optionally gzip."""

import gzip
import zlib
from pathlib import Path

from bytelatent.files import os_errors_as_value_error


def read_bytes(path: Path, *, most: int) -> bytes:
    """Read the bytes of a file; a ``.gz`` file is decompressed.

    Raises:
        ValueError: the file cannot be read, is damaged, or has more than ``most`` bytes.
    """
    with os_errors_as_value_error(path, "read"):
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                data = file.read(most + 1)
            if path.suffix == ".gz" and not path.stat().st_size:
                raise EOFError("it is empty, and so no gzip file")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}") from None
    if len(data) > most:
        raise ValueError(
            f"{path} has more than {most:,} bytes, the most that are made into a graph"
        )
    return data


def text_of(data: bytes, path: Path) -> str:
    """Decode bytes as UTF-8 text for the entity graph.

    Raises:
        ValueError: the bytes are no UTF-8 or hold a NUL; the message contains the position.
    """
    hint = "an entity graph needs text in UTF-8 (a patch graph takes any bytes: --kind patches)"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:02X} at {error.start}"
        raise ValueError(f"{path} is no UTF-8 text: {byte}; {hint}") from None
    if "\0" in text:
        raise ValueError(f"{path} is no text: it has a NUL at {text.index(chr(0))}; {hint}")
    return text
