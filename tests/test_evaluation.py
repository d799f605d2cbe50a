"""Measuring held-out text: against a plain computation, and the command around it."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from bytelatent.data.held_out import cut_pieces, held_out
from bytelatent.eval import main
from bytelatent.evaluation.continuations import continuations
from bytelatent.evaluation.corpus import Score, combined, evaluate, overall
from bytelatent.evaluation.scoring import ByteScores, score
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.torch_backend.recompute import generate_by_recomputation
from bytelatent.loading import load_text_model
from tests import tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluation")
    tiny.write_corpus(root / "corpus")
    tiny.entropy_model(root / "lm")
    tiny.blt(root / "blt", root / "lm")
    return root


@pytest.fixture(scope="module", params=["lm", "blt"])
def text_model(root, request):
    return load_text_model(str(root / request.param))


def plain_scores(text_model, text: bytes) -> dict[str, np.ndarray]:
    """One text, one row, one pass."""
    tokens = torch.tensor([[1, *(byte + 4 for byte in text)]])
    lengths, entropies = text_model.patcher.patch(tokens, include_next_token=False)
    if text_model.model is text_model.entropy_model:
        logits = text_model.model(tokens)
    else:
        logits = text_model.model(tokens, text_model.patcher.patch(tokens)[0])
    with torch.no_grad():
        log_p = logits[0, :-1].log_softmax(-1)
    starts = np.zeros(len(text) + 1, bool)
    starts[np.cumsum([0, *lengths[0].tolist()])[:-1]] = True
    return {
        "nats_N": -log_p[torch.arange(len(text)), tokens[0, 1:]].numpy(),
        "likeliest_N": (log_p.argmax(-1) == tokens[0, 1:]).numpy(),
        "entropies_N": entropies[0, :-1].numpy(),
        "starts_N": starts[1:],
    }


def test_scores_are_those_of_each_text_alone(text_model) -> None:
    texts = [b"a", b"green bottles", "né 中文 🙂".encode(), b"x" * 40, b"\xff\x00 bytes", b"green"]
    for text, found in zip(texts, score(text_model, texts, batch_bytes=60), strict=True):
        for name, expected in plain_scores(text_model, text).items():
            np.testing.assert_allclose(getattr(found, name), expected, atol=2e-5, err_msg=name)
        assert (found.entropy_nats_N is None) == (text_model.model is text_model.entropy_model)
        assert found.starts_N[0]


def test_no_text_is_a_text(text_model) -> None:
    for texts in ([b""], [b"abc", b""]):
        found = score(text_model, texts)[-1]
        assert len(found.nats_N) == len(found.starts_N) == len(found.likeliest_N) == 0
    assert score(text_model, []) == []


def test_long_documents_are_exact_for_a_byte_model(root) -> None:
    text_model = load_text_model(str(root / "lm"))
    text = b"".join(b"%d bottles, " % n for n in range(700))
    found = score(text_model, [text, b"short"])[0]
    np.testing.assert_allclose(
        found.nats_N, plain_scores(text_model, text)["nats_N"], atol=2e-5, rtol=1e-5
    )


def test_a_byte_model_without_a_window_can_be_measured(root, tmp_path) -> None:
    folder = tiny.entropy_model(tmp_path / "lm", attn_bias_type="causal", sliding_window=None)
    text_model = load_text_model(str(folder))
    found = score(text_model, [b"green bottles"])[0]
    tokens = torch.tensor([[1, *(byte + 4 for byte in b"green bottles")]])
    log_p = text_model.model(tokens)[0, :-1].log_softmax(-1)
    expected = -log_p[torch.arange(13), tokens[0, 1:]]
    np.testing.assert_allclose(found.nats_N, expected.detach(), atol=2e-5)
    first = text_model.model(tokens)[0, -1].argmax()
    (text,) = continuations(text_model, [b"green bottles"], [GenerationOptions(1)])
    assert [*text] == [byte - 4 for byte in (int(first),) if byte >= 4]


def test_the_loss_of_a_source_is_that_of_its_documents(text_model, root) -> None:
    corpus = held_out(root / "corpus", "test", limit=150)
    found = list(evaluate(text_model, corpus, max_bytes=40))
    for source, one in zip(corpus, found, strict=True):
        whole = text_model.model is text_model.entropy_model
        pieces = [p for d in source.documents for p in ([d] if whole else cut_pieces(d, 40))]
        nats = sum(float(plain_scores(text_model, piece)["nats_N"].sum()) for piece in pieces)
        size = sum(map(len, source.documents))
        assert one.score.bits_per_byte == pytest.approx(nats / size / math.log(2), rel=1e-5)
        assert (one.score.size, one.score.pieces) == (size, len(pieces))
        assert one.score.documents == len(source.documents)
        starts = sum(int(plain_scores(text_model, piece)["starts_N"].sum()) for piece in pieces)
        assert one.score.patch_lengths.total() == starts
    assert overall(found).size == sum(one.score.size for one in found)
    languages = combined(found, "language")
    assert list(languages) == ["en", "fr", "python"]
    kinds = combined(found, "kind")
    assert kinds["prose"].nats == languages["en"].nats + languages["fr"].nats


def test_the_entropy_model_is_measured_on_the_pieces_of_the_blt(root) -> None:
    corpus = held_out(root / "corpus", "test", ["songs"])
    blt, lm = (load_text_model(str(root / name)) for name in ("blt", "lm"))
    (found,) = evaluate(blt, corpus, max_bytes=30)
    pieces = [piece for text in corpus[0].documents for piece in cut_pieces(text, 30)]
    nats = sum(float(one.nats_N.sum()) for one in score(lm, pieces))
    assert found.score.entropy_nats == pytest.approx(nats, rel=1e-5)


def test_patch_lengths_and_their_quantiles() -> None:
    total = Score()
    for starts in ([1, 0, 0, 1, 1, 0], [1, 1, 0]):
        nats = np.ones(len(starts), np.float32)
        total.add_piece(ByteScores(nats, nats > 0, None, None, np.array(starts) > 0))
    assert total.patch_lengths == {3: 1, 1: 2, 2: 2}
    assert total.bytes_per_patch == 9 / 5
    assert total.patch_quantiles() == {"10%": 1, "50%": 2, "90%": 3, "99%": 3, "longest": 3}
    assert total.bits_per_byte == pytest.approx(1 / math.log(2))
    assert total.entropy_nats is None
    assert "entropy_model_bits_per_byte" not in total.as_dict()


def test_continuations_are_those_of_recomputation(text_model, root) -> None:
    (found,) = continuations(text_model, [b"10 green"], [GenerationOptions(12)])
    tokens = torch.tensor([[1, *(byte + 4 for byte in b"10 green")]])
    if text_model.model is text_model.entropy_model:
        for _ in range(12):
            tokens = torch.cat([tokens, text_model.model(tokens)[:, -1:].argmax(-1)], dim=1)
    else:
        tokens = generate_by_recomputation(text_model.model, text_model.patcher, tokens, 12)
    following = tokens[0, 9:].tolist()
    ends = next((place for place, token in enumerate(following) if token < 4), 12)
    assert [*found] == [token - 4 for token in following[:ends]]


def test_continuations_recompute_only_for_a_rule_that_looks_ahead(root, monkeypatch) -> None:
    def refuse(*_):
        raise AssertionError

    text_model = load_text_model(str(root / "blt"))
    wanted = [b"10 green"], [GenerationOptions(1)]
    first = continuations(text_model, *wanted)
    monkeypatch.setattr("bytelatent.evaluation.continuations.greedy_tokens", refuse)
    assert continuations(text_model, *wanted) == first
    top_k = text_model.patcher.args.model_copy(update={"threshold": None}).build()
    with pytest.raises(AssertionError):
        continuations(replace(text_model, patcher=top_k), *wanted)


def words(root, name, *more) -> list[str]:
    return [f"model={root / name}", f"data.root_dir={root / 'corpus'}", "generate.bytes=8", *more]


@pytest.mark.parametrize("name", ["lm", "blt"])
def test_the_command_prints_a_table_and_writes_json(root, name, tmp_path, capsys) -> None:
    out = tmp_path / "new" / "eval.json"
    more = [f"out={out}", "limit=90", "max_bytes=32", "sources=[songs,vers]"]
    assert main(words(root, name, *more, "generate.prompts=[green, 'il, un']")) == 0
    printed = capsys.readouterr().out
    result = json.loads(out.read_text())
    assert list(result["sources"]) == ["songs", "vers"] and list(result["languages"]) == [
        "en",
        "fr",
    ]
    assert result["kind"] == {"lm": "byte model", "blt": "BLT"}[name]
    assert result["patcher"]["patching_mode"] == "entropy"
    assert [one["prompt"] for one in result["samples"]] == ["green", "il, un"]
    total = result["total"]
    assert total["bytes"] == sum(one["bytes"] for one in result["sources"].values()) <= 180
    assert ("entropy_model_bits_per_byte" in total) == (name == "blt")
    assert result["entropy_model"] == (None if name == "lm" else str(root / "lm"))
    row = next(line for line in printed.splitlines() if line.startswith("vers "))
    assert f"{result['sources']['vers']['bits_per_byte']:.3f}" in row
    assert "'green' " in printed and f"wrote {out}" in printed


def test_without_a_test_split_the_validation_split_is_measured(root, tmp_path, caplog) -> None:
    shutil.copytree(root / "corpus" / "valid", tmp_path / "own" / "valid")
    out = tmp_path / "eval.json"
    more = [f"data.root_dir={tmp_path / 'own'}", f"out={out}", "generate.prompts=[]"]
    assert main([f"model={root / 'lm'}", *more]) == 0
    assert "has no test split; valid is measured instead" in caplog.text
    result = json.loads(out.read_text())
    assert result["data"]["split"] == "valid"
    assert set(result["sources"]) == {"songs", "vers", "programs"}


def test_another_entropy_model_cuts_other_patches(root, tmp_path) -> None:
    tiny.entropy_model(tmp_path / "other", n_layers=1)
    results = []
    for more in ([], [f"entropy_model={tmp_path / 'other'}"]):
        out = tmp_path / "eval.json"
        assert main(words(root, "blt", *more, f"out={out}", "generate.prompts=[]")) == 0
        results.append(json.loads(out.read_text())["total"])
    assert results[0]["bytes"] == results[1]["bytes"]
    assert results[0]["bits_per_byte"] != results[1]["bits_per_byte"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("model=/nowhere", "/nowhere is no folder"),
        ("limt=3", "nearest known one is limit"),
        ("limit=0", "limit: Input should be greater than or equal to 1"),
        ("split=dev", "split: Input should be 'test', 'valid' or 'train'"),
        ("sources=[none]", "no file for 'none'"),
        ("data.root_dir=/nowhere", "there is no source in /nowhere/test, nor in /nowhere/valid"),
        (["data.root_dir=/nowhere", "split=valid"], "/nowhere/valid holds no source"),
    ],
)
def test_mistakes_are_a_sentence(root, more, named, capsys) -> None:
    assert main(words(root, "lm", *([more] if isinstance(more, str) else more))) == 1
    assert named in capsys.readouterr().err


def test_help_names_the_settings(capsys) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0
    assert "max_bytes" in capsys.readouterr().out
