"""A model whose folder bounds its patches: everything that cuts text for it keeps to that.

The threshold is one that no entropy exceeds, so that without the bound a text is two patches.
"""

import json
import math
import shutil

import numpy as np
import pytest
import torch

from app.models.live import answer
from app.models.live_model import LiveModel
from app.models.splitting import compare
from app.models.threshold_curve import Calibration
from app.schemas.compare import CompareRequest
from app.schemas.patches import PatchRequest
from bytelatent import calibration
from bytelatent.data.held_out import held_out
from bytelatent.data.packing import cut
from bytelatent.evaluation.continuations import continuations
from bytelatent.evaluation.corpus import evaluate
from bytelatent.evaluation.scoring import score
from bytelatent.exporting.folders import export_blt, export_entropy
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.recompute import generate_by_recomputation
from bytelatent.graph.patch_graph import patch_graph
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.loading import load_text_model
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import PatchingMode
from bytelatent.plotting.measured_text import measure
from bytelatent.release import main as release
from bytelatent.runtime import BltRuntime, EntropyRuntime
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.training.live_patches import TrainingPatcher
from tests import tiny
from tests.test_release import finished_run

LONGEST = 5
ARGS = PatcherArgs(threshold=9.0, max_patch_length=LONGEST)
TEXT = "Ten green bottles — на стене, вот так.".encode()
EXPECTED = [5] * (len(TEXT) // 5) + [len(TEXT) % 5][: len(TEXT) % 5]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A corpus, an entropy model and a BLT, exported and bounded."""
    root = tmp_path_factory.mktemp("longest")
    corpus = tiny.write_corpus(root / "corpus")
    for folder in (
        tiny.entropy_model(root / "lm", corpus),
        tiny.blt(root / "blt", root / "lm", corpus),
    ):
        BltTokenizerAndPatcher(TokenizerArgs(), ARGS).save_pretrained(folder)
    lm, blt = (load_text_model(str(root / name)).model for name in ("lm", "blt"))
    export_entropy(lm, root / "lm")
    export_blt(blt, root / "blt")
    return root


@pytest.mark.parametrize("name", ["lm", "blt"])
def test_scoring_and_evaluation(root, name) -> None:
    text_model = load_text_model(str(root / name))
    (found,) = score(text_model, [TEXT])
    assert np.diff(np.flatnonzero(found.starts_N), append=len(TEXT)).tolist() == EXPECTED
    for one in evaluate(text_model, held_out(root / "corpus", "test")):
        assert one.score.patch_quantiles()["longest"] == LONGEST


def test_generation_step_by_step_in_drafts_and_on_onnxruntime(root) -> None:
    text_model = load_text_model(str(root / "blt"))
    assert text_model.entropy_model is not None and text_model.patcher is not None
    tokens = torch.tensor([[1, *(byte + 4 for byte in TEXT)]])
    plain = generate_by_recomputation(text_model.model, text_model.patcher, tokens, 24)
    expected = [token - 4 for token in plain[0, tokens.shape[1] :].tolist()]
    assert min(expected) >= 0, "no special token"
    assert continuations(text_model, [TEXT], [GenerationOptions(24)]) == [bytes(expected)]
    engine = Engine(text_model.model, text_model.entropy_model, text_model.patcher.args)
    runtime = BltRuntime.load(root / "blt")
    for model in (engine, runtime):
        for speculate in (None, 3, 8):
            events = list(model.stream([TEXT], max_bytes=24, speculate=speculate))
            assert [event.byte for event in events] == expected
            places = [n for n, event in enumerate(events, len(TEXT)) if event.starts_patch]
            assert places == [n for n in range(len(TEXT), len(TEXT) + 24) if n % LONGEST == 0]
    sizes = [len(patch.data) for patch in runtime.inspect(TEXT).patches]
    assert sizes[1:] == EXPECTED


def test_training_cuts_as_inference_does(root) -> None:
    """Documents in the middle of a row too: their patches are counted from their own beginning."""
    patcher = ARGS.build(lambda tokens: torch.zeros(tokens.shape))
    documents = [b"abcdefgh", b"ij", b"klmnopqrstuvw"]
    row = [token for text in documents for token in (1, *(byte + 4 for byte in text), 2)]
    lengths = cut(patcher, torch.tensor([row]), torch.zeros(1, len(row) - 1))[0]
    alone = []
    for text in documents:
        tokens = torch.tensor([[1, *(byte + 4 for byte in text), 2]])
        alone += patcher.patch(tokens, include_next_token=False)[0][0].tolist()
    assert lengths.tolist() == alone
    args = tiny.run_args(
        root / "corpus",
        root / "run",
        blt=tiny.BLT,
        patcher=ARGS.model_dump(),
        patcher_model=str(root / "lm"),
    )
    found = TrainingPatcher.build(args, torch.device("cpu"))
    assert found is not None and found.patcher.args.max_patch_length == LONGEST


def test_the_web_app_the_graph_and_the_figures(root) -> None:
    model = EntropyRuntime.load(root / "lm")
    assert model.max_patch_length == LONGEST
    live, text = LiveModel(model), TEXT.decode()
    assert answer(live, PatchRequest(text=text), TEXT).lengths == [1, *EXPECTED]
    assert answer(live, PatchRequest(text=text, max_patch_length=64), TEXT).lengths == [
        1,
        len(TEXT),
    ]
    assert answer(live, PatchRequest(text=text, mode="space"), TEXT).lengths != [1, *EXPECTED]
    rows = compare(live, Calibration(), CompareRequest(text=text), TEXT).rows
    by_name = {row.splitter: row.lengths for row in rows}
    assert by_name["entropy"] == EXPECTED
    assert by_name["monotonic"] is not None and max(by_name["monotonic"]) <= LONGEST
    lengths = measure(model, TEXT).patch_lengths(PatchingMode.ENTROPY)
    assert lengths == [1, *EXPECTED]
    graph = patch_graph(text, model)
    assert max(len(data["hex"].split()) for _, data in graph.nodes(data=True)) <= LONGEST


@pytest.mark.parametrize("wrong", [0, "6", 2.5, True])
def test_an_impossible_length_is_named(root, tmp_path, wrong) -> None:
    folder = shutil.copytree(root / "lm", tmp_path / "lm")
    settings = json.loads((folder / "train_args.json").read_text())
    settings["data"]["patcher_args"]["max_patch_length"] = wrong
    (folder / "train_args.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="max_patch_length"):
        EntropyRuntime.load(folder)


@pytest.mark.parametrize(("words", "kept"), [([], 5), (["--max-patch-length", "6"], 6)])
def test_calibration_counts_split_patches_and_stores_the_length(root, tmp_path, words, kept):
    folder = shutil.copytree(root / "lm", tmp_path / "lm")
    corpus = root / "corpus"
    size = ["--patch-size", "3", "--data", str(corpus), "--write"]
    assert calibration.main([str(folder), *size, *words]) == 0
    result = json.loads((folder / "calibration.json").read_text())
    patcher = BltTokenizerAndPatcher.from_pretrained(folder).patcher_args
    assert result["max_patch_length"] == patcher.max_patch_length == kept
    counted = result["rules"]["entropy"]["bytes_per_patch"]
    found = {
        one.source: one.score.bytes_per_patch
        for one in evaluate(load_text_model(str(folder)), held_out(corpus, "valid"))
    }
    assert counted == pytest.approx(1 / (0.75 / found["songs"] + 0.25 / found["vers"]))
    assert counted == pytest.approx(3, rel=0.05)
    assert max(result["curve"]["mix"]) <= kept


def test_calibration_can_lift_the_length(root, tmp_path, capsys) -> None:
    folder = shutil.copytree(root / "lm", tmp_path / "lm")
    words = [str(folder), "--data", str(root / "corpus"), "--patch-size", "3", "--write"]
    assert calibration.main([*words, "--max-patch-length", "0"]) == 0
    assert BltTokenizerAndPatcher.from_pretrained(folder).patcher_args.max_patch_length is None
    assert calibration.main([*words, "--max-patch-length", "-1"]) == 1
    assert "--max-patch-length: -1" in capsys.readouterr().err
    assert calibration.main([*words, "--max-patch-length", "2"]) == 1
    assert "none has more than 2 bytes" in capsys.readouterr().err


def test_a_release_bounds_an_entropy_model(root, tmp_path) -> None:
    run = finished_run(tmp_path, "bounded", root / "lm", corpus=root / "corpus")
    out = tmp_path / "bounded"
    words = [str(run), str(out), "--limit", "300", "--text-bytes", "0"]
    words += ["--patch-size", "3", "--max-patch-length", "4"]
    assert release(words) == 0
    assert BltTokenizerAndPatcher.from_pretrained(out).patcher_args.max_patch_length == 4
    assert EntropyRuntime.load(out).max_patch_length == 4
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["total"]["patch_bytes"]["longest"] <= 4
    assert "None is longer than 4 bytes" in (out / "README.md").read_text()


def test_the_sizes_counted_with_a_bound_are_those_of_the_rules() -> None:
    from bytelatent.patching.calibrate import patch_sizes_of, start_values
    from bytelatent.patching.rules import patch_starts

    random, total, patches = np.random.default_rng(3), 0, 0
    texts = [random.gamma(2, 0.5, size).astype(np.float32) for size in (1, 7, 90, 400)]
    for text in texts:
        tokens = np.zeros((1, len(text)), dtype=np.int64) + 70
        options = PatcherArgs(threshold=1.9, max_patch_length=3).options()
        entropies = np.append(text[1:], np.float32(0))[None]
        starts = patch_starts(
            "entropy", np.hstack([[[1]], tokens]), np.hstack([text[:1][None], entropies]), options
        )[0, 1:-1]
        patches, total = patches + int(starts.sum()), total + len(text)
    values = np.concatenate([start_values(text, PatchingMode.ENTROPY) for text in texts])
    found = patch_sizes_of(values, np.array([1.9, math.inf]), longest=3)
    assert found[0] == pytest.approx(total / patches)
    assert np.isinf(found[1])
