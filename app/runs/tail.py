"""A ``metrics.jsonl`` that may still grow: read once, then read on from where it ended."""

import json
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

from app.runs.columns import Columns

CHUNK = 1024 * 1024
LONGEST_LINE = 1024 * 1024
LARGEST = 256 * 1024 * 1024
"""Bytes of a file that is still read."""
SEAM = 256
"""Bytes before the end of what was read, which must still be there for the file to be the same."""

Mark = tuple[int, int, int]
"""Changes whenever a file does: its number, its size, when it was written."""


def mark_of(stat: os.stat_result) -> Mark:
    """The mark of a file."""
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


class Tail:
    """What a ``metrics.jsonl`` holds, read on as it grows.

    A file that was replaced, cut or written anew, as by a run that is taken up again, is read from
    its beginning. A last line without its end waits for the rest of it.

    Args:
        path: the file.
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
        """The measures, as of now; hold ``lock`` while using them.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is too large.
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
        """Whether what was read is still the beginning of the file."""
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
            self._consumed(pending)  # nothing but its line end is missing
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
    """The object in a line, or None."""
    try:
        record = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
