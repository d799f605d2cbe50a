"""Exported models: onnxruntime equals torch, texts of any length, errors that name the file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.ngrams import next_buckets
from bytelatent.export import export
from bytelatent.export import main as export_main
from bytelatent.exporting.folders import export_entropy
from bytelatent.formats.find import PRETRAINED
from bytelatent.formats.weights import DTYPES
from bytelatent.model.hashing import ngram_hashes
from bytelatent.patching.entropies import entropy
from bytelatent.runtime import EntropyRuntime, ModelFileError, Prefixes
from bytelatent.runtime.entropy_runtime import DEFAULT_CHUNK
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.transformer import LMTransformer

TEXT = ("Ein Byte kommt selten allein. नमस्ते 🙂 \x00 " * 40).encode() + b"\xff\xfe"


VARIANTS = {
    "plain": {},
    "n-grams": {"hashes": {"sizes": [3, 4, 8], "buckets": 300, "functions": 2}},
    "tied": {"weight_tying": True, "hashes": {"sizes": [1], "buckets": 9}},
    "no window": {"attn_bias_type": "causal"},
}
SELF_CONTAINED = Path(__file__).parent / "self_contained"


def lively(**changes) -> LMTransformer:
    """A small model, window 150 (no multiple of a piece), grouped heads."""
    args = {"dim": 32, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "multiple_of": 32}
    model = LMTransformer(LMTransformerArgs(**args | {"sliding_window": 150} | changes))
    model.init_weights()
    return model.eval()


@pytest.fixture(scope="module", params=VARIANTS)
def exported(tmp_path_factory, request):
    """A model and its export."""
    folder, model = tmp_path_factory.mktemp("models") / "tiny", lively(**VARIANTS[request.param])
    model.save_pretrained(folder)
    export_entropy(model, folder)
    return folder, model


@pytest.fixture(scope="module")
def runtime(exported):
    return EntropyRuntime.load(exported[0])


@pytest.mark.parametrize("size", [0, 1, 2, 127, 128, 129, 511, 1000, len(TEXT)])
def test_onnxruntime_equals_torch(exported, runtime, size) -> None:
    data = TEXT[:size]
    tokens = torch.tensor([BltTokenizer(add_eos=False).encode_bytes(data)])
    with torch.no_grad():
        logits = exported[1](tokens, impl="sdpa")
        expected = entropy(exported[1](tokens))[0]
    found = runtime.analyse(data, top_k=3)
    np.testing.assert_array_equal(found.tokens, tokens[0].numpy())
    np.testing.assert_allclose(found.entropies, expected.numpy(), atol=1e-4)
    log_p = logits[0].log_softmax(-1)
    nats = -log_p[torch.arange(size), tokens[0, 1:]]
    np.testing.assert_allclose(found.nats, nats.numpy(), atol=1e-4)
    best = log_p.exp().topk(3)
    np.testing.assert_allclose(found.top_probabilities, best.values.numpy(), atol=1e-4)
    picked = log_p.exp().numpy()[np.arange(size + 1)[:, None], found.top_ids]
    np.testing.assert_allclose(picked, found.top_probabilities, atol=1e-4)


def test_a_long_text_can_be_given_up_after_any_chunk(exported) -> None:
    """By whoever is asked between two of them, as the web app does when a client has left."""
    runtime, asked = EntropyRuntime.load(exported[0]), []
    ran: list[int] = []
    inner = runtime.model.session

    class Counting:
        def run(self, names, feed):
            ran.append(feed["tokens"].size)
            return inner.run(names, feed)

    def between() -> None:
        asked.append(len(ran))
        if len(asked) == 4:
            raise KeyboardInterrupt

    runtime.model.session = Counting()
    with pytest.raises(KeyboardInterrupt):
        runtime.analyse(TEXT, between=between)
    assert len(TEXT) > 10 * DEFAULT_CHUNK
    assert asked == [0, 1, 2, 3]
    assert ran == [DEFAULT_CHUNK] * 3


@pytest.mark.parametrize("chunk", [1, 100, 128, 333, 5000])
def test_chunks_change_nothing(runtime, chunk) -> None:
    data = TEXT[:600]
    whole, parts = runtime.analyse(data), runtime.analyse(data, chunk=chunk)
    np.testing.assert_allclose(parts.entropies, whole.entropies, atol=1e-5)
    np.testing.assert_allclose(parts.nats, whole.nats, atol=1e-5)


def test_bits_per_byte(runtime) -> None:
    found = runtime.analyse(b"abc")
    assert found.bits_per_byte == pytest.approx(found.nats.sum() / 3 / np.log(2))
    assert runtime.analyse(b"").bits_per_byte is None


def test_the_threshold_lies_beside_the_model(exported) -> None:
    folder = exported[0]
    assert EntropyRuntime.load(folder).threshold == pytest.approx(1.335442066192627)
    path = folder / "train_args.json"
    path.write_text(json.dumps({"data": {"patcher_args": {"threshold": 1.25}}}))
    assert EntropyRuntime.load(folder).threshold == 1.25
    path.write_text("{}")
    with pytest.raises(ModelFileError, match=r"train_args\.json holds no data\.patcher_args"):
        EntropyRuntime.load(folder)
    path.unlink()


@pytest.mark.parametrize("content", [None, b"", b"garbage", "truncated"])
def test_missing_and_damaged_files_are_named(exported, tmp_path, content) -> None:
    if content == "truncated":
        content = (exported[0] / "entropy.onnx").read_bytes()[:5000]
    if content is not None:
        (tmp_path / "entropy.onnx").write_bytes(content)
        shutil.copy(exported[0] / "model.safetensors", tmp_path)
    with pytest.raises(ModelFileError, match=r"model file .*entropy\.onnx .+") as raised:
        EntropyRuntime.load(tmp_path)
    assert "\n" not in str(raised.value)


def test_an_onnx_file_of_another_kind_is_named(tmp_path) -> None:
    import onnx

    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([node], "g", [value], [out])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])
    model.ir_version = 10
    (tmp_path / "other").mkdir()
    onnx.save(model, tmp_path / "other" / "model.onnx")
    with pytest.raises(ModelFileError, match="other is no entropy model: its inputs are"):
        EntropyRuntime.load(tmp_path / "other")


def test_an_exported_file_tells_nothing_of_the_machine(exported) -> None:
    content = (exported[0] / "entropy.onnx").read_bytes()
    for words in (b"stack_trace", b"site-packages", b"pkg.torch", str(Path.cwd()).encode()):
        assert words not in content, words


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16"])
def test_a_new_folder_has_weights_of_any_type(exported, dtype, tmp_path, capsys) -> None:
    command = [str(exported[0]), "--out", str(tmp_path / "new"), "--dtype", dtype]
    assert export_main(command) == 0
    stored = load_file(tmp_path / "new" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {DTYPES[dtype]}
    assert (tmp_path / "new" / "entropy.onnx").stat().st_size < 30_000
    model = LMTransformer.from_pretrained(tmp_path / "new", dtype=torch.float32)
    tokens = torch.tensor([BltTokenizer(add_eos=False).encode_bytes(TEXT)])
    with torch.no_grad():
        expected = entropy(model(tokens))[0]
    found = EntropyRuntime.load(tmp_path / "new").analyse(TEXT)
    np.testing.assert_allclose(found.entropies, expected.numpy(), atol=1e-4)


def test_the_shipped_model_in_half_the_size(tmp_path) -> None:
    export("blt-entropy-mini", tmp_path, "fp16")
    assert not (tmp_path / "model.onnx").exists()
    model = LMTransformer.from_pretrained(tmp_path, dtype=torch.float32)
    tokens = torch.tensor([BltTokenizer(add_eos=False).encode_bytes(TEXT)])
    with torch.no_grad():
        expected = entropy(model(tokens))[0]
    found = EntropyRuntime.load(tmp_path)
    np.testing.assert_allclose(found.analyse(TEXT).entropies, expected.numpy(), atol=1e-4)
    assert found.threshold == EntropyRuntime.load(PRETRAINED / "blt-entropy-mini").threshold


def test_the_export_command_says_what_it_cannot_do(exported, tmp_path, capsys) -> None:
    for words, error in (
        (["--out", str(tmp_path / "a.onnx")], "is no folder; a graph needs the weights beside it"),
        (["--dtype", "fp16"], "give one with --out"),
        (["--dtype", "fp16", "--out", str(exported[0])], "is the model's own"),
    ):
        assert export_main([str(exported[0]), *words]) == 1
        assert error in capsys.readouterr().err
    assert export_main([str(tmp_path / "nothing")]) == 1
    assert "nothing is no folder" in capsys.readouterr().err


@pytest.fixture
def older(tmp_path) -> Path:
    """The folder of an earlier version."""
    return Path(shutil.copytree(SELF_CONTAINED, tmp_path / "older"))


@pytest.mark.parametrize("size", [0, 1, 127, 150, 151, 1000])
def test_files_with_weights_of_earlier_versions_are_read(older, size) -> None:
    tokens = torch.tensor([BltTokenizer(add_eos=False).encode_bytes(TEXT[:size])])
    with torch.no_grad():
        expected = entropy(LMTransformer.from_pretrained(older)(tokens))[0]
    for name in ("config.json", "model.safetensors"):
        (older / name).unlink()
    runtime = EntropyRuntime.load(older, prefixes=Prefixes())
    for _ in range(2):
        found = runtime.analyse(TEXT[:size])
        np.testing.assert_allclose(found.entropies, expected.numpy(), atol=1e-4)
    parts = runtime.analyse(TEXT[:size], chunk=333)
    np.testing.assert_allclose(parts.entropies, expected.numpy(), atol=1e-4)


def test_a_new_export_takes_the_place_of_the_older_file(older) -> None:
    before = EntropyRuntime.load(older).analyse(TEXT)
    assert export_main([str(older)]) == 0
    assert not (older / "model.onnx").exists()
    after = EntropyRuntime.load(older).analyse(TEXT)
    np.testing.assert_allclose(after.entropies, before.entropies, atol=1e-4)


@given(
    sizes=st.lists(st.integers(1, 12), max_size=4),
    functions=st.integers(1, 3),
    tokens=st.lists(st.integers(0, 259), min_size=1, max_size=30),
    cut=st.integers(0, 29),
)
def test_buckets_of_the_next_bytes_are_those_of_the_whole_row(
    sizes, functions, tokens, cut
) -> None:
    cut = min(cut, len(tokens) - 1)
    found = next_buckets(tokens[cut:], tokens[:cut], sizes, functions, 97)
    whole = torch.tensor([tokens])
    tables = [(function, size) for function in range(functions) for size in sizes]
    expected = [ngram_hashes(whole, size, function, 97)[0, cut:] for function, size in tables]
    assert found.shape == (len(tokens) - cut, len(tables))
    for column, ids in zip(found.T, expected, strict=True):
        assert column.tolist() == ids.tolist()


def test_a_shipped_model_is_loaded_by_its_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    runtime = EntropyRuntime.load("blt-entropy-mini")
    assert (runtime.name, len(runtime.analyse(b"abc").entropies)) == ("blt-entropy-mini", 4)
    (tmp_path / "blt-entropy-mini").mkdir()  # a folder comes before a name
    with pytest.raises(ModelFileError, match=r"entropy\.onnx does not exist"):
        EntropyRuntime.load("blt-entropy-mini")
