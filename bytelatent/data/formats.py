"""Formats of shard files by the suffix of the file name."""

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
"""Class that reads a shard, by the suffix of the file name."""


def open_shard(path: Path, text_key: str = "text", block_size: int = 4096) -> Shard:
    """Open the shard in ``path``; the suffix of the file name determines the format.

    Args:
        path: path of the file.
        text_key: field or column that contains the text.
        block_size: number of records of a block.

    Raises:
        ValueError: the format is not known.
    """
    for suffix, kind in FORMATS.items():
        if path.name.endswith(suffix):
            return kind(path, text_key, block_size)
    raise ValueError(f"{path}: not one of the formats {', '.join(FORMATS)}")


def read_shard(path: Path, text_key: str = "text") -> Iterator[Document]:
    """Yield all documents of a shard in the order of the file.

    Args:
        path: path of the file.
        text_key: field or column that contains the text.

    Raises:
        ValueError: a record is bad or the file is damaged; the message names the file and the
            line.
    """
    shard = open_shard(path, text_key)
    try:
        yield from map(shard.document, shard.records())
    finally:
        shard.close()
