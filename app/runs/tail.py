"""A reader of a ``metrics.jsonl`` that may still grow; it continues where the last read ended."""

import json
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

from app.runs.columns import Columns

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

    def read(self) -> Columns:
        """Read the new lines and return all measures; hold ``lock`` while using them.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is too large.
        """
        with self._path.open("rb") as file:
            stat = os.fstat(file.fileno())
            if stat.st_size > LARGEST:
                raise ValueError(f"{self._path.name} is larger than {LARGEST:,} bytes")
            mark = mark_of(stat)
            if mark != self._mark:
                if not self._goes_on(file, mark):
                    self._reset()
                self._read_on(file)
                self._mark = mark
        return self._columns

    def _goes_on(self, file: BinaryIO, mark: Mark) -> bool:
        """Return whether the part that was read is still the start of the file."""
        if self._mark is None or mark[0] != self._mark[0] or mark[1] <= self._mark[1]:
            return False
        file.seek(self._offset - len(self._seam))
        return file.read(len(self._seam)) == self._seam

    def _read_on(self, file: BinaryIO) -> None:
        file.seek(self._offset)
        pending = b""
        while chunk := file.read(CHUNK):
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
