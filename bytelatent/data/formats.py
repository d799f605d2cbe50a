"""Formats of shard files by the ends of their names."""

from collections.abc import Iterator
from pathlib import Path

from bytelatent.data.arrow_files import ArrowShard, ParquetShard
from bytelatent.data.readers import Document, GzipShard, LineShard, Shard, ZstdShard

FORMATS: dict[str, type[Shard]] = {
    ".jsonl": LineShard,
    ".jsonl.gz": GzipShard,
    ".jsonl.zst": ZstdShard,
    ".arrow": ArrowShard,
    ".parquet": ParquetShard,
}
"""Ends of file names and who reads them."""


def open_shard(path: Path, text_key: str = "text", block_size: int = 4096) -> Shard:
    """The shard in ``path``; the format follows from the name.

    Raises:
        ValueError: no known format.
    """
    for suffix, kind in FORMATS.items():
        if path.name.endswith(suffix):
            return kind(path, text_key, block_size)
    raise ValueError(f"{path}: not one of the formats {', '.join(FORMATS)}")


def read_shard(path: Path, text_key: str = "text") -> Iterator[Document]:
    """All documents of a shard in the order of the file.

    Raises:
        ValueError: a bad record, named by file and line, or a damaged file.
    """
    shard = open_shard(path, text_key)
    try:
        yield from map(shard.document, shard.records())
    finally:
        shard.close()
