"""Reader of the documents of downloaded files, by the rules of the data loader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bytelatent.data.formats import FORMATS, open_shard
from bytelatent.data.readers import BadRecordError

EXPANSION = 4  # bytes of text in a byte of a compressed file, roughly
NAMED_BAD_LINES = 3  # of each file; further ones are only counted


def find_files(folder: Path) -> dict[str, Path]:
    """Return the data files below `folder` by their relative names, sorted.

    Files and folders whose names begin with a dot are left out. ValueError if there is no data
    file.
    """
    files = {
        path.relative_to(folder): path
        for path in sorted(folder.rglob("*"))
        if path.name.endswith(tuple(FORMATS)) and path.is_file()
    }
    visible = {
        name.as_posix(): path
        for name, path in files.items()
        if not any(part.startswith(".") for part in name.parts)
    }
    if not visible:
        raise ValueError(f"{folder} holds no file that ends in {', '.join(FORMATS)}")
    return visible


def read_texts(path: Path, on_bad_line: str, say: Callable[[str], None]) -> Iterator[str | None]:
    """Yield the text of every record of a file in file order; None for a record that is skipped.

    `on_bad_line` is `error` or `skip`; `say` is told of the first records that are skipped.
    ValueError if the file is damaged or cut off, lacks the column, or has a bad record that must
    not be skipped.
    """
    shard, skipped = open_shard(path), 0
    try:
        for record in shard.records():
            try:
                yield shard.document(record).data.decode()
            except BadRecordError as error:
                if on_bad_line == "error":
                    raise ValueError(
                        f"{error}; --on-bad-line skip leaves out what is no document"
                    ) from None
                skipped += 1
                if skipped <= NAMED_BAD_LINES:
                    say(f"skipped {error}")
                yield None
    finally:
        shard.close()


def text_bytes(path: Path) -> int:
    """Estimate the bytes of the texts of a file; 0 if its metadata are damaged."""
    size = path.stat().st_size
    if path.suffix != ".parquet":
        return size if path.suffix in {".jsonl", ".arrow"} else EXPANSION * size
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            groups = map(file.metadata.row_group, range(file.num_row_groups))
            columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    except (ArrowException, OSError):
        return 0  # reading it will say what is wrong
    return sum(c.total_uncompressed_size for c in columns if c.path_in_schema == "text")
