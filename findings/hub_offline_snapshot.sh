#!/usr/bin/env bash
# Without the network, snapshot_download() of huggingface_hub returns the cached folder or raises; its
# documentation names IncompleteSnapshotError for a cache that lacks some of the files asked for. It can
# know only where an earlier snapshot_download() left a list of the repository's files. After
# hf_hub_download() there is none, and the folder is returned whatever it lacks: even the one file that
# was asked for by name.
#
# Versions: huggingface_hub 2.4.0 (against a hub of 20 lines on this machine, with two files). Output seen:
#
#     huggingface_hub 2.4.0
#     config.json fetched by snapshot_download, then offline:
#         model.safetensors: IncompleteSnapshotError
#         all files: IncompleteSnapshotError
#     config.json fetched by hf_hub_download, then offline:
#         model.safetensors: a folder with ['config.json']
#         all files: a folder with ['config.json']
#         model.safetensors by hf_hub_download: LocalEntryNotFoundError
#     HOLDS: offline, a snapshot may lack the file it was asked for, without an error
#
# Consequence: a program that reads one file first (a config, to choose what to load) prepares a cache in
# which its later offline snapshots are no longer checked. Look for the files that are needed in the
# folder, or fetch those that must be there by hf_hub_download(), which does raise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile huggingface_hub==2.4.0
cd "$work"
HF_HOME="$work/home" HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_PROGRESS_BARS=1 venv/bin/python -W ignore - <<'PY'
import hashlib
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "1" * 40
FILES = {"config.json": b"{}", "model.safetensors": b"weights"}
INFO = {"id": "some/model", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
TREE = [
    {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
    for name, data in FILES.items()
]


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's interface as one repository without large files needs."""

    def do_HEAD(self) -> None:
        path = self.path.partition("?")[0]
        if "/resolve/" in path:
            body = FILES[path.rpartition("/")[2]]
        else:
            body = json.dumps(TREE if "/tree/" in path else INFO).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_GET = do_HEAD

    def log_message(self, *_: object) -> None:
        """Print nothing."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"

import huggingface_hub  # noqa: E402
from huggingface_hub import hf_hub_download, snapshot_download  # noqa: E402
from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError  # noqa: E402

print("huggingface_hub", huggingface_hub.__version__)


def offline(cache: str, wanted: str | None) -> str:
    """What a snapshot of the wanted file (of all, for None) gives without the network."""
    try:
        folder = snapshot_download("some/model", allow_patterns=wanted, cache_dir=cache, local_files_only=True)
    except IncompleteSnapshotError as error:
        found = type(error).__name__
    else:
        found = f"a folder with {os.listdir(folder)}"
    print(f"    {wanted or 'all files'}: {found}")
    return found


print("config.json fetched by snapshot_download, then offline:")
snapshot_download("some/model", allow_patterns="config.json", cache_dir="one")
checked = {offline("one", wanted) for wanted in ("model.safetensors", None)}
print("config.json fetched by hf_hub_download, then offline:")
hf_hub_download("some/model", "config.json", cache_dir="two")
unchecked = {offline("two", wanted) for wanted in ("model.safetensors", None)}
try:
    hf_hub_download("some/model", "model.safetensors", cache_dir="two", local_files_only=True)
    single = "no error"
except LocalEntryNotFoundError as error:
    single = type(error).__name__
print("    model.safetensors by hf_hub_download:", single)
if checked != {"IncompleteSnapshotError"} or single == "no error":
    sys.exit("CHANGED: after a snapshot, or for a single file, a missing file no longer raises")
if unchecked != {"a folder with ['config.json']"}:
    sys.exit("CHANGED: a cache filled by hf_hub_download is checked")
print("HOLDS: offline, a snapshot may lack the file it was asked for, without an error")
PY
