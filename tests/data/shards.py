"""Shards of every format for the tests."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from backports import zstd

from bytelatent.data.args import DataArgs

FORMATS = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".arrow", ".parquet", " stream.arrow"]
"""Ends of file names; the last is Arrow's format of streams."""


def fake_entropies(text: str) -> list[float]:
    """A value for every token of BOS + bytes + EOS that tells which token it belongs to.

    That of a byte is the byte plus its place modulo 64, divided by 64; that at BOS is 99.
    """
    data = text.encode()
    values = [float(byte) + place % 64 / 64 for place, byte in enumerate(data)]
    return [99.0, *values, 7.0]


def lines(texts: Sequence[str], entropies: bool = False) -> bytes:
    """JSON lines."""
    rows: list[dict[str, Any]] = [{"text": text, "id": i} for i, text in enumerate(texts)]
    if entropies:
        rows = [{**row, "entropies": fake_entropies(row["text"])} for row in rows]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(texts: Sequence[str | None], entropies: bool = False) -> pa.Table:
    """Columns id, text and perhaps entropies."""
    columns: dict[str, Any] = {"id": list(range(len(texts))), "text": pa.array(texts, pa.string())}
    if entropies:
        values = [fake_entropies(text or "") for text in texts]
        columns["entropies"] = pa.array(values, pa.list_(pa.float32()))
    return pa.table(columns)


def write_shard(path: Path, texts: Sequence[str], entropies: bool = False) -> Path:
    """Write texts in the format of the name, tables in small pieces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(" stream.arrow"):
        rows = table(texts, entropies)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=3)
    elif path.suffix == ".arrow":
        rows = table(texts, entropies)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=3)
    elif path.suffix == ".parquet":
        pa.parquet.write_table(table(texts, entropies), path, row_group_size=5)
    else:
        compress = {".gz": gzip.compress, ".zst": zstd.compress}.get(path.suffix, bytes)
        path.write_bytes(compress(lines(texts, entropies)))
    return path


def numbered(count: int, *, name: str = "", longest: int = 12, seed: int = 0) -> list[str]:
    """Different short texts of different lengths."""
    sizes = np.random.default_rng(seed).integers(0, longest + 1, count)
    return [f"{name}{i}:" + "xyz é"[: size % 5] * (size // 3) for i, size in enumerate(sizes)]


def data_args(root: Path, **changes: Any) -> DataArgs:
    """Small sizes; one source, a."""
    given = {"root_dir": root, "sources": {"a": 1}, "seq_len": 16, "batch_size": 4, "seed": 3}
    return DataArgs(**{**given, **changes})
