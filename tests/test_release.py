"""Model folders that can be shipped, made from finished runs of both kinds."""

import json
import re
import shutil

import numpy as np
import pytest
import torch

from bytelatent.config import save_args
from bytelatent.data.held_out import held_out
from bytelatent.evaluation.corpus import evaluate, overall
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.loading import load_text_model, read_settings
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.release import main
from bytelatent.runtime import EntropyRuntime
from bytelatent.runtime.onnx_format import BLT_GRAPHS
from bytelatent.transformer import LMTransformer
from tests import tiny
from tests.test_outside import add_outside


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A corpus, and a folder for runs; names of models are folders in it."""
    root = tmp_path_factory.mktemp("release")
    corpus = tiny.write_corpus(root / "corpus")
    manifest = json.loads((corpus / "manifest.json").read_text())
    for source in ("austen", "sotu"):  # prose that is measured whole
        text = json.dumps({"text": f"Words of {source}, which no run has seen. " * 9})
        (corpus / "test" / f"{source}.jsonl").write_text(text + "\n")
        manifest["sources"].append({**manifest["sources"][0], "source": source})
    (corpus / "manifest.json").write_text(json.dumps(manifest))
    add_outside(corpus, dna="ACGTTGCAAC" * 30)
    return root


def finished_run(root, name, model, **changes):
    """The folder of a run that ended with the weights in ``model``."""
    folder = root / "runs" / name
    args = tiny.run_args(changes.pop("corpus", root / "corpus"), folder, name=name, **changes)
    shutil.copytree(model, folder / "model")
    (folder / "config.yaml").write_text(save_args(args))
    lines = [
        {"step": 10, "bits_per_byte": 4.0, "bytes": 1_900_000, "bytes_per_second": 2000.0},
        {"step": 20, "bits_per_byte": 3.0, "bytes": 3_800_000, "bytes_per_second": 4000.0},
        {"step": 20, "valid_bits_per_byte": 3.5},
    ]
    rows = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(rows)
    return folder


@pytest.fixture(scope="module")
def entropy_release(root):
    """An entropy model as released."""
    run = finished_run(root, "tiny-lm", tiny.entropy_model(root / "weights" / "lm"))
    words = ["--limit", "300", "--text-bytes", "20", "--patch-size", "3"]
    assert main([str(run), str(root / "tiny-lm"), *words]) == 0
    return root / "tiny-lm"


@pytest.fixture(scope="module")
def blt_run(root, entropy_release):
    weights = tiny.blt(root / "weights" / "blt", entropy_release)
    named = {"patcher": {"threshold": 4.7}, "patcher_model": str(entropy_release)}
    return finished_run(root, "tiny-blt", weights, blt=tiny.BLT, dtype="bf16", **named)


@pytest.fixture(scope="module")
def blt_release(root, blt_run):
    words = ["--limit", "300", "--text-bytes", "20", "--dtype", "bf16"]
    assert main([str(blt_run), str(root / "tiny-blt"), *words]) == 0
    return root / "tiny-blt"


SHARED = {
    "NOTICE",
    "README.md",
    "calibration.json",
    "config.json",
    "evaluation.json",
    "metrics.jsonl",
    "model.safetensors",
    "train_args.json",
}


def section(card: str, title: str) -> str:
    return card.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(card: str, title: str) -> dict[str, list[str]]:
    """Rows of all tables of a section by their first cell."""
    lines = [line for line in section(card, title).splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in cells}


def test_an_entropy_model_is_whole(entropy_release, root) -> None:
    names = {path.name for path in entropy_release.iterdir()}
    assert names == SHARED | {"entropy.onnx"}
    assert not [path for path in root.iterdir() if path.name.startswith(".")]
    runtime = EntropyRuntime.load(entropy_release)
    patcher = BltTokenizerAndPatcher.from_pretrained(entropy_release).patcher_args
    assert runtime.threshold == patcher.threshold
    assert patcher.patch_size == 3
    found = load_text_model(str(entropy_release))
    corpus = held_out(root / "corpus", "valid", ["songs", "vers"])
    songs, vers = (1 / one.score.bytes_per_patch for one in evaluate(found, corpus))
    assert 1 / (0.75 * songs + 0.25 * vers) == pytest.approx(3, rel=0.05)
    data = b"ten green bottles"
    tokens = torch.tensor([[1, *(byte + 4 for byte in data)]])
    expected = -LMTransformer.from_pretrained(entropy_release)(tokens)[0].log_softmax(-1)
    nats = expected[range(17), tokens[0, 1:]].detach().numpy()
    np.testing.assert_allclose(runtime.analyse(data).nats, nats, atol=1e-4)


def test_the_card_of_an_entropy_model_says_what_was_measured(entropy_release, root) -> None:
    card = (entropy_release / "README.md").read_text()
    quality = rows(card, "Quality")
    scores = json.loads((entropy_release / "evaluation.json").read_text())
    assert set(scores["sources"]) == {"songs", "vers", "austen", "sotu"}
    for name, numbers in {**scores["sources"], **scores["languages"]}.items():
        bits, size = f"{numbers['bits_per_byte']:.3f}", f"{numbers['bytes']:,}"
        assert quality[name][:2] == [size, bits]
    prose = held_out(root / "corpus", "test", ["austen", "sotu"])
    found = overall(list(evaluate(load_text_model(str(entropy_release)), prose)))
    assert found.size > 600, "not cut by --limit"
    assert f"**{found.bits_per_byte:.3f}**" in card
    assert list(scores["outside"]) == ["held-dna"] and quality["held-dna"][0] == "300"
    assert set(scores["kinds"]) == {"prose"} and "prose" in quality
    for name, bits in scores["kinds"]["prose"]["compressors"].items():
        assert name in quality["kind"] and f"{bits:.3f}" in quality["prose"]
    assert scores["text"]["prompts"] == 20 and scores["text"]["bytes"] == 20
    assert "beginnings of English prose" in section(card, "Text")
    threshold = BltTokenizerAndPatcher.from_pretrained(entropy_release).patcher_args.threshold
    assert f"{threshold:.6f} nats gives 3." in card
    training = section(card, "Training")
    assert "20 steps of 4 rows of at most 48 bytes, 3.8 MB in all, in fp32 on `cpu`" in training
    assert "median 3.0 kB/s" in training and "drawn with seed 42" in training
    assert "config=tiny-lm/config.yaml" in training
    assert str(root) not in card
    data = rows(card, "Data and licences")
    assert data["songs"][:4] == ["pypi:songs==1.0", "public domain", "1.0", "75.0%"]
    assert data["vers"][1:4] == ["CC-BY-SA-4.0", "1.0", "25.0%"]
    assert "programs" not in data
    files = set(re.findall(r"^\| `([\w.]+)` \|", card, re.MULTILINE))
    assert files == {path.name for path in entropy_release.iterdir()} - {"README.md"}


def test_notice_curve_and_settings_come_along(entropy_release, root) -> None:
    notice = (entropy_release / "NOTICE").read_text()
    assert "songs (en): public domain" in notice and "vers (fr): CC-BY-SA-4.0" in notice
    assert "programs" not in notice
    run = root / "runs" / "tiny-lm"
    assert (entropy_release / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    settings = read_settings(entropy_release)
    assert settings["data"]["sources"] == {"songs": 3, "vers": 1}
    assert settings["training"] == {
        "steps": 20,
        "bytes": 3_800_000,
        "sources": ["songs", "vers"],
        "start": None,
    }
    calibration = json.loads((entropy_release / "calibration.json").read_text())
    assert calibration["model"] == "tiny-lm"
    assert set(calibration["curve"]["languages"]) == {"en", "fr"}


def test_a_blt_is_whole_and_half_as_large(blt_release, blt_run, entropy_release) -> None:
    assert {path.name for path in blt_release.iterdir()} == SHARED | set(BLT_GRAPHS)
    sizes = [(f / "model.safetensors").stat().st_size for f in (blt_release, blt_run / "model")]
    assert 0.4 < sizes[0] / sizes[1] < 0.6
    stored = ByteLatentTransformer.from_pretrained(blt_release)
    assert {p.dtype for p in stored.parameters()} == {torch.bfloat16}
    found = load_text_model(str(blt_release))
    assert found.entropy_name == str(entropy_release)
    assert found.patcher.args.threshold == 4.7, "that of the training"
    calibration = json.loads((blt_release / "calibration.json").read_text())
    assert calibration["rules"]["entropy"]["threshold"] == 4.7


def test_the_card_of_a_blt_names_the_entropy_model_beside_it(blt_release, root) -> None:
    card = (blt_release / "README.md").read_text()
    name = str(root / "tiny-lm")
    text_model = load_text_model(str(blt_release))
    corpus = held_out(root / "corpus", "test", ["songs", "vers"], limit=300)
    corpus += held_out(root / "corpus", "test", ["austen", "sotu"])
    total = overall(list(evaluate(text_model, corpus)))
    quality = rows(card, "Quality")
    expected = [f"{total.bits_per_byte:.3f}", f"{total.entropy_bits_per_byte:.3f}"]
    assert quality["**all**"][1:3] == expected
    assert f"{expected[0]}, and {expected[1]} by the entropy model, `{name}`" in card
    assert "trained on 3.8 MB of text, the entropy model on 3.8 MB" in card
    assert "stored in bf16" in card and "dtype=torch.float32" in card
    assert "threshold 4.700000 nats, as in training" in card
    assert "--dtype bf16" in section(card, "Training")
    hashes = text_model.model.encoder_hash_tok_embedding
    assert f"{sum(p.numel() for p in hashes.parameters()):,} of them in hash tables" in card


def test_a_run_that_began_with_a_model_says_so(root, entropy_release) -> None:
    sources = {"programs": 1}
    data = tiny.run_args(root, root).data.model_dump() | {
        "root_dir": root / "corpus",
        "sources": sources,
    }
    run = finished_run(root, "more", entropy_release, init_from=str(entropy_release), data=data)
    for _ in range(2):  # the second time over the first
        assert (
            main(
                [
                    str(run),
                    str(root / "more"),
                    "--limit",
                    "90",
                    "--text-bytes",
                    "0",
                    "--prose-limit",
                    "50",
                ]
            )
            == 0
        )
        card = (root / "more" / "README.md").read_text()
        assert f"but with those of `{entropy_release}`, which 20 steps and 3.8 MB had made" in card
        assert "had made from fresh ones: 7.6 MB in all" in card
        data_rows = rows(card, "Data and licences")
        assert data_rows["programs"][3] == "100.0%" and data_rows["songs"][3] == "at the start"
        assert "songs (en)" in (root / "more" / "NOTICE").read_text()
    training = read_settings(root / "more")["training"]
    assert training["sources"] == ["programs", "songs", "vers"]
    assert training["start"]["bytes"] == 3_800_000


def test_a_model_released_over_the_one_it_began_with_keeps_its_past(root, entropy_release) -> None:
    place = shutil.copytree(entropy_release, root / "again")
    run = finished_run(root, "again", place, init_from=str(place))
    cards = []
    for _ in range(2):
        assert (
            main(
                [str(run), str(place), "--limit", "90", "--text-bytes", "0", "--prose-limit", "50"]
            )
            == 0
        )
        cards.append((place / "README.md").read_text())
    assert "7.6 MB in all" in cards[0]
    assert cards[0] == cards[1]


def test_a_rule_without_entropies_needs_no_entropy_model(root, blt_run) -> None:
    named = {"patcher": {"patching_mode": "space"}}
    run = finished_run(root, "spaces", blt_run / "model", blt=tiny.BLT, **named)
    words = ["--limit", "90", "--text-bytes", "0", "--prose-limit", "50"]
    assert main([str(run), str(root / "spaces"), *words]) == 0
    names = {path.name for path in (root / "spaces").iterdir()}
    assert names == SHARED - {"calibration.json"} | set(BLT_GRAPHS)
    card = (root / "spaces" / "README.md").read_text()
    assert "rule `space`" in card and "by the entropy model" not in card
    assert re.search(r"\| language \| bytes \| bits per byte \| bytes per patch \|", card)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--entropy-model", "x"], "--entropy-model: an entropy model needs no other"),
        (["--limit", "0"], "--limit: 0 is not 1 or more bytes"),
        (["--max-patch-length", "0"], "--max-patch-length: 0 is not 1 or more bytes"),
        (["--text-bytes", "-1"], "--text-bytes: -1 is not 0 or more bytes"),
        (["--patch-size", "1"], "patch_size: 1.0 is not more than 1 byte"),
    ],
)
@pytest.mark.usefixtures("entropy_release")
def test_mistakes_leave_nothing_behind(root, more, named, capsys) -> None:
    run, out = root / "runs" / "tiny-lm", root / "wrong"
    assert main([str(run), str(out), *more]) == 1
    assert named in capsys.readouterr().err
    assert not out.exists() and not list(root.glob(".wrong*"))


@pytest.mark.usefixtures("entropy_release")
def test_an_unfinished_run_is_refused(root, tmp_path, capsys) -> None:
    run = shutil.copytree(root / "runs" / "tiny-lm", tmp_path / "run")
    (run / "metrics.jsonl").write_text("")
    assert main([str(run), str(tmp_path / "out")]) == 1
    assert "no line with the bytes" in capsys.readouterr().err
    shutil.rmtree(run / "model")
    assert main([str(run), str(tmp_path / "out")]) == 1
    assert "the run is not finished" in capsys.readouterr().err
    assert main([str(tmp_path / "none"), str(tmp_path / "out")]) == 1
    assert "config.yaml does not exist" in capsys.readouterr().err


def lines(*rates: float) -> list[dict]:
    """Lines of a curve, every tenth step."""
    return [{"step": 10 * n, "lr": lr, "bytes": n} for n, lr in enumerate(rates, 1)]


def test_the_card_alone_tells_of_rounds_and_of_a_model_beside(blt_release, tmp_path) -> None:
    out = shutil.copytree(blt_release, tmp_path / "tiny-blt")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert main([str(out), "--card"]) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    curve = "".join(
        json.dumps(line | {"bytes_per_second": 3000.0}) + "\n" for line in lines(1, 0.1, 1, 0.2)
    )
    (out / "metrics.jsonl").write_text(curve)
    figures = {"prose": 1.5, "prose_bytes": 90_000, "all": 2.5}
    other = {"prose": 1.25, "prose_bytes": 90_000, "all": 2.75, "trained_bytes": 3_799_000}
    beside = tmp_path / "equal.json"
    beside.write_text(json.dumps({"results": {"blt": figures, "byte model": other}}))
    assert main([str(out), "--card", "--beside", str(beside)]) == 0
    assert {path.name for path in out.iterdir() if path.read_bytes() != before[path.name]} == {
        "README.md",
        "metrics.jsonl",
    }
    card = (out / "README.md").read_text()
    training = section(card, "Training")
    assert "made in 2 rounds" in training and "to 1.00e-01 at step 20" in training
    assert re.findall(r"bytelatent\.train .* steps=(\d+)$", training, re.MULTILINE) == ["20", "40"]
    assert "--dtype bf16 --beside equal.json" in training
    assert "(3.8 MB each)" in card
    assert "on 90 kB of that prose 1.500, the byte model 1.250" in card
    assert "on all sources 2.500, the byte model 2.750" in card


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--limit", "9"], "--card: takes --beside alone"),
        (["--beside", "NONE"], "NONE does not exist"),
        (["--beside", "OTHER"], "OTHER is no result of benchmarks/equal_bytes.py"),
        (["--beside", "UNEQUAL"], "has learned from 5 bytes and this model from 3,800,000"),
    ],
)
def test_mistakes_leave_the_card_alone(
    blt_release, tmp_path, monkeypatch, more, named, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "OTHER").write_text("{}")
    figures = {"prose": 1.5, "prose_bytes": 90_000, "all": 2.5, "trained_bytes": 5}
    unequal = {"results": {"blt": figures, "byte model": figures}}
    (tmp_path / "UNEQUAL").write_text(json.dumps(unequal))
    before = (blt_release / "README.md").read_bytes()
    assert main([str(blt_release), "--card", *more]) == 1
    assert named in capsys.readouterr().err
    assert (blt_release / "README.md").read_bytes() == before


def test_a_card_keeps_licences_that_it_cannot_look_up(entropy_release, tmp_path, capsys) -> None:
    out = shutil.copytree(entropy_release, tmp_path / "tiny-lm")
    settings = read_settings(out)
    settings["data"]["root_dir"] = str(tmp_path / "gone")
    (out / "train_args.json").write_text(json.dumps(settings))
    assert main([str(out), "--card"]) == 1
    assert "gone/manifest.json does not exist or is empty" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(out)])
    assert main([str(out), "--card", "--beside", "x"]) == 1
    assert "--beside: is for a BLT" in capsys.readouterr().err


def test_a_released_model_is_measured_again(root, entropy_release, capsys) -> None:
    place = root / "again" / entropy_release.name
    shutil.copytree(entropy_release, place)
    card = (place / "README.md").read_text()
    evaluation = json.loads((place / "evaluation.json").read_text())
    (place / "evaluation.json").write_text(json.dumps(evaluation | {"total": None}))
    words = ["--measure", "--limit", "300", "--text-bytes", "20", "--patch-size", "3"]
    assert main([str(place), *words]) == 0
    again = json.loads((place / "evaluation.json").read_text())
    assert again["total"] == evaluation["total"]
    assert (place / "README.md").read_text() == card
    with pytest.raises(SystemExit):
        main([str(place), str(root / "out"), *words])
