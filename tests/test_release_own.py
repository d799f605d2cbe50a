"""Releases of runs on text of one's own, and the rounds that a card tells of."""

import json
import shutil

import pytest

from bytelatent.metrics import TrainingRound, find_rounds
from bytelatent.release import main
from tests import tiny
from tests.test_release import finished_run, lines, rows, section


@pytest.fixture
def own_corpus(tmp_path):
    """Text of one's own: neither a manifest nor a test split."""
    corpus = tiny.write_corpus(tmp_path / "own")
    shutil.rmtree(corpus / "test")
    (corpus / "manifest.json").unlink()
    (corpus / "valid" / "austen.jsonl").write_text('{"text": "not the one we know"}\n')
    return corpus


@pytest.mark.parametrize("manifest", [None, {"sources": []}])
def test_a_corpus_of_ones_own_will_do(own_corpus, tmp_path, manifest, caplog) -> None:
    if manifest is not None:
        (own_corpus / "manifest.json").write_text(json.dumps(manifest))
    weights = tiny.entropy_model(tmp_path / "weights")
    run = finished_run(tmp_path, "mine", weights, corpus=own_corpus)
    out = tmp_path / "mine"
    assert (
        main([str(run), str(out), "--limit", "90", "--text-bytes", "0", "--patch-size", "3"]) == 0
    )
    assert "does not tell the licences of songs, vers" in caplog.text
    assert "no test split; valid is measured" in caplog.text
    assert not (out / "NOTICE").exists()
    card = (out / "README.md").read_text()
    assert "license: unknown" in card and "Apache" not in card and "NOTICE" not in card
    assert "The corpus has no test split: documents of the validation split" in card
    assert "no training document holds a part" not in card
    assert "build_corpus" not in card
    assert "The licences of songs, vers are unknown" in section(card, "Data and licences")
    assert rows(card, "Data and licences")["songs"][:4] == ["unknown", "unknown", "-", "75.0%"]
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["split"] == "valid" and set(evaluation["sources"]) == {"songs", "vers"}


def test_sources_that_the_manifest_lacks_are_named(own_corpus, tmp_path) -> None:
    manifest = json.loads((tiny.write_corpus(tmp_path / "whole") / "manifest.json").read_text())
    manifest["sources"] = [one for one in manifest["sources"] if one["source"] != "vers"]
    (own_corpus / "manifest.json").write_text(json.dumps(manifest))
    (own_corpus / "valid" / "songs.jsonl").unlink()  # nor is every source held out
    weights = tiny.entropy_model(tmp_path / "weights")
    run, out = finished_run(tmp_path, "half", weights, corpus=own_corpus), tmp_path / "half"
    assert (
        main([str(run), str(out), "--limit", "90", "--text-bytes", "0", "--patch-size", "3"]) == 0
    )
    notice, card = (out / "NOTICE").read_text(), (out / "README.md").read_text()
    assert "songs (en): public domain" in notice
    assert "The licences of other texts are unknown: vers." in notice
    assert "license: unknown" in card and "The licences of vers are unknown" in card
    assert rows(card, "Data and licences")["songs"][1] == "public domain"


def test_half_an_entry_of_the_manifest_is_refused(own_corpus, tmp_path, capsys) -> None:
    manifest = json.loads((tiny.write_corpus(tmp_path / "whole") / "manifest.json").read_text())
    del manifest["sources"][0]["licence"]
    (own_corpus / "manifest.json").write_text(json.dumps(manifest))
    run = finished_run(tmp_path, "x", tiny.entropy_model(tmp_path / "w"), corpus=own_corpus)
    assert main([str(run), str(tmp_path / "x")]) == 1
    assert "manifest.json: source 'songs' lacks licence" in capsys.readouterr().err


def test_rounds_begin_where_the_learning_rate_rises_again() -> None:
    once = lines(0.5, 1, 1, 0.5, 0.1)
    assert find_rounds(once) == [TrainingRound(10, 0.5, 50, 0.1)]
    twice = [*once, {"step": 50, "valid_bits_per_byte": 3}, *lines(0, 0, 0, 0, 0, 0.9, 0.2)[5:]]
    assert find_rounds(twice) == [TrainingRound(10, 0.5, 50, 0.1), TrainingRound(60, 0.9, 70, 0.2)]
    # Steps that were run again after a kill are no round.
    again = [*once, *lines(0.5, 1, 1, 0.5, 0.1, 0.05)[3:]]
    assert find_rounds(again) == [TrainingRound(10, 0.5, 60, 0.05)]
    assert find_rounds([]) == []
