"""What compressors of files make of a text: the measure that a language model stands beside.

Each gets a text as one stream. Sizes are those of the compressed data: xz as its bare LZMA2 stream,
zstd and bz2 with their frames, which are some ten bytes long, without checksums where the format
can do without.
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
"""What is measured."""

LEAST_WINDOW, MOST_WINDOW = 1 << 12, 1 << 26
"""Bytes; the most is that of ``xz -9``."""


def compressed_sizes(data: bytes) -> dict[str, int]:
    """Bytes that each compressor needs for ``data``; zstd is left out where it is not installed."""
    # A window that is longer than the text finds nothing more, and takes memory.
    window = min(MOST_WINDOW, max(LEAST_WINDOW, len(data)))
    chain = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": window}]
    found = {XZ: len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=chain))}
    if (zstd := _zstd()) is not None:
        parameter = zstd.CompressionParameter
        options = {
            parameter.compression_level: 19,
            parameter.checksum_flag: 0,
            parameter.content_size_flag: 0,
        }
        found[ZSTD] = len(zstd.compress(data, options=options))
    return {**found, BZ2: len(bz2.compress(data, 9))}


def _zstd() -> ModuleType | None:
    """The module of the standard library of Python 3.14, or the same for those before."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None
