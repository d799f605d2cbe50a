#!/usr/bin/env bash
# One would guess that a reader of compressed files refuses a stream that ends too early, as DuckDB
# does for gzip. A Zstandard stream that is cut off is read as if it ended there: a shorter table, no
# error, and the last row has a piece of its last field (the second number counts such rows).
#
# Versions: duckdb 2.0.1. Output seen:
#
#     duckdb 2.0.1
#     half of a .csv.gz:  IOException: IO Error: Unexpected end of GZIP stream: half.csv.gz
#     half of a .csv.zst: (101082, 1)
#     for comparison, whole .csv.zst: (200000, 0)
#     HOLDS: a cut Zstandard stream is read as a shorter table, without an error
#
# Consequence: an upload or copy that broke off loses rows in silence. Test .zst files first
# (`zstd -t`), or compare the number of rows with one known from elsewhere. JSON lines were luckier
# in a trial: the piece of a row that is left is malformed, unless the cut falls on a line's end.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile duckdb==2.0.1
cd "$work"
venv/bin/python - <<'PY'
import sys
from pathlib import Path

import duckdb

ROWS = 200_000
print("duckdb", duckdb.__version__)


def cut(suffix: str, compression: str) -> str:
    """A CSV file of ROWS rows, of which the last half of the bytes is missing."""
    duckdb.sql(
        f"copy (select i, md5(i::varchar) as h from range({ROWS}) t(i)) "
        f"to 'whole{suffix}' (header, compression {compression})"
    )
    data = Path(f"whole{suffix}").read_bytes()
    Path(f"half{suffix}").write_bytes(data[: len(data) // 2])
    return f"half{suffix}"


def read(name: str) -> tuple[int, int] | str:
    try:
        query = f"select count(*), count(*) filter (length(h) <> 32) from read_csv('{name}')"
        return duckdb.sql(query).fetchall()[0]
    except duckdb.Error as error:
        return f"{type(error).__name__}: {error}"


gz, zst = read(cut(".csv.gz", "gzip")), read(cut(".csv.zst", "zstd"))
print("half of a .csv.gz: ", gz)
print("half of a .csv.zst:", zst)
print("for comparison, whole .csv.zst:", read("whole.csv.zst"))
if not isinstance(gz, str):
    sys.exit("CHANGED: half a gzip stream is read without an error")
if isinstance(zst, str):
    sys.exit("CHANGED: half a Zstandard stream is refused")
if not 0 < zst[0] < ROWS:
    sys.exit("CHANGED: half a Zstandard stream does not give part of the rows")
print("HOLDS: a cut Zstandard stream is read as a shorter table, without an error")
PY
