"""Fingerprints of the files of a corpus, by which a resumed run notices that a file has changed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bytelatent.files import fingerprint

FILES = "files"
"""Key of the fingerprints in the saved state of the data, beside the numbers of row streams."""

Fingerprints = dict[str, list[dict[str, Any]]]
"""For every source, for each of its chunk files: ``bytes`` (the size) and ``fingerprint``."""


def fingerprints(chunks: Mapping[str, Sequence[Path]]) -> Fingerprints:
    """Return the fingerprints of the chunk files of every source.

    Raises:
        ValueError: a file cannot be read.
    """
    return {
        name: [{"bytes": path.stat().st_size, "fingerprint": fingerprint(path)} for path in paths]
        for name, paths in chunks.items()
    }


def changed_files(
    saved: Fingerprints, now: Fingerprints, chunks: Mapping[str, Sequence[Path]]
) -> Iterator[str]:
    """Yield a sentence about every file whose fingerprint is not the saved one.

    Sources that are not in both are left out. Names and folders of files do not matter, only their
    order.

    Args:
        saved: fingerprints from a checkpoint.
        now: fingerprints of the files of ``chunks``.
        chunks: chunk files of every source.
    """
    for name in sorted(saved.keys() & now.keys()):
        for before, after, path in zip(saved[name], now[name], chunks[name], strict=False):
            if before["fingerprint"] == after["fingerprint"]:
                continue
            sizes = f"{before['bytes']:,} bytes then, {after['bytes']:,} now"
            if before["bytes"] == after["bytes"]:
                sizes = f"{after['bytes']:,} bytes, but not the same ones"
            yield f"{path} has changed since the checkpoint ({sizes})"
