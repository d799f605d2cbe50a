#!/usr/bin/env bash
# R's serialised files (.rds, .rda, chunks of .rdb) were long known to start with 14 bytes: "X\n" and
# three integers. One would guess that version 3, R's default since 3.6, has the same header. After it
# stands the name of the writer's native encoding with its length, so the first object starts at byte
# 23 in a file from a UTF-8 machine, elsewhere in others, and at no multiple of 4. Byte 14 reads as a
# valid object of another type (5, a promise). In .rdb a chunk is preceded by its unpacked length.
#
# Versions: r-cran-janeaustenr 1.0.0-1 (Debian 12; needs apt-get and dpkg-deb, no R). Output seen:
#
#     first 40 bytes: b'X\n\x00\x00\x00\x03\x00\x04\x02\x01\x00\x03\x05\x00\x00\x00\x00\x05UTF-8\x00\x00\x00\x10\x00\x00?k\x00\x04\x00\t\x00\x00\x00\x04E'
#     version of the format: 3 - bytes 14 to 18: 5 - then: b'UTF-8'
#     object at byte 14: promise 1431586349
#     object at byte 23: character vector 16235
#     unpacked length: 996704 - announced before the stream: 996704
#     HOLDS: in version 3 an encoding of any length stands between the header and the object
#
# Consequence: a reader written for version 2, or with the 23 bytes of one's own machine built in,
# misreads valid files. Look at the version first, then skip 4 bytes and as many as they say.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq download r-cran-janeaustenr=1.0.0-1
dpkg-deb -x r-cran-janeaustenr_*.deb package
python3 - <<'PY'
import gzip
import struct
import sys
import zlib
from pathlib import Path

NAMES_OF_TYPES = {5: "promise", 16: "character vector"}


def item(data: bytes, at: int) -> tuple[str, int]:
    """Kind of the object that starts at a place, and the number that follows."""
    flags, length = struct.unpack_from(">ii", data, at)
    return NAMES_OF_TYPES.get(flags & 0xFF, str(flags & 0xFF)), length


folder = next(Path("package").rglob("janeaustenr/data"))
index = gzip.decompress((folder / "Rdata.rdx").read_bytes())
store = (folder / "Rdata.rdb").read_bytes()
size = int.from_bytes(store[:4], "big")
book = zlib.decompressobj().decompress(store[4:])
version = int.from_bytes(book[2:6], "big")
length = int.from_bytes(book[14:18], "big")
start = 18 + length
print("first 40 bytes:", book[:40])
print("version of the format:", version, "- bytes 14 to 18:", length, "- then:", book[18:start])
print("object at byte 14:", *item(book, 14))
print(f"object at byte {start}:", *item(book, start))
print("unpacked length:", len(book), "- announced before the stream:", size)
if version != 3 or length != 5 or book[18:start] != b"UTF-8":
    sys.exit("CHANGED: the file names no encoding")
if item(book, start) != ("character vector", 16235) or item(book, 14)[0] == "character vector":
    sys.exit("CHANGED: the object starts elsewhere")
if index[14:23] != book[14:23] or size != len(book):
    sys.exit("CHANGED: the index has another header, or the length does not agree")
print("HOLDS: in version 3 an encoding of any length stands between the header and the object")
PY
