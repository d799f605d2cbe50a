"""Exported models: onnxruntime equals torch, texts of any length, errors that name the file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bytelatent.export import export_onnx
from bytelatent.export import main as export_main
from bytelatent.model.args import LMTransformerArgs
from bytelatent.patching.entropies import calculate_entropies
from bytelatent.runtime import EntropyRuntime, ModelFileError
from bytelatent.runtime.entropy import DEFAULT_CHUNK
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.transformer import LMTransformer

TEXT = ("Ein Byte kommt selten allein. नमस्ते 🙂 \x00 " * 40).encode() + b"\xff\xfe"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small model, window 150 (no multiple of the block), grouped heads, and its export."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    args = LMTransformerArgs(
        dim=32, n_layers=2, n_heads=4, n_kv_heads=2, multiple_of=32, sliding_window=150
    )
    model = LMTransformer(args)
    model.init_weights()
    model.save_pretrained(folder)
    export_onnx(model.eval(), folder / "model.onnx")
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
        expected = calculate_entropies(exported[1], tokens)[0]
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
    inner = runtime._session

    class Counting:
        def run(self, names, feed):
            ran.append(feed["tokens"].size)
            return inner.run(names, feed)

    def between() -> None:
        asked.append(len(ran))
        if len(asked) == 4:
            raise KeyboardInterrupt

    runtime._session = Counting()
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
        content = (exported[0] / "model.onnx").read_bytes()[:5000]
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model file .*model\.onnx .+") as raised:
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
    content = (exported[0] / "model.onnx").read_bytes()
    for words in (b"stack_trace", b"site-packages", b"pkg.torch", str(Path.cwd()).encode()):
        assert words not in content, words


def test_the_export_command(exported, tmp_path, capsys) -> None:
    assert export_main([str(exported[0]), "--out", str(tmp_path / "again.onnx")]) == 0
    assert (tmp_path / "again.onnx").stat().st_size > 1000
    assert "wrote" in capsys.readouterr().out
    assert export_main([str(tmp_path / "nothing")]) == 1
    assert "nothing is no folder" in capsys.readouterr().err


def test_a_model_without_a_window_cannot_be_exported(tmp_path) -> None:
    model = LMTransformer(
        LMTransformerArgs(dim=32, n_layers=1, n_heads=2, attn_bias_type="block_causal")
    )
    with pytest.raises(ValueError, match="has no window"):
        export_onnx(model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
