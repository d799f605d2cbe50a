"""`setup/build_corpus.py` on tiny made-up sources: no network, no package."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import itertools
import json
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

SETUP = str(Path(__file__).parents[2] / "setup")
sys.path.insert(0, SETUP)  # a folder of scripts, not an installed package
try:
    build_corpus = importlib.import_module("build_corpus")
    clean = importlib.import_module("corpus.clean")
    extract = importlib.import_module("corpus.extract")
    fetch = importlib.import_module("corpus.fetch")
    shards = importlib.import_module("corpus.shards")
    prose = importlib.import_module("corpus.sources.prose")
    reference = importlib.import_module("corpus.sources.reference")
    technical = importlib.import_module("corpus.sources.technical")
    from corpus.document import Document, Heading, Registry, Source, Verbatim
finally:
    sys.path.remove(SETUP)

LONG = "All human beings are born free and equal in dignity and rights. " * 4


def tiny_registry(count: int = 300) -> Registry:
    """Two sources: `tiny` with `count` documents, `twin` with one of those and one of its own."""
    registry = Registry()

    @registry.source("tiny", licence="CC0-1.0", note="made up", held_out=lambda i: i == "tiny/3")
    def tiny() -> Iterator[Document]:
        for number in range(count):
            yield Document(f"tiny/{number}", [Heading(f"Number {number}"), LONG])

    @registry.source("twin", licence="CC0-1.0", note="made up", lang="mul")
    def twin() -> Iterator[Document]:
        yield Document("twin/same", [Heading("Number 7"), LONG])
        yield Document("twin/own", ["Ünïcödé " + LONG], lang="de")

    return registry


def run(out: Path, *arguments: str, registry: Registry | None = None) -> int:
    return build_corpus.main(["--out", str(out), *arguments], registry or tiny_registry())


def records(out: Path, name: str) -> dict[str, list[dict[str, str]]]:
    found = {}
    for split in shards.SPLITS:
        path = out / split / f"{name}.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        found[split] = [json.loads(line) for line in lines]
    return found


# Cleaning


def test_prose_is_normalised_and_its_blanks_collapse() -> None:
    block = "  Cafe\u0301 \t\u00a0noir\r\nnext\x00\x07 line\n\n\n\nend\ufeff "
    assert clean.clean_block(block) == "Café noir\nnext line\n\nend"
    assert unicodedata.is_normalized("NFC", clean.clean_block(block))


def test_code_keeps_its_blanks_and_tabs() -> None:
    code = Verbatim("\nif x:\n    y =  1   \n\tz\n")
    assert clean.clean_block(code) == "if x:\n    y =  1\n\tz"


def test_zero_width_space_goes_beside_ascii_and_stays_in_khmer() -> None:
    assert clean.clean_block("pg_\u200bclass") == "pg_class"
    assert clean.clean_block("ក\u200bខ") == "ក\u200bខ"


def test_headings_and_code_are_set_off_by_blank_lines() -> None:
    blocks = ["one", "two", Heading("Title"), "three", Verbatim("  code"), "", "four"]
    assert clean.join_blocks(blocks) == "one\ntwo\n\nTitle\nthree\n\n  code\n\nfour"
    assert clean.join_blocks(["one", "two"], "\n\n") == "one\n\ntwo"


def test_short_broken_and_repeated_documents_are_dropped() -> None:
    documents = [
        Document("a", [LONG]),
        Document("b", ["too short"]),
        Document("c", [LONG + "\ufffd"]),
        Document("d", [f" {LONG} "]),
        Document("e", ["é" * 99]),  # 198 bytes
        Document("f", ["é" * 100]),
    ]
    dropped: Counter[str] = Counter()
    kept = list(clean.clean_documents(documents, set(), dropped, dedupe_paragraphs=False))
    assert [document.id for document, _ in kept] == ["a", "f"]
    assert dropped == {"short": 2, "undecodable": 1, "duplicate": 1}


def test_equal_ids_are_an_error() -> None:
    documents = [Document("a", [LONG]), Document("a", [LONG + "more"])]
    with pytest.raises(ValueError, match="'a' occurs twice"):
        list(clean.clean_documents(documents, set(), Counter(), dedupe_paragraphs=False))


def test_repeated_paragraphs_go_but_headings_and_short_ones_stay() -> None:
    formula = "The name of the bucket that holds the objects."
    documents = [
        Document(name, [Heading("Overview of a service: what it is for"), formula, "Yes.", own])
        for name, own in (("a", LONG), ("b", LONG + "Also this."))
    ]
    texts = [text for _, text in clean.clean_documents(documents, set(), Counter(), True)]
    assert [formula in text for text in texts] == [True, False]
    assert all(text.startswith("Overview") and "Yes." in text for text in texts)


# Splits, shards, manifest


def test_split_depends_on_the_id_alone_and_is_about_one_percent() -> None:
    source = Source("s", iter, (), "CC0-1.0", "")
    names = [f"document/{number}" for number in range(20_000)]
    first = [shards.split_of(source, name) for name in names]
    assert first == [shards.split_of(source, name) for name in names]
    counts = Counter(first)
    assert 150 < counts["valid"] < 250 and 150 < counts["test"] < 250
    bucket = int(hashlib.sha256(b"document/0").hexdigest()[:16], 16) % 100
    assert first[0] == {0: "valid", 1: "test"}.get(bucket, "train")


def test_held_out_documents_are_test_documents() -> None:
    known = build_corpus.REGISTRY
    assert shards.split_of(known["austen"], "persuasion/12") == "test"
    speeches = [f"sotu/{year}-President-1" for year in range(2016, 2027)]
    assert {shards.split_of(known["sotu"], name) for name in speeches} == {"test"}
    assert shards.split_of(known["sotu"], "sotu/2015-Obama-1") == "train"


def test_run_writes_every_document_once_and_a_true_manifest(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    tiny, twin = records(tmp_path, "tiny"), records(tmp_path, "twin")
    assert sum(map(len, tiny.values())) == 300
    assert "tiny/3" in [record["id"] for record in tiny["test"]]
    (own,) = [record for split in twin.values() for record in split]
    assert own["id"] == "twin/own" and own["source"] == "twin" and own["lang"] == "de"
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert [entry["source"] for entry in manifest["sources"]] == ["tiny", "twin"]
    for entry in manifest["sources"]:
        assert entry["licence"] == "CC0-1.0" and entry["note"] == "made up"
        for split, found in records(tmp_path, entry["source"]).items():
            assert entry["documents"][split] == len(found)
            assert entry["bytes"][split] == sum(len(r["text"].encode()) for r in found)
            path = tmp_path / split / f"{entry['source']}.jsonl"
            assert path.exists() == bool(found)
            if found:
                sha = hashlib.sha256(path.read_bytes()).hexdigest()
                assert entry["sha256"][split] == sha
    assert manifest["sources"][1]["dropped"] == {"duplicate": 1}
    total = sum(sum(entry["bytes"].values()) for entry in manifest["sources"])
    assert manifest["total_bytes"] == total == sum(manifest["bytes"].values())


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        run(out)
    run(outs[1], "--force")
    files = [{p.relative_to(o): p.read_bytes() for p in o.rglob("*.json*")} for o in outs]
    assert files[0] == files[1] and len(files[0]) == 5


def test_a_finished_source_is_skipped_and_a_missing_shard_rebuilt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    shard = tmp_path / "train" / "tiny.jsonl"
    before = shard.stat().st_mtime_ns
    capsys.readouterr()
    assert run(tmp_path) == 0
    assert capsys.readouterr().out.count("skipped") == 2
    assert shard.stat().st_mtime_ns == before
    shard.unlink()
    assert run(tmp_path) == 0
    assert capsys.readouterr().out.count("skipped") == 1
    assert shard.exists()


def test_only_builds_the_named_source_and_keeps_the_others_in_the_manifest(tmp_path: Path) -> None:
    run(tmp_path, "--only", "twin")
    assert not (tmp_path / "train" / "tiny.jsonl").exists()
    run(tmp_path, "--only", "tiny")
    assert list(shards.read_manifest(tmp_path)) == ["tiny", "twin"]
    texts = [text for name in ("tiny", "twin") for text in shards.read_texts(tmp_path, name)]
    assert len(texts) == len(set(texts)) == 301  # whichever came first keeps the common document


def test_a_failing_source_is_reported_and_leaves_the_rest_and_its_old_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    old = (tmp_path / "train" / "tiny.jsonl").read_bytes()
    registry = tiny_registry()

    def broken() -> Iterator[Document]:
        yield Document("tiny/1", [LONG])
        raise RuntimeError("the package is empty")

    registry["tiny"] = Source("tiny", broken, (), "CC0-1.0", "made up")
    assert run(tmp_path, "--force", registry=registry) == 1
    printed = capsys.readouterr()
    assert "failed: tiny: RuntimeError: the package is empty" in printed.err
    assert "twin" in printed.out
    assert (tmp_path / "train" / "tiny.jsonl").read_bytes() == old
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_source_without_documents_fails(tmp_path: Path) -> None:
    source = Source("none", iter, (), "CC0-1.0", "")
    with pytest.raises(ValueError, match="none gave no document"):
        shards.write_shards(tmp_path, source, [])
    assert not list(tmp_path.rglob("*.jsonl*"))


def test_sources_of_few_documents_hold_out_more() -> None:
    names = [f"page/{number}" for number in range(5_000)]
    counts = {}
    for percent in (1, 4):
        source = Source("s", iter, (), "CC0-1.0", "", held_percent=percent)
        counts[percent] = Counter(shards.split_of(source, name) for name in names)
    assert 30 < counts[1]["valid"] < 70 and 30 < counts[1]["test"] < 70
    assert 160 < counts[4]["valid"] < 240 and 160 < counts[4]["test"] < 240


def test_a_document_has_the_language_of_its_source_or_its_own(tmp_path: Path) -> None:
    source = Source("s", iter, (), "CC0-1.0", "", lang="am")
    pairs = [(Document("s/1", []), "one"), (Document("s/2", [], lang="ti"), "two")]
    shards.write_shards(tmp_path, source, pairs)
    found = {r["id"]: r["lang"] for split in records(tmp_path, "s").values() for r in split}
    assert found == {"s/1": "am", "s/2": "ti"}


def test_the_manifest_and_the_table_know_language_and_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = tiny_registry(5)
    run(tmp_path, registry=registry)
    registry["tiny"] = dataclasses.replace(registry["tiny"], kind="code", note="better known")
    capsys.readouterr()
    run(tmp_path, registry=registry)  # both are finished: the description is refreshed all the same
    entry = shards.read_manifest(tmp_path)["tiny"]
    assert (entry["lang"], entry["kind"], entry["note"]) == ("en", "code", "better known")
    printed = capsys.readouterr().out
    assert "train: 0.0 MB (code 0.0, mul 0.0)" in printed
    assert any(line.startswith("twin") and " mul " in line for line in printed.splitlines())


# Command line, registry, packages


def test_unknown_sources_are_named_with_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        run(tmp_path, "--only", "tiny", "moby-dick")
    assert stop.value.code == 2
    assert "unknown source moby-dick; known: tiny, twin" in capsys.readouterr().err


def test_it_runs_as_a_script_from_the_repository_root() -> None:
    command = [sys.executable, "setup/build_corpus.py", "--list"]
    listed = subprocess.run(command, cwd=Path(SETUP).parent, capture_output=True, text=True)
    assert listed.returncode == 0 and "wikipedia" in listed.stdout, listed.stderr


def test_list_shows_every_source_with_licence_and_package(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert build_corpus.main(["--list"]) == 0
    listed = capsys.readouterr().out
    for source in build_corpus.REGISTRY.values():
        assert source.name in listed and source.licence in listed
        assert all(package in listed for package in source.packages)
        # What is only measured on may be under any licence: no model learns from it.
        assert source.kind == "held-out" or not source.licence.startswith("GPL")


def test_a_name_is_registered_once() -> None:
    registry = tiny_registry(1)
    with pytest.raises(ValueError, match="registered twice"):
        registry.source("tiny", licence="", note="")(iter)


def test_fetch_takes_an_unpacked_package_from_the_cache(tmp_path: Path) -> None:
    folder = tmp_path / "pypi" / "tiny==1.0"
    folder.mkdir(parents=True)
    assert fetch.fetch("pypi:tiny==1.0", tmp_path) == folder


def test_fetch_refuses_unknown_kinds_and_wrong_hashes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'gem:tiny' is not KIND:SPEC"):
        fetch.fetch("gem:tiny", tmp_path)
    archive = tmp_path / "npm" / "tiny@1.0.dl" / "tiny-1.0.tgz"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"tiny-1\.0\.tgz has another sha256"):
        fetch.fetch("npm:tiny@1.0", tmp_path, "0" * 64)


# Extraction


def test_html_gives_headings_paragraphs_code_and_table_rows() -> None:
    pytest.importorskip("lxml")
    page = """<body><nav>Menu</nav><h1>Title</h1><p>One <b>bold</b>
      line &amp; é.</p><pre>a\n  b</pre><table><tr><th>x</th><th>y</th></tr>
      <tr><td><p>only</p></td></tr></table><div class=toc>Contents</div></body>""".encode()
    blocks = extract.html_blocks(page, drop="//div[@class='toc']")
    assert blocks == ["Title", "One bold line & é.", "a\n  b", "x | y", "only"]
    assert [type(block) for block in blocks] == [Heading, str, Verbatim, str, str]


def test_missing_lxml_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lxml.html", None)
    with pytest.raises(RuntimeError, match="pip install lxml"):
        extract.html_blocks(b"<p>text</p>")


def test_markup_fragments_become_paragraphs() -> None:
    text = "<p>Adds <code> <a href='x'>Key</a> </code>.</p> <ul><li>If a &lt; b</li></ul>"
    assert extract.markup_paragraphs(text) == ["Adds Key.", "If a < b"]


def test_chapters_are_numbered_through_the_novel() -> None:
    lines = ["(1818)", "Chapter 1", "He", "came.", "VOLUME II", "Chapter I", "_She_ went.", "FINIS"]
    chapters = [(n, prose.chapter_paragraphs(part)) for n, part in prose.novel_chapters(lines)]
    texts = [(number, [p for p in paragraphs if p]) for number, paragraphs in chapters]
    assert texts == [(1, ["He came."]), (2, ["She went."])]
    noted = prose.novel_chapters(["Emma", "CHAPTER I", "She", "A NOTE ON THE TEXT", "note"])
    assert list(noted) == [(1, ["She"])]


def test_wiki_leftovers_are_removed() -> None:
    text = (
        'A chair ( ) is a seat<ref name="x">A book</ref> , 1 large (1 cup/) and ( ;also) 5&deg;C.'
    )
    assert prose.wiki_text(text) == "A chair is a seat, 1 large (1 cup) and (also) 5°C."


def test_factbook_fields_become_one_line() -> None:
    field = {"total": {"text": "5 sq km"}, "map": {"text": None}, "text": "rank: 3 ++ 4"}
    assert reference.field_text(field) == "total: 5 sq km; rank: 3; 4"


def test_wordnet_lines_become_definitions() -> None:
    line = "00004258 03 a 02 living_thing 0 alive(p) 0 001 @ 00004475 n 0000 | not `dead' ; new  "
    assert reference.wordnet_entry(line) == "living thing, alive: not 'dead'; new"


def test_the_sample_of_a_long_list_is_even_and_small_enough() -> None:
    units = [[f"{number:04d} " + "x" * 92] for number in range(1000)]  # 100 bytes each
    taken = [int(unit[0][:4]) for unit in technical.spread(units, 0.2)]
    assert len(taken) == 200
    assert {later - earlier for earlier, later in itertools.pairwise(taken)} == {5}
