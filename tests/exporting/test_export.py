"""The export command on BLTs: files that hold no weights and tell nothing of the machine."""

import shutil
from pathlib import Path

import pytest
import torch

from bytelatent.export import main
from bytelatent.exporting.folders import export_blt
from bytelatent.files import read_json, write_json
from bytelatent.formats.file_names import ENTROPY_FOLDER, WEIGHTS_FILE
from bytelatent.loading import load_text_model
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.runtime import BltRuntime
from bytelatent.runtime.onnx_format import BLT_GRAPHS, ENTROPY_GRAPH
from bytelatent.tokenizers.constants import PAD_ID
from tests.conftest import Case
from tests.generation.random_cases import lively
from tests.runtime.exported_cases import engine_of_text_model
from tests.test_blt import tiny


@pytest.fixture
def folder(case: Case, tmp_path: Path) -> Path:
    """A checkpoint of the reference with its entropy model below, as released."""
    shutil.copytree(case.blt, tmp_path / "blt")
    shutil.copytree(case.entropy, tmp_path / "blt" / ENTROPY_FOLDER)
    return tmp_path / "blt"


def tokens_of(name: Path) -> list[int]:
    (text,) = BltRuntime.load(name).generate([b"abc"], max_bytes=12)
    return text.tokens


def test_graphs_lie_beside_the_weights(folder, capsys) -> None:
    expected = engine_of_text_model(load_text_model(str(folder))).generate([b"abc"], max_bytes=12)
    assert main([str(folder)]) == 0
    out = capsys.readouterr().out
    paths = [folder / name for name in BLT_GRAPHS] + [folder / ENTROPY_FOLDER / ENTROPY_GRAPH]
    for path in paths:
        assert f"wrote {path} (" in out
        content = path.read_bytes()
        assert len(content) < 100_000
        for words in (b"site-packages", b"/tmp", str(Path.cwd()).encode(), str(folder).encode()):
            assert words not in content, words
    assert tokens_of(folder) == expected[0].tokens
    before = {path: path.stat().st_mtime_ns for path in paths}
    assert main([str(folder)]) == 0
    again = {path for path in paths if path.stat().st_mtime_ns != before[path]}
    assert again == set(paths[:-1]), "the entropy model's was there"


def test_a_new_folder_is_a_whole_model(folder, tmp_path, capsys) -> None:
    settings = read_json(folder / "train_args.json")
    write_json(folder / "train_args.json", settings | {"patcher_model": str(tmp_path / "lm")})
    (folder / ENTROPY_FOLDER).rename(tmp_path / "lm")
    before = sorted(folder.iterdir())
    assert main([str(folder), "--out", str(tmp_path / "new")]) == 0
    assert sorted(folder.iterdir()) == before
    shutil.rmtree(tmp_path / "lm")
    expected = engine_of_text_model(load_text_model(str(tmp_path / "new")))
    assert tokens_of(tmp_path / "new") == expected.generate([b"abc"], max_bytes=12)[0].tokens


def test_weights_in_a_torch_file_need_a_new_folder(folder, tmp_path, capsys) -> None:
    blt = ByteLatentTransformer.from_pretrained(folder)
    (folder / WEIGHTS_FILE).unlink()
    (folder / "config.json").unlink()
    blt.save_pretrained(folder, file_format="pth")
    assert main([str(folder)]) == 1
    assert f"{folder} has no model.safetensors, which graphs read" in capsys.readouterr().err
    assert not list(folder.glob("*.onnx"))
    assert main([str(folder), "--out", str(tmp_path / "new")]) == 0
    assert len(tokens_of(tmp_path / "new")) == 12


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_half_the_size_are_read_as_they_are(dtype, tmp_path) -> None:
    blt = tiny().to(dtype)
    blt.save_pretrained(tmp_path)
    settings = {"data": {"patcher_args": {"patching_mode": "space"}, "tokenizer_args": {}}}
    write_json(tmp_path / "train_args.json", settings)
    assert main([str(tmp_path)]) == 0
    expected = engine_of_text_model(load_text_model(str(tmp_path)))
    assert tokens_of(tmp_path) == expected.generate([b"abc"], max_bytes=12)[0].tokens


def test_graphs_that_do_not_reproduce_the_model_are_not_written(tmp_path) -> None:
    tiny().save_pretrained(tmp_path)
    other = tiny()
    lively(other)
    with pytest.raises(ValueError, match="the exported graphs differ from the model by"):
        export_blt(other, tmp_path)
    assert not list(tmp_path.glob("*onnx"))


def test_weights_that_a_graph_needs_are_named(tmp_path) -> None:
    tiny().save_pretrained(tmp_path)
    deeper = tiny(global_model={"dim": 48, "n_layers": 3, "n_heads": 4, "multiple_of": 8})
    with pytest.raises(ValueError, match=r"safetensors has no global_transformer\.layers\.2\."):
        export_blt(deeper, tmp_path)
    with pytest.raises(ValueError, match="the ids of n-gram tables come from outside"):
        export_blt(tiny(ngram_vocab_sizes={2: 50}), tmp_path)


def test_the_comparison_depends_on_no_state_and_draws_no_special_ids(tmp_path) -> None:
    """A row that begins with PAD would be padding for the model and a byte for the graph."""
    model, compared = tiny(), []
    model.save_pretrained(tmp_path)
    model.register_forward_pre_hook(lambda _, inputs: compared.append(inputs[0]))
    for seed in range(2):
        torch.manual_seed(seed)
        export_blt(model, tmp_path)
    first, second = compared
    assert torch.equal(first, second)
    assert first.min() > PAD_ID
