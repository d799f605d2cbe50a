"""Texts from outside the mix, and compressors beside the model."""

import json

import pytest

from bytelatent.data.held_out import held_out
from bytelatent.eval import main
from bytelatent.evaluation.compressors import XZ, ZSTD, compressed_sizes
from bytelatent.evaluation.corpus import evaluate
from bytelatent.loading import load_text_model
from tests import tiny


def add_outside(corpus, **texts) -> None:
    """Test-only sources of the kind ``held-out``."""
    manifest = json.loads((corpus / "manifest.json").read_text())
    for name, text in texts.items():
        source = f"held-{name}"
        row = {"id": f"{source}/1", "source": source, "lang": "zxx", "text": text}
        (corpus / "test" / f"{source}.jsonl").write_text(json.dumps(row) + "\n")
        entry = {"source": source, "lang": "zxx", "kind": "held-out"}
        manifest["sources"].append(entry)
    (corpus / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("outside")
    corpus = tiny.write_corpus(root / "corpus")
    add_outside(corpus, dna="ACGTTGCAAC" * 30, crlf="a line\r\nand more\r\n" * 9)
    tiny.entropy_model(root / "lm")
    return root


def evaluated(root, capsys, *more):
    out = root / "eval.json"
    words = [f"model={root / 'lm'}", f"data.root_dir={root / 'corpus'}", f"out={out}"]
    assert main([*words, "generate.prompts=[]", *more]) == 0
    return json.loads(out.read_text()), capsys.readouterr().out


def test_they_stand_by_themselves_and_in_no_sum(root, capsys) -> None:
    result, printed = evaluated(root, capsys)
    assert set(result["outside"]) == {"held-dna", "held-crlf"}
    assert set(result["sources"]) == {"songs", "vers", "programs"}
    assert "held-out" not in result["kinds"] and "zxx" not in result["languages"]
    total = result["total"]["bytes"]
    assert total == sum(one["bytes"] for one in result["sources"].values())
    assert result["outside"]["held-crlf"]["bytes"] == 18 * 9, "line ends stay as they are"
    lines = printed.splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("texts from outside the mix"))
    assert [line.split()[0] for line in lines[head + 1 : head + 3]] == ["held-crlf", "held-dna"]
    assert any(line.startswith("all of the mix") for line in lines)


def test_they_can_be_measured_alone(root, capsys) -> None:
    result, printed = evaluated(root, capsys, "sources=[held-dna]")
    assert result["sources"] == {} and list(result["outside"]) == ["held-dna"]
    assert "held-dna" in printed and "\nall" not in printed


def test_a_corpus_without_them_has_no_such_table(root, capsys) -> None:
    result, printed = evaluated(root, capsys, "sources=[songs]")
    assert "outside" not in result and "outside the mix" not in printed
    assert "\nall " in printed


def test_compressors_get_the_same_bytes_a_stream_for_each_source(root) -> None:
    corpus = held_out(root / "corpus", "test", ["songs", "vers"])
    scores = list(evaluate(load_text_model(str(root / "lm")), corpus))
    for source, one in zip(corpus, scores, strict=True):
        sizes = compressed_sizes(b"".join(source.documents))
        assert one.score.as_dict()["compressors"] == {
            name: pytest.approx(8 * size / one.score.size) for name, size in sizes.items()
        }


def test_their_sizes_are_added_up(root, capsys) -> None:
    result, printed = evaluated(root, capsys, "sources=[songs,vers]")
    songs, vers, prose = result["sources"]["songs"], result["sources"]["vers"], result["kinds"]
    for name in (XZ, ZSTD):
        bits = sum(one["bytes"] * one["compressors"][name] for one in (songs, vers))
        assert prose["prose"]["compressors"][name] == pytest.approx(bits / prose["prose"]["bytes"])
    assert XZ in printed and f"{songs['compressors'][XZ]:.3f}" in printed
    assert "joined into one stream" in result["data"]["compressors"]
