"""A reader of a ``metrics.jsonl`` that may still grow; it continues where the last read ended."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from app.runs.columns import Columns
from bytelatent.files import open_regular

CHUNK = 1024 * 1024
LONGEST_LINE = 1024 * 1024
LARGEST = 256 * 1024 * 1024
"""Size in bytes of the largest file that is read."""
SEAM = 256
"""Number of bytes before the read position that must be unchanged for the file to be the same."""

Mark = tuple[int, int, int]
"""Inode number, size and modification time of a file; it changes whenever the file changes."""


def mark_of(stat: os.stat_result) -> Mark:
    """Return a value that changes whenever a file changes: inode, size and modification time."""
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def check_size(path: Path, size: int) -> None:
    """Raise ValueError if the file ``path`` of ``size`` bytes is too large to be read."""
    if size > LARGEST:
        raise ValueError(f"{path.name} is larger than {LARGEST:,} bytes")


class Tail:
    """Incremental reader of a ``metrics.jsonl``.

    A file that was replaced, truncated or rewritten, as by a restarted run, is read again from its
    start. A last line without a line end is read when the rest of it is there.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._columns = Columns()
        self._mark: Mark | None = None
        self._offset = 0
        self._seam = b""
        self._skipping = False

    def read(self, between: Callable[[float], None] | None = None) -> Columns:
        """Read the new lines and return all measures; hold ``lock`` while using them.

        Args:
            between: function that is called before each megabyte after the first with the share of
                the file that has been read; an exception in it ends the reading, and the next call
                goes on there.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is too large, or no regular file.
        """
        with open_regular(self._path) as file:
            stat = os.fstat(file.fileno())
            check_size(self._path, stat.st_size)
            mark = mark_of(stat)
            if mark != self._mark:
                if not self._goes_on(file, mark):
                    self._reset()
                self._mark = (mark[0], self._offset, 0)  # how far it is, if the reading ends early
                for _ in self._read_on(file):
                    self._mark = (mark[0], self._offset, 0)
                    if between is not None:
                        between(self._offset / max(1, stat.st_size))
                self._mark = mark
        return self._columns

    def _goes_on(self, file: BinaryIO, mark: Mark) -> bool:
        """Return whether the part that was read is still the start of the file."""
        if self._mark is None or mark[0] != self._mark[0] or mark[1] <= self._mark[1]:
            return False
        file.seek(self._offset - len(self._seam))
        return file.read(len(self._seam)) == self._seam

    def _read_on(self, file: BinaryIO) -> Iterator[None]:
        """Read up to the end; yield between the parts, where the next reading may go on."""
        file.seek(self._offset)
        start, pending = self._offset, b""
        while chunk := file.read(CHUNK):
            if self._offset > start:  # else the next reading would be no further than this one
                yield
            data = pending + chunk
            end = data.rfind(b"\n") + 1
            for line in data[:end].split(b"\n")[:-1]:
                self._take(line)
            pending = data[end:]
            self._consumed(data[:end])
            if len(pending) > LONGEST_LINE:
                self._consumed(pending)
                self._skipping, pending = True, b""
        if pending and not self._skipping and (record := parsed(pending)) is not None:
            self._consumed(pending)  # only the line end is missing
            self._columns.add(record)

    def _take(self, line: bytes) -> None:
        if self._skipping:  # the end of a line that was too long
            self._skipping = False
            self._columns.skipped += 1
        elif line.strip():
            self._columns.add(parsed(line))

    def _consumed(self, data: bytes) -> None:
        self._offset += len(data)
        self._seam = (self._seam + data[-SEAM:])[-SEAM:]


def parsed(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a line, or None."""
    try:
        record = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
