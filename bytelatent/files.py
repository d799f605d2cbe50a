"""Writing files so that a reader, or a kill at any moment, never meets half of one.

What the system refuses (no permission, no space, no such folder) becomes a ``ValueError`` here, in
one sentence that names the file: commands print it, and callers tell it from a bug.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside ``path``; move it there when the block ends without an error.

    The temporary name keeps the suffix, which some writers look at. After an error the old file is
    as it was and the temporary one is gone.

    Raises:
        ValueError: the system refuses to write, for want of space or permission, say.
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
    """Turn what the system says against ``path`` into a sentence about it.

    Args:
        path: the file or folder that the user knows.
        action: ``read`` or ``written``.

    Raises:
        ValueError: in place of any ``OSError`` of the block.
    """
    try:
        yield
    except OSError as error:
        if action == "read" and isinstance(error, FileNotFoundError):
            raise ValueError(f"{path} does not exist") from error
        raise ValueError(f"{path} cannot be {action}: {_reason(error, path)}") from error


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path | str, value: Any, *, indent: int | None = 2) -> None:
    """Write JSON whole or not at all; NaN and infinities are refused."""
    write_text(path, json_text(value, indent=indent))


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """JSON as our files hold it; NaN and infinities are refused."""
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: the file is missing, not ours to read, or no JSON; the message names it.
    """
    path = Path(path)
    try:
        with os_errors_as_value_error(path, "read"):
            return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from None


def _reason(error: OSError, path: Path | str) -> str:
    """What the system said, and of which other file it said so."""
    reason = error.strerror or str(error) or type(error).__name__
    other = error.filename
    if not isinstance(other, str) or Path(other).parent == Path(path).parent:
        return reason
    return f"{reason} ({other})"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
