"""What the corpus makes of its own texts: forms of prose, generated structure, held-out kinds."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import yaml

SETUP = str(Path(__file__).parents[2] / "setup")
sys.path.insert(0, SETUP)  # a folder of scripts, not an installed package
try:
    build_corpus = importlib.import_module("build_corpus")
    clean = importlib.import_module("corpus.clean")
    draw = importlib.import_module("corpus.draw")
    shaping = importlib.import_module("corpus.shaping")
    shards = importlib.import_module("corpus.shards")
    forms = importlib.import_module("corpus.sources.forms")
    held_logs = importlib.import_module("corpus.sources.held_logs")
    made_logs = importlib.import_module("corpus.sources.made_logs")
    made_objects = importlib.import_module("corpus.sources.made_objects")
    made_repeats = importlib.import_module("corpus.sources.made_repeats")
    made_sequences = importlib.import_module("corpus.sources.made_sequences")
    made_tables = importlib.import_module("corpus.sources.made_tables")
    more_code = importlib.import_module("corpus.sources.more_code")
    from corpus.document import Document, Exact, Heading, Registry
finally:
    sys.path.remove(SETUP)

WORD_LIST = (
    "apple basket candle dragon engine forest garden harbor island jacket kettle ladder magnet "
    "needle orange pencil quiver ribbon saddle tablet under violet window yellow zipper anchor "
    "bridge castle desert effort"
)
PLAIN = WORD_LIST.split(" ")
WORDS = draw.Words(
    plain=PLAIN,
    names=["Anna", "Berlin", "Cairo", "Delhi", "Emma", "Fermat"],
    titles=["Abstract art", "Berlin", "Iron (II) oxide, pure"],
    sentences=['He said, "Well; that is it."', "The river flows to the sea."],
    foreign=["мир", "αρχή", "நீர்", "eau"],
)
PROSE = [
    f'In the year {1800 + n}, it was said: "We shall see -- and soon." ' + "So it went on. " * 12
    for n in range(6)
]
NUMBERS = range(150)


def made(generate, name: str) -> Iterator[str]:
    """Documents as the corpus would generate them, from a small vocabulary."""
    for number in NUMBERS:
        yield generate(draw.Draw(Random(f"{name}/{number}"), WORDS))


def registry_of(count: int = 120) -> Registry:
    """Parents with a few paragraphs each, a form of them, what is held out, what is copied."""
    registry = Registry()
    own = {"licence": "CC0-1.0", "note": "made up."}

    @registry.source("wikipedia", held_percent=20, **own)
    def wikipedia() -> Iterator[Document]:
        for n in range(count):
            rest = [paragraph.replace("year", f"year {n},") for paragraph in PROSE]
            yield Document(f"wikipedia/{n}", [Heading(f"Title {n}"), *rest])

    @registry.source("form", parents=("wikipedia",), kind="form", **own)
    def form(parents: object) -> Iterator[Document]:
        return forms.forms(parents, name="form", share=0.7, form=forms.crlf)

    @registry.source("held-x", parents=("wikipedia",), kind="held-out", **own)
    def held(parents) -> Iterator[Document]:
        for record in parents.records("test"):
            yield Document(f"held-x/{record['id']}", [Exact(record["text"])], split="test")

    return registry


def run(out: Path, registry: Registry, *arguments: str) -> int:
    return build_corpus.main(["--out", str(out), *arguments], registry)


def test_a_form_is_in_the_split_of_the_document_that_it_is_made_of(tmp_path: Path) -> None:
    assert run(tmp_path, registry_of()) == 0
    splits = {}
    for split in shards.SPLITS:
        for record in shards.read_records(tmp_path, "wikipedia", split):
            splits[record["id"]] = split
    found = 0
    for split in shards.SPLITS:
        for record in shards.read_records(tmp_path, "form", split):
            parent = record["id"].removeprefix("form/wikipedia/").rpartition("/")[0]
            assert splits[parent] == split and "\r\n" in record["text"]
            found += 1
    assert found > 50 and set(splits.values()) == set(shards.SPLITS)


def test_held_out_text_is_in_no_training_document(tmp_path: Path) -> None:
    run(tmp_path, registry_of())
    assert not (tmp_path / "train" / "held-x.jsonl").exists()
    held = {record["text"] for record in shards.read_records(tmp_path, "held-x", "test")}
    names = ("wikipedia", "form")
    trained = {r["text"] for name in names for r in shards.read_records(tmp_path, name, "train")}
    assert held and not held & trained
    sources = build_corpus.REGISTRY.values()
    for source in sources:
        assert source.name.startswith("held-") == (source.kind == "held-out")
        if source.kind == "held-out":
            assert shards.split_of(source, "anything") == "test"
            read = {p for other in sources if other.kind != "held-out" for p in other.packages}
            assert not read & set(source.packages)


def test_two_builds_of_forms_give_the_same_bytes(tmp_path: Path) -> None:
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        run(out, registry_of())
    files = [{p.relative_to(o): p.read_bytes() for p in o.rglob("*.json*")} for o in outs]
    assert files[0] == files[1] and len(files[0]) == 8


def test_what_is_made_of_a_changed_source_is_built_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, registry_of())
    manifest = shards.read_manifest(tmp_path)
    assert list(manifest["form"]["parents"]) == ["wikipedia"]
    capsys.readouterr()
    run(tmp_path, registry_of())
    assert capsys.readouterr().out.count("skipped") == 3
    run(tmp_path, registry_of(121), "--only", "wikipedia", "--force")
    capsys.readouterr()
    run(tmp_path, registry_of(121))
    assert capsys.readouterr().out.count("skipped") == 1


def test_parents_that_are_not_built_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, registry_of(), "--only", "form") == 1
    assert "form is made of wikipedia: build that first" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["a\x00b", "a\rb", "a\ufeffb", "a\u2028b"])
def test_exact_text_with_control_characters_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="'x' is exact and holds control characters"):
        clean.document_text(Document("x", [Exact(text)]), [])
    kept = " a\t\r\n b  \n\n\n"
    assert clean.document_text(Document("x", [Exact(kept)]), []) == kept


@pytest.mark.parametrize("name", list(forms.FORMS))
def test_every_form_varies_and_is_fit_to_be_kept(name: str) -> None:
    form = forms.FORMS[name][1]
    texts = [form(list(PROSE), Random(str(n))) for n in range(60)]
    assert len(set(texts)) > 4
    for text in texts:
        clean.document_text(Document("x", [Exact(text)]), [])
        assert "1803" in text
    assert texts == [form(list(PROSE), Random(str(n))) for n in range(60)]


def test_wrapped_lines_keep_every_word() -> None:
    rng = Random(1)
    text = shaping.wrap(PROSE, shaping.Wrapping(60), rng)
    assert max(map(len, text.split("\n"))) <= 60
    assert text.split() == " ".join(PROSE).split()
    justified = shaping.wrap(PROSE, shaping.Wrapping(60, justify=True), rng)
    assert justified.split() == " ".join(PROSE).split()
    widths = [len(line) for line in justified.split("\n")]
    assert widths.count(60) > len(widths) / 2
    long = "Considerable information concerning extraordinary circumstances was gathered. " * 9
    cut = shaping.wrap([long], shaping.Wrapping(40, hyphenate=1.0), rng)
    assert "-\n" in cut and cut.replace("-\n", "").split() == long.split()


def test_quotes_become_typographic_and_straight_again() -> None:
    text = '"\'Tis Anna\'s," he said ("now").'
    assert shaping.curly(text) == "“‘Tis Anna’s,” he said (“now”)."
    assert shaping.straight(shaping.curly(text)) == text


def test_generated_tables_are_valid_csv() -> None:
    for text in made(made_tables.csv_table, "csv"):
        readings = []
        for delimiter in ",;|:^":
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
            readings.append({len(row) for row in reader})
        assert any(len(widths) == 1 and min(widths) > 1 for widths in readings)


def test_generated_tsv_has_as_many_cells_in_every_row() -> None:
    for text in made(made_tables.tsv_table, "tsv"):
        rows = [line for line in text.split("\n") if "\t" in line]
        assert len({line.count("\t") for line in rows}) == 1


def test_generated_objects_are_valid() -> None:
    for text in made(made_objects.json_document, "json"):
        json.loads(text)
    for text in made(made_objects.json_lines, "jsonl"):
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
    for text in made(made_objects.yaml_document, "yaml"):
        assert yaml.safe_load(text)
    for text in made(made_objects.xml_document, "xml"):
        ElementTree.fromstring(text.encode())


GENERATORS = {
    "csv": made_tables.csv_table, "tables": made_tables.table, "json": made_objects.json_document,
    "ini": made_objects.settings, "logs": made_logs.log, "hex": made_sequences.hex_dump,
    "base64": made_sequences.encoded, "numbers": made_sequences.numbers,
    "sequences": made_sequences.sequences,
}  # fmt: skip


@pytest.mark.parametrize("name", list(GENERATORS))
def test_generators_are_repeatable_and_fit_to_be_kept(name: str) -> None:
    texts = list(made(GENERATORS[name], name))
    assert texts == list(made(GENERATORS[name], name))
    assert len(set(texts)) == len(texts)
    for text in texts:
        clean.document_text(Document("x", [Exact(text)]), [])
        assert 150 < len(text) < 24_000


def test_passages_come_again() -> None:
    texts = [f"{n} {' '.join(PLAIN)}. " * 4 for n in range(30)]
    again = 0
    for number in NUMBERS:
        text = made_repeats.repeats(texts, draw.Draw(Random(f"r/{number}"), WORDS))
        assert text == made_repeats.repeats(texts, draw.Draw(Random(f"r/{number}"), WORDS))
        again += text[:40] in text[40:]
    assert again > len(NUMBERS) / 4


def test_training_never_sees_the_form_of_the_held_out_dna() -> None:
    for text in made(made_sequences.sequences, "dna"):
        assert not re.search("[ACGT]{200}", text)


def test_held_out_logs_share_no_template_with_the_generated_ones() -> None:
    held = [json.loads(line) for d in held_logs.json_logs() for line in d.blocks[0].splitlines()]
    held_keys = {tuple(sorted(record)) for record in held}
    for generate in (made_objects.json_lines, made_logs.log):
        for text in made(generate, "logs"):
            for line in text.splitlines():
                keys = json.loads(line) if line.startswith("{") else {}
                assert tuple(sorted(keys)) not in held_keys
    words = {word for body in held_logs.BODIES for word in re.findall("[a-z]+", body)}
    assert {"tenant", "quorum", "lease", "shard"} <= words & draw.RESERVED


def test_minified_code_is_cut_behind_statements() -> None:
    text = "a{color:red}" * 40 + "b()"
    parts = list(more_code.pieces(text, 100))
    assert "".join(parts) == text and all(part.endswith("}") for part in parts[:-1])
