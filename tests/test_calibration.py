"""The command that sets a model's threshold: by the patcher's own count, stored with its curve."""

import json
import shutil

import numpy as np
import pytest

from bytelatent.calibration import main
from bytelatent.data.held_out import held_out
from bytelatent.evaluation.scoring import score
from bytelatent.evaluation.thresholds import Sample, calibrate, shares_of
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.loading import load_text_model, read_settings
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import PatchingMode
from bytelatent.tokenizers.build import TokenizerArgs
from tests import tiny


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("calibration")
    corpus = tiny.write_corpus(root / "corpus")
    tiny.entropy_model(root / "lm", corpus)
    tiny.blt(root / "blt", root / "lm", corpus)
    return root


@pytest.fixture
def folders(models, tmp_path):
    """Copies that a test may write to."""
    return {name: shutil.copytree(models / name, tmp_path / name) for name in ("lm", "blt")}


def bytes_per_patch(folder, corpus, sources) -> dict[str, tuple[int, int]]:
    """Bytes and patches of every source as the model of a folder cuts them."""
    text_model = load_text_model(str(folder))
    found = {}
    for source in held_out(corpus, "valid", sources):
        scores = score(text_model, source.documents)
        found[source.source] = (
            sum(len(one.nats_N) for one in scores),
            sum(int(one.starts_N.sum()) for one in scores),
        )
    return found


