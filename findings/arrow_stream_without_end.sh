#!/usr/bin/env bash
# A stream in Arrow's format closes with a marker of 8 bytes, and pyarrow refuses one that is cut within
# a message. One would guess that it also tells where whole messages and the marker are missing. The
# format lets a stream end without its marker, so a cut between two messages reads as a shorter table,
# with no error. That is the likely cut: a writer hands each batch over as it comes, so one that is
# stopped (or not yet done) leaves whole messages. The file format ends in a footer and does tell.
#
# Versions: pyarrow 26.0.1. Output seen:
#
#     pyarrow 26.0.1
#     stream, read before the writer is closed: 30 rows
#     file, read before the writer is closed: raises ArrowInvalid
#     whole stream of 40 rows cut at each of its bytes: 1027 cuts raise, 5 give [0, 10, 20, 30, 40] rows
#     HOLDS: a stream without its end is read as a shorter table, without an error
#
# Consequence: a file in stream format says nothing about whether it is whole. Write it under another
# name and rename it once the writer is closed, keep the number of rows beside it, or use the file
# format. (A `with` block left by an exception closes the writer, and so completes either format.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile pyarrow==26.0.1
cd "$work"
venv/bin/python - <<'PY'
import sys
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc

print("pyarrow", pa.__version__)
batch = pa.record_batch({"n": pa.array(range(10))})


def rows(kind: str, data: bytes) -> int | str:
    """Rows that the reader of this format finds in the data."""
    try:
        return getattr(ipc, f"open_{kind}")(data).read_all().num_rows
    except (pa.ArrowInvalid, OSError) as error:
        return f"raises {type(error).__name__}"


early = {}
for kind in ("stream", "file"):
    path = Path(f"rows.{kind}")
    with pa.OSFile(str(path), "wb") as sink, getattr(ipc, f"new_{kind}")(sink, batch.schema) as writer:
        for _ in range(3):
            writer.write_batch(batch)
        early[kind] = rows(kind, path.read_bytes())
        writer.write_batch(batch)
    if rows(kind, path.read_bytes()) != 40:
        sys.exit(f"CHANGED: a whole {kind} does not give its 40 rows")
    print(f"{kind}, read before the writer is closed: {early[kind]}{' rows' if kind == 'stream' else ''}")

whole = Path("rows.stream").read_bytes()
cuts = [rows("stream", whole[:length]) for length in range(len(whole))]
silent = [found for found in cuts if isinstance(found, int)]
print(
    f"whole stream of 40 rows cut at each of its bytes: {len(cuts) - len(silent)} cuts raise,",
    f"{len(silent)} give {sorted(silent)} rows",
)
if early["file"] != "raises ArrowInvalid":
    sys.exit("CHANGED: a file without its footer is read")
if early["stream"] != 30 or sorted(silent) != [0, 10, 20, 30, 40]:
    sys.exit("CHANGED: a stream that ends between two messages is not read up to there")
print("HOLDS: a stream without its end is read as a shorter table, without an error")
PY
