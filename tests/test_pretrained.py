"""The shipped models: whole, equal in torch and onnxruntime, and as good as their card says."""

import json
import re

import numpy as np
import pytest
import torch

from bytelatent.formats.find import PRETRAINED
from bytelatent.metrics import bits_per_byte, read_metrics
from bytelatent.patching.entropies import calculate_entropies
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.runtime import EntropyRuntime
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.transformer import LMTransformer

FOLDER = PRETRAINED / "blt-entropy-mini"
SAMPLES = PRETRAINED.parent / "plotting" / "samples"
PROSE = ("persuasion.txt", "sotu.txt")


@pytest.fixture(scope="module")
def runtime() -> EntropyRuntime:
    return EntropyRuntime.load(FOLDER)


@pytest.fixture(scope="module")
def prose(runtime):
    """What the model makes of 40 kB of English prose that it never saw."""
    texts = [(SAMPLES / name).read_bytes()[:20_000] for name in PROSE]
    return [runtime.analyse(text) for text in texts]


def test_the_folder_is_whole_and_small() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {
        "NOTICE",
        "README.md",
        "calibration.json",
        "config.json",
        "entropy.onnx",
        "evaluation.json",
        "metrics.jsonl",
        "model.safetensors",
        "train_args.json",
    }
    assert (FOLDER / "model.safetensors").stat().st_size <= 20_000_000


def test_at_most_2_bits_per_byte_on_prose_it_never_saw(prose) -> None:
    nats = sum(float(one.nats.sum(dtype=np.float64)) for one in prose)
    assert bits_per_byte(nats, sum(len(one.nats) for one in prose)) <= 2.0


def test_torch_equals_onnxruntime(runtime, prose) -> None:
    model = LMTransformer.from_pretrained("blt-entropy-mini", dtype=torch.float32)
    data = (SAMPLES / PROSE[0]).read_bytes()[:5_000]
    tokens = torch.tensor([BltTokenizer(add_eos=False).encode_bytes(data)])
    expected = calculate_entropies(model, tokens)[0].numpy()
    np.testing.assert_allclose(runtime.analyse(data).entropies, expected, atol=1e-4)


def test_the_threshold_gives_patches_of_the_wanted_size(runtime, prose) -> None:
    args = json.loads((FOLDER / "train_args.json").read_text())["data"]["patcher_args"]
    patcher = PatcherArgs.model_validate(args).build()
    assert runtime.threshold == args["threshold"]
    for one in prose:
        lengths, _ = patcher.patch(one.tokens[None], entropies=one.entropies[None])
        assert 3.0 < len(one.nats) / lengths.shape[1] < 7.0


def test_the_card_says_what_was_run() -> None:
    card = (FOLDER / "README.md").read_text()
    steps = read_metrics(FOLDER / "metrics.jsonl")[-1]["step"]
    assert f"{steps:,} steps" in card
    assert re.search(r"\*\*[12]\.\d{3}\*\*", card)
    for words in ("CC-BY-SA-4.0", "public domain", "python -m bytelatent.train config="):
        assert words in card
    rows = re.findall(r"^\| [\w-]+ \| (?:pypi|npm|deb):[^|]+ \| ([^|]+) \|", card, re.MULTILINE)
    assert len(rows) > 10
    assert not [licence for licence in rows if "GPL" in licence]


def test_calibration_and_evaluation_are_those_of_the_settings(runtime) -> None:
    calibration = json.loads((FOLDER / "calibration.json").read_text())
    assert calibration["rules"]["entropy"]["threshold"] == runtime.threshold
    assert calibration["rules"]["entropy"]["bytes_per_patch"] == pytest.approx(4.5, rel=0.01)
    evaluation = json.loads((FOLDER / "evaluation.json").read_text())
    card = (FOLDER / "README.md").read_text()
    for name, numbers in evaluation["sources"].items():
        assert f"| {name} | {numbers['bytes']:,} | {numbers['bits_per_byte']:.3f} |" in card
    without_a_test_split = {"te"}
    languages = calibration["curve"]["languages"].keys() - without_a_test_split
    assert languages <= evaluation["languages"].keys()