@pytest.mark.parametrize("name", ["lm", "blt"])
def test_the_stored_threshold_cuts_patches_of_the_wanted_size(models, folders, name, capsys):
    corpus = models / "corpus"
    words = [str(folders[name]), "--data", str(corpus), "--patch-size", "3", "--write"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    patcher = BltTokenizerAndPatcher.from_pretrained(folders[name]).patcher_args
    assert patcher.patch_size == 3
    assert f"{patcher.threshold:.6f}" in printed
    result = json.loads((folders[name] / "calibration.json").read_text())
    assert result["rules"]["entropy"]["threshold"] == patcher.threshold
    counts = bytes_per_patch(folders[name], corpus, ["songs", "vers"])
    # The settings of the model say: three parts of songs, one of vers, none of the programs.
    share = {source: patches / size for source, (size, patches) in counts.items()}
    expected = 1 / (0.75 * share["songs"] + 0.25 * share["vers"])
    assert result["rules"]["entropy"]["bytes_per_patch"] == pytest.approx(expected)
    assert expected == pytest.approx(3, rel=0.05)
    assert result["bytes_per_patch"]["fr"] == pytest.approx(1 / share["vers"])
    assert result["bytes"]["mix"] == sum(size for size, _ in counts.values())


def test_nothing_is_written_unless_asked_for(models, folders, capsys) -> None:
    before = {path: path.read_bytes() for path in folders["lm"].iterdir()}
    assert main([str(folders["lm"]), "--data", str(models / "corpus")]) == 0
    assert {path: path.read_bytes() for path in folders["lm"].iterdir()} == before
    assert "monotonic" in capsys.readouterr().out


def test_the_rest_of_the_settings_stays(models, folders) -> None:
    before = read_settings(folders["blt"])
    assert main([str(folders["blt"]), "--data", str(models / "corpus"), "--write"]) == 0
    after = read_settings(folders["blt"])
    assert after["patcher_model"] == before["patcher_model"]
    assert after["data"].pop("patcher_args") != before["data"].pop("patcher_args")
    assert after == before


def test_a_monotonic_model_gets_a_threshold_for_its_own_rule(models, folders) -> None:
    patcher = PatcherArgs(monotonicity=True, threshold=0.1)
    BltTokenizerAndPatcher(TokenizerArgs(), patcher).save_pretrained(folders["blt"])
    words = [str(folders["blt"]), "--data", str(models / "corpus"), "--patch-size", "4"]
    assert main([*words, "--write"]) == 0
    result = json.loads((folders["blt"] / "calibration.json").read_text())
    assert result["rule"] == "monotonic"
    counts = bytes_per_patch(folders["blt"], models / "corpus", ["songs", "vers"])
    share = {source: patches / size for source, (size, patches) in counts.items()}
    assert 0.75 * share["songs"] + 0.25 * share["vers"] == pytest.approx(1 / 4, rel=0.05)


def test_files_of_text_will_do(folders, tmp_path, capsys) -> None:
    (tmp_path / "a.txt").write_text("ten green bottles " * 20)
    (tmp_path / "b.txt").write_bytes(b"\xff\x00" * 300)
    paths = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    words = [str(folders["lm"]), "--data", *paths, "--limit", "200", "--patch-size", "2"]
    assert main([*words, "--write"]) == 0
    result = json.loads((folders["lm"] / "calibration.json").read_text())
    assert result["bytes"] == {"mix": 400, "unknown": 400}


def write_valid(root, *sources):
    """A corpus of one's own: a validation split, and nothing else."""
    (root / "valid").mkdir(parents=True)
    for size, source in enumerate(sources, 1):
        text = json.dumps({"text": f"The words of {source} are many. " * 20 * size})
        (root / "valid" / f"{source}.jsonl").write_text(text + "\n")
    return root


def test_a_corpus_of_other_sources_counts_every_byte_alike(folders, tmp_path, caplog) -> None:
    corpus = write_valid(tmp_path / "own", "letters", "diaries")
    words = [str(folders["lm"]), "--data", str(corpus), "--patch-size", "3", "--write"]
    assert main(words) == 0
    assert "holds no source of the training mix; all bytes of diaries, letters" in caplog.text
    result = json.loads((folders["lm"] / "calibration.json").read_text())
    counts = bytes_per_patch(folders["lm"], corpus, ["letters", "diaries"])
    sizes, patches = zip(*counts.values(), strict=True)
    assert result["bytes"]["mix"] == sum(sizes)
    found = result["rules"]["entropy"]["bytes_per_patch"]
    assert found == pytest.approx(sum(sizes) / sum(patches))


def test_sources_of_the_mix_that_are_not_there_are_left_out(models, folders, tmp_path, caplog):
    corpus = write_valid(tmp_path / "own", "letters")
    shutil.copy(models / "corpus" / "valid" / "vers.jsonl", corpus / "valid")
    assert main([str(folders["lm"]), "--data", str(corpus), "--patch-size", "3", "--write"]) == 0
    assert "lacks songs of the training mix" in caplog.text
    result = json.loads((folders["lm"] / "calibration.json").read_text())
    assert result["bytes"]["mix"] == bytes_per_patch(folders["lm"], corpus, ["vers"])["vers"][0]


def test_a_folder_without_settings_gets_some(folders, tmp_path) -> None:
    (folders["lm"] / "train_args.json").unlink()
    (tmp_path / "a.txt").write_text("ten green bottles " * 20)
    words = [str(folders["lm"]), "--data", str(tmp_path / "a.txt"), "--patch-size", "3"]
    assert main([*words, "--write"]) == 0
    assert BltTokenizerAndPatcher.from_pretrained(folders["lm"]).patcher_args.patch_size == 3


def samples() -> list[Sample]:
    random = np.random.default_rng(1)
    return [
        Sample(language, share, [random.gamma(2, scale, 2000).astype(np.float32)])
        for language, share, scale in (("en", 0.8, 0.5), ("fr", 0.2, 1.0))
    ]


def test_the_curve_rises_and_goes_through_the_threshold() -> None:
    result = calibrate(samples(), 4.5)
    curve = result["curve"]
    assert curve["thresholds"][0] == 0 and curve["mix"][0] == pytest.approx(1, abs=0.01)
    assert curve["mix"] == sorted(curve["mix"]) and curve["mix"][-1] <= 24
    assert set(curve["languages"]) == {"en", "fr"}
    assert all(len(sizes) == len(curve["thresholds"]) for sizes in curve["languages"].values())
    threshold = result["rules"]["entropy"]["threshold"]
    assert np.interp(threshold, curve["thresholds"], curve["mix"]) == pytest.approx(4.5, rel=0.02)
    assert result["bytes_per_patch"]["en"] > 4.5 > result["bytes_per_patch"]["fr"]


def test_a_threshold_that_is_given_stays() -> None:
    result = calibrate(samples(), 4.5, threshold=1.0)
    assert result["rules"]["entropy"]["threshold"] == 1.0
    assert result["patch_size"] == result["rules"]["entropy"]["bytes_per_patch"]
    assert result["rules"]["monotonic"]["bytes_per_patch"] == pytest.approx(
        result["patch_size"], rel=0.01
    )


def test_shares_are_those_of_the_settings() -> None:
    assert shares_of({}) is None
    assert shares_of({"data": {"patcher_args": {}}}) is None
    assert shares_of({"data": {"sources": {"a": 3, "b": 1, "c": 0}}}) == {"a": 0.75, "b": 0.25}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--patch-size", "0.5"], "patch_size: 0.5 is not more than 1 byte"),
        (["--patch-size", "5000"], "patch_size: 5000.0 is too long for this sample"),
        (["--limit", "0"], "--limit: 0 is not 1 or more bytes"),
        (["--data", "/nowhere"], "/nowhere does not exist"),
        (["--split", "dev"], "corpus/dev holds no source: neither NAME.jsonl"),
    ],
)
def test_mistakes_are_a_sentence(models, folders, more, named, capsys) -> None:
    assert main([str(folders["lm"]), "--data", str(models / "corpus"), *more]) == 1
    assert named in capsys.readouterr().err


def test_rules_without_a_threshold_are_refused(models, folders, capsys) -> None:
    for mode, named in (
        (PatchingMode.SPACE, "cuts its patches without entropies"),
        (PatchingMode.COMBINED, "'combined' has no threshold to set"),
    ):
        patcher = PatcherArgs(patching_mode=mode, threshold=1.0, threshold_add=0.1)
        BltTokenizerAndPatcher(TokenizerArgs(), patcher).save_pretrained(folders["blt"])
        assert main([str(folders["blt"]), "--data", str(models / "corpus")]) == 1
        assert named in capsys.readouterr().err
