"""Compressed sizes of a text by general compressors, as a baseline for language models.

Each compressor gets a text as one stream. The sizes are those of the compressed data: xz as its
bare LZMA2 stream, zstd and bz2 with their frames of some ten bytes, without checksums where the
format allows that.
"""

import bz2
import lzma
import sys
from importlib import import_module
from types import ModuleType

XZ, ZSTD, BZ2 = "xz -9", "zstd -19", "bz2 -9"

COUNTING = (
    "xz, zstd and bz2 compress the same bytes, those of each source joined into one stream; for a "
    "language or a kind of text the sizes of its sources are added up. xz is counted without its "
    "container, zstd and bz2 with frames of some ten bytes."
)
"""Explanation of the compressed sizes for readers of a model card."""

LEAST_WINDOW, MOST_WINDOW = 1 << 12, 1 << 26
"""Smallest and largest window in bytes; the largest one is that of ``xz -9``."""


def compressed_sizes(data: bytes) -> dict[str, int]:
    """Return the compressed size of ``data`` in bytes, by compressor.

    The result contains zstd only if it is installed.
    """
    # A window longer than the text finds no further repeats and needs memory.
    window = min(MOST_WINDOW, max(LEAST_WINDOW, len(data)))
    chain = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": window}]
    sizes = {XZ: len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=chain))}
    if (zstd := _zstd()) is not None:
        parameter = zstd.CompressionParameter
        options = {
            parameter.compression_level: 19,
            parameter.checksum_flag: 0,
            parameter.content_size_flag: 0,
        }
        sizes[ZSTD] = len(zstd.compress(data, options=options))
    return {**sizes, BZ2: len(bz2.compress(data, 9))}


def _zstd() -> ModuleType | None:
    """Return the zstd module of Python 3.14 or its backport; None if it is missing."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None
