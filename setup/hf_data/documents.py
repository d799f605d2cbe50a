"""Reader of documents in Parquet or JSON lines, by DuckDB within a memory limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMATS = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst")
EXPANSION = 4  # bytes of text in a byte of a compressed file, roughly
BATCH = 256  # documents handed over at a time


def find_files(folder: Path) -> dict[str, Path]:
    """Return the data files below `folder` by their relative names, sorted.

    ValueError if there is no data file.
    """
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.name.endswith(FORMATS) and path.is_file()
    }
    visible = {name: path for name, path in files.items() if not name.startswith(".")}
    if not visible:
        raise ValueError(f"{folder} holds no file that ends in {', '.join(FORMATS)}")
    return visible


def connect(memory: int) -> DuckDBPyConnection:
    """Return a DuckDB engine limited to ``memory`` bytes; one thread keeps rows in file order."""
    try:
        import duckdb
    except ImportError:
        raise ValueError("this command needs DuckDB: pip install 'bytelatent[data]'") from None
    return duckdb.connect(
        config={
            "memory_limit": f"{memory // 1_000_000}MB",
            "threads": 1,
            "preserve_insertion_order": True,
            "autoinstall_known_extensions": False,
        }
    )


def table_of(path: Path, column: str) -> str:
    """Return the SQL for the rows of a file; its only parameter is the path."""
    if path.suffix == ".parquet":
        return "read_parquet(?)"
    return f"read_json(?, format='newline_delimited', columns={{{column!r}: 'VARCHAR'}})"


def read_texts(
    engine: DuckDBPyConnection, path: Path, column: str = "text"
) -> Iterator[list[str | None]]:
    """Yield the texts of a file in file order, in batches.

    ValueError if the file cannot be read, lacks the column, or needs more memory than the engine
    has.
    """
    import duckdb

    try:
        query = f'select "{column}" from {table_of(path, column)}'  # noqa: S608 - our own names
        rows = engine.execute(query, [str(path)])
        while batch := rows.fetchmany(BATCH):
            yield [text for (text,) in batch]
    except duckdb.OutOfMemoryException:
        raise ValueError(f"MEMORY is too little to read {path}; give more") from None
    except duckdb.BinderException:
        raise ValueError(f"{path} has no column {column!r}") from None
    except duckdb.Error as error:
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def text_bytes(engine: DuckDBPyConnection, path: Path, column: str = "text") -> int:
    """Estimate the bytes of the texts of a file; 0 if its metadata are damaged."""
    import duckdb

    size = path.stat().st_size
    if path.suffix != ".parquet":
        return size if path.suffix == ".jsonl" else EXPANSION * size
    query = "select sum(total_uncompressed_size) from parquet_metadata(?) where path_in_schema = ?"
    try:
        (row,) = engine.execute(query, [str(path), column]).fetchall()
    except duckdb.Error:
        return 0  # reading it will say what is wrong
    return int(row[0] or 0)
