"""The comparison of ways to find sentences, its command, and what the documents say of it."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytelatent.graph.bigrams import WordBigrams
from bytelatent.graph.comparing import Comparison, Method, best_threshold, compare
from bytelatent.graph.endings import THRESHOLD, read_documents
from bytelatent.graph.entities import unavailable
from bytelatent.graph.sentences import COLUMNS, main, table
from tests.graph.test_endings import Made

ROOT = Path(__file__).parents[2]
SAMPLE = "# tuning: a\nMr. T came.\nThen he left.\n\n# report: b\nDid he, Mr. T?\nHe did!\nYes.\n"


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 2.0]), st.booleans()), min_size=1))
def test_the_best_threshold_is_the_best(pairs) -> None:
    scores, truth = (np.array(column) for column in zip(*pairs, strict=True))

    def f1(threshold: float) -> float:
        guessed = scores >= threshold
        return 2 * (guessed & truth).sum() / max(guessed.sum() + truth.sum(), 1)

    assert f1(best_threshold(scores, truth)) == max(f1(value) for value in scores)


def test_entropies_of_words() -> None:
    counted = WordBigrams(["A b, a c!", "b"])
    assert counted.entropy == {"a": pytest.approx(math.log(2)), "b": 0.0, "c": 0.0}
    assert counted.certain == 2
    text = "A b, a c"
    places = [1, 4, 6]
    assert counted.scores(text, places).tolist() == pytest.approx([math.log(2), 0, math.log(2)])


@pytest.mark.skipif(unavailable() is not None, reason="the extra [graph] is not installed")
def test_every_method_is_measured(tmp_path) -> None:
    path = tmp_path / "known.txt"
    path.write_text(SAMPLE)
    found = compare(read_documents(path), Made())
    methods = {one.key: one for one in found.methods}
    assert len(methods) == len(found.methods) == 11
    every = methods["every_sign"]
    assert (every.found, every.wrong, every.missed) == (2, 1, 0)
    odds = methods["byte_odds_signs"]
    assert (odds.found, odds.wrong, odds.missed) == (1, 0, 1), "the model knows no exclamation"
    assert (odds.precision, odds.recall) == (1, 0.5) and odds.f1 == pytest.approx(2 / 3)
    for one in found.methods:
        assert one.found + one.missed == 2 and 0 <= one.low <= one.f1 <= one.high <= 1
    parser = methods["spacy_parser"]
    assert parser.threshold is None and parser.found == 2
    assert found.counts["report"] == {
        "documents": 1, "bytes": 27, "ends": 2, "signs": 3, "blanks": 6
    }  # fmt: skip


def test_missing_parts_are_named(tmp_path, capsys, monkeypatch) -> None:
    assert main(["--sample", str(tmp_path / "none.txt")]) == 1
    assert "none.txt does not exist" in capsys.readouterr().err
    (tmp_path / "bad.txt").write_bytes(b"\xff")
    assert main(["--file", str(tmp_path / "bad.txt")]) == 1
    assert capsys.readouterr().err.endswith("is no UTF-8 text: invalid start byte at byte 0\n")
    monkeypatch.setattr("bytelatent.graph.comparing.unavailable", lambda: "install it")
    with pytest.raises(ValueError, match="install it"):
        compare(read_documents(), Made())


def test_the_command_prints_sentences(tmp_path, capsys) -> None:
    path = tmp_path / "text.txt"
    path.write_text("The letter was from Mr. Darcy. She read it twice.\n\nThe end")
    assert main(["--file", str(path)]) == 0
    assert (
        capsys.readouterr().out == "The letter was from Mr. Darcy.\nShe read it twice.\nThe end\n"
    )


def test_the_documents_give_the_measured_numbers() -> None:
    data = json.loads((ROOT / "plot_data" / "sentence_boundaries.json").read_text("utf-8"))
    page = (ROOT / "docs" / "graph.md").read_text(encoding="utf-8")
    fields = Method.__dataclass_fields__
    methods = [Method(**{name: row[name] for name in fields}) for row in data["methods"]]
    words, certain = data["words"], data["certain_words"]
    rows = [COLUMNS, *table(Comparison(data["model"], data["counts"], certain, words, methods))]
    written = re.findall(r"^\| (.*) \|$", page, re.MULTILINE)
    assert [" | ".join(row) for row in rows] == [row for row in written if row.count("|") == 5]
    report, tuning = data["counts"]["report"], data["counts"]["tuning"]
    for said in (
        f"{report['documents']} documents, {report['bytes']:,} bytes, {report['ends']} sentence",
        f"{tuning['documents']} others with {tuning['ends']} ends",
        f"{report['signs']} signs",
        f"{report['blanks']:,} blanks",
        f"{certain:,} of {words:,}",
    ):
        assert said in " ".join(page.split()), said
    chosen = {row["key"]: row["threshold"] for row in data["methods"]}
    assert chosen["byte_odds_signs"] == pytest.approx(THRESHOLD, abs=0.005)
