"""Split of documents into shards, and the manifest.

Layout below the output folder: `train/`, `valid/`, `test/` with one `<source>.jsonl` each, and
`manifest.json`. A split without documents has no shard. Every file is written under a temporary
name and then moved to its final name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .document import Document, Source

SPLITS = ("train", "valid", "test")
Manifest = dict[str, dict[str, Any]]  # source name -> entry


def split_of(source: Source, document_id: str) -> str:
    """Return the split of a document: held out by its source, else by sha256 (see `Source`)."""
    if source.held_out(document_id):
        return "test"
    bucket = int.from_bytes(hashlib.sha256(document_id.encode()).digest()[:8], "big") % 100
    held = bucket // source.held_percent
    return SPLITS[1 + held] if held < 2 else "train"


class _Shard:
    """One split of a source during writing: the temporary file and its running sums."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.temporary = path, path.with_name(path.name + ".tmp")
        self.documents = self.bytes = 0
        self._hash = hashlib.sha256()
        self._file: BinaryIO = self.temporary.open("wb")

    def add(self, record: dict[str, str]) -> None:
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        self._file.write(line)
        self._hash.update(line)
        self.documents += 1
        self.bytes += len(record["text"].encode())

    def close(self) -> None:
        self._file.close()

    def publish(self) -> str | None:
        """Move the file to its final name and return its sha256; without documents, remove both."""
        if not self.documents:
            self.temporary.unlink()
            self.path.unlink(missing_ok=True)
            return None
        self.temporary.replace(self.path)
        return self._hash.hexdigest()


def write_shards(
    out: Path, source: Source, documents: Iterable[tuple[Document, str]]
) -> dict[str, dict[str, Any]]:
    """Write the shards of a source; return documents, bytes of text and sha256 by split.

    When `documents` raises, the shards of an earlier run are not changed.
    """
    shards = {split: _Shard(out / split / f"{source.name}.jsonl") for split in SPLITS}
    try:
        for document, text in documents:
            lang = document.lang or source.lang
            record = dict(id=document.id, source=source.name, lang=lang, text=text)
            shards[document.split or split_of(source, document.id)].add(record)
        if not any(shard.documents for shard in shards.values()):
            raise ValueError(f"source {source.name} gave no document")
    except BaseException:
        for shard in shards.values():
            shard.close()
            shard.temporary.unlink(missing_ok=True)
        raise
    for shard in shards.values():
        shard.close()
    return {
        "documents": {split: shard.documents for split, shard in shards.items()},
        "bytes": {split: shard.bytes for split, shard in shards.items()},
        "sha256": {split: sha for split, shard in shards.items() if (sha := shard.publish())},
    }


def read_records(out: Path, name: str, split: str) -> Iterator[dict[str, str]]:
    """Yield the records of one shard of the source `name`; none where the split has no shard."""
    path = out / split / f"{name}.jsonl"
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def read_texts(out: Path, name: str) -> Iterator[str]:
    """Yield the texts in the shards of the source `name`."""
    for split in SPLITS:
        yield from (record["text"] for record in read_records(out, name, split))


def parent_hashes(manifest: Manifest, source: Source) -> dict[str, str]:
    """Return a hash of the shards of each parent of a source; ValueError if one is not built."""
    missing = [name for name in source.parents if name not in manifest]
    if missing:
        raise ValueError(f"{source.name} is made of {', '.join(missing)}: build that first")
    return {
        name: hashlib.sha256(json.dumps(manifest[name]["sha256"]).encode()).hexdigest()
        for name in source.parents
    }


def is_finished(out: Path, manifest: Manifest, source: Source) -> bool:
    """Return whether the manifest has an up-to-date entry of the source and all shards exist.

    An entry is up to date if its packages, its parents and its parameters are those of the source.
    """
    entry = manifest.get(source.name)
    if entry is None or entry["package"] != ", ".join(source.packages):
        return False
    if entry.get("parameters", {}) != source.parameters or set(source.parents) - set(manifest):
        return False
    if entry.get("parents", {}) != parent_hashes(manifest, source):
        return False
    return all((out / split / f"{source.name}.jsonl").exists() for split in entry["sha256"])


def read_manifest(out: Path) -> Manifest:
    """Return the manifest entries by source name; none when there is no manifest yet."""
    path = out / "manifest.json"
    if not path.exists():
        return {}
    return {entry["source"]: entry for entry in json.loads(path.read_text("utf-8"))["sources"]}


def write_manifest(out: Path, manifest: Manifest) -> None:
    """Write `manifest.json` with the entries sorted by name, and their sums."""
    entries = [manifest[name] for name in sorted(manifest)]
    sums = {split: sum(entry["bytes"][split] for entry in entries) for split in SPLITS}
    content = {"total_bytes": sum(sums.values()), "bytes": sums, "sources": entries}
    temporary = out / "manifest.json.tmp"
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(out / "manifest.json")
