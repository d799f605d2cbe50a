"""Reading and writing files; a written file is complete even if the process is killed.

Errors of the system (no permission, no space, no such folder) become a ``ValueError`` whose message
is one sentence with the name of the file. Commands print the message, and callers can distinguish
the error from a bug.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

PIECES, PIECE_BYTES = 16, 2**14
"""Number and size in bytes of the pieces of a large file that its fingerprint contains."""


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Provide a temporary path in the folder of ``path``; rename it to ``path`` after the block.

    The temporary name has the suffix of ``path``, because some writers depend on it. After an error
    in the block the old file is unchanged and the temporary file is removed.

    Raises:
        ValueError: the system refuses to write, for example because of space or permissions.
    """
    path = Path(path)
    with os_errors_as_value_error(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix=f".tmp{path.suffix}", dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def os_errors_as_value_error(path: Path | str, action: str) -> Iterator[None]:
    """Replace an ``OSError`` of the block by a ``ValueError`` with one sentence about ``path``.

    Args:
        path: path of the file or folder, for the message.
        action: past participle for the message, such as ``read`` or ``written``.

    Raises:
        ValueError: the block raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        if action == "read" and isinstance(error, FileNotFoundError):
            raise ValueError(f"{path} does not exist") from error
        raise ValueError(f"{path} cannot be {action}: {_reason(error, path)}") from error


def fingerprint(path: Path | str) -> str:
    """Return a hash of the size and of pieces of a file, as 32 hexadecimal digits.

    A file of at most ``PIECES * PIECE_BYTES`` bytes is read as a whole. Of a larger file the
    beginning, the end and pieces at equal distances are read, so that a fingerprint costs little;
    a change of bytes between them that leaves the size as it is goes unnoticed. Name, folder and
    times of the file do not matter.

    Raises:
        ValueError: the file cannot be read.
    """
    with os_errors_as_value_error(path, "read"), Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        digest = hashlib.blake2b(str(size).encode(), digest_size=16)
        last = max(0, size - PIECE_BYTES)
        steps = PIECES - 1 if size > PIECES * PIECE_BYTES else -(-last // PIECE_BYTES)
        for offset in sorted({last * step // max(1, steps) for step in range(steps + 1)}):
            file.seek(offset)
            digest.update(file.read(PIECE_BYTES))
    return digest.hexdigest()


def write_text(path: Path | str, text: str) -> None:
    """Write text in UTF-8, completely or not at all.

    Raises:
        ValueError: the system refuses to write.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path | str, value: Any, *, indent: int | None = 2) -> None:
    """Write a value as JSON, completely or not at all.

    Raises:
        ValueError: the value contains NaN or an infinity, or the system refuses to write.
    """
    write_text(path, json_text(value, indent=indent))


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """Return a value as JSON text with a final newline.

    Raises:
        ValueError: the value contains NaN or an infinity.
    """
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def parse_json(
    text: str | bytes,
    *,
    make_object: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """Parse a JSON text and return its value.

    Args:
        text: the text, or its bytes in UTF-8.
        make_object: function that makes the value of an object from its names and values; when None
            the value is a dictionary.

    Raises:
        ValueError: the text is not valid JSON, or Python's parser cannot read it because it is
            nested too deeply or contains an integer with thousands of digits.
    """
    try:
        return json.loads(
            text if isinstance(text, str) else text.decode("utf-8"), object_pairs_hook=make_object
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json(path: Path | str, *, limit: int | None = None) -> Any:
    """Read a JSON file and return its value.

    Args:
        path: path of the file.
        limit: largest number of bytes of the file; a limit also refuses whatever is no regular
            file, such as a named pipe. None for no limit.

    Raises:
        ValueError: the file is missing, not readable, too large or not valid JSON; the message
            names it.
    """
    path = Path(path)
    with os_errors_as_value_error(path, "read"):
        content = path.read_bytes() if limit is None else _read_regular(path, limit)
    try:
        return parse_json(content)
    except ValueError as error:
        raise ValueError(f"{path} is no JSON that can be read: {error}") from None


def open_regular(path: Path | str) -> BinaryIO:
    """Open a file to read its bytes; never wait for a writer, as the reader of a named pipe does.

    Raises:
        OSError: the system refuses to open the file.
        ValueError: the path leads to a pipe, a device, a socket or a folder.
    """
    path = Path(path)
    _check_regular(path, path.stat())  # first, because opening a device may already change it
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # the caller closes it
    try:
        _check_regular(path, os.fstat(file.fileno()))
    except ValueError:
        file.close()
        raise
    return file


def _check_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is no regular file")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_regular(path: Path, limit: int) -> bytes:
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{path} is larger than {limit:,} bytes")
    return data


def _reason(error: OSError, path: Path | str) -> str:
    """Return the message of the system, with the other file that it is about, if any."""
    reason = error.strerror or str(error) or type(error).__name__
    other = error.filename
    if not isinstance(other, str) or Path(other).parent == Path(path).parent:
        return reason
    return f"{reason} ({other})"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
