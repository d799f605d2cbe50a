"""Models of either kind from their folders, with what cuts their patches."""

import json
import shutil

import pytest
import torch

from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.loading import kind_of, load_text_model, read_settings
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import PatchingMode
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.transformer import LMTransformer
from tests import tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return tiny.entropy_model(root / "lm"), tiny.blt(root / "blt", root / "lm")


def test_the_config_tells_the_kind(folders, case) -> None:
    assert [kind_of(folder) for folder in folders] == [LMTransformer, ByteLatentTransformer]
    assert kind_of(case.entropy) is LMTransformer
    assert kind_of(case.blt) is ByteLatentTransformer


def test_the_kind_is_told_in_the_other_layout_too(folders, tmp_path) -> None:
    for folder in folders:
        model = kind_of(folder).from_pretrained(folder)
        model.save_pretrained(tmp_path / folder.name, file_format="pth")
        assert kind_of(tmp_path / folder.name) is type(model)


def test_a_byte_model_measures_for_itself(folders) -> None:
    found = load_text_model(str(folders[0]))
    assert found.entropy_model is found.model
    assert found.patcher.args == BltTokenizerAndPatcher.from_pretrained(folders[0]).patcher_args
    with pytest.raises(ValueError, match=r"entropy_model: .*lm is a byte model"):
        load_text_model(str(folders[0]), entropy_model=str(folders[0]))


def test_a_blt_brings_the_entropy_model_that_its_folder_names(folders, tmp_path) -> None:
    found = load_text_model(str(folders[1]))
    assert isinstance(found.model, ByteLatentTransformer)
    assert found.entropy_name == str(folders[0])
    assert found.patcher.args.threshold == 4.7
    other = tiny.entropy_model(tmp_path / "other", n_layers=1)
    found = load_text_model(str(folders[1]), entropy_model=str(other))
    assert found.entropy_model.args.n_layers == 1


def test_an_entropy_model_in_a_sub_folder_is_found(folders, tmp_path) -> None:
    blt = shutil.copytree(folders[1], tmp_path / "blt")
    settings = read_settings(blt)
    (blt / "train_args.json").write_text(json.dumps({"data": settings["data"]}))
    with pytest.raises(ValueError, match=r"entropy_model: patches of .* names no patcher_model"):
        load_text_model(str(blt))
    shutil.copytree(folders[0], blt / "entropy_model")
    assert load_text_model(str(blt)).entropy_name == str(blt / "entropy_model")


def test_a_blt_whose_rule_needs_no_entropies(folders, tmp_path) -> None:
    blt = shutil.copytree(folders[1], tmp_path / "blt")
    spaces = PatcherArgs(patching_mode=PatchingMode.SPACE)
    BltTokenizerAndPatcher(TokenizerArgs(), spaces).save_pretrained(blt)
    found = load_text_model(str(blt))
    assert found.entropy_model is None and found.patcher.mode is PatchingMode.SPACE
    with pytest.raises(ValueError, match="by rule 'space', which needs none"):
        load_text_model(str(blt), entropy_model=str(folders[0]))


def test_without_settings(folders, tmp_path) -> None:
    for folder in folders:
        shutil.copytree(folder, tmp_path / folder.name)
        (tmp_path / folder.name / "train_args.json").unlink()
    assert load_text_model(str(tmp_path / "lm")).patcher is None
    with pytest.raises(ValueError, match=r"blt/train_args.json does not exist: nothing says how"):
        load_text_model(str(tmp_path / "blt"))
    (tmp_path / "lm" / "train_args.json").write_text("[]")
    with pytest.raises(ValueError, match=r"train_args.json holds no object"):
        load_text_model(str(tmp_path / "lm"))


def test_weights_are_fp32_unless_asked_for_otherwise(folders, tmp_path) -> None:
    half = ByteLatentTransformer.from_pretrained(folders[1], dtype=torch.bfloat16)
    half.save_pretrained(tmp_path / "half")
    shutil.copy(folders[1] / "train_args.json", tmp_path / "half")
    for asked, expected in ({}, torch.float32), ({"dtype": None}, torch.bfloat16):
        model = load_text_model(str(tmp_path / "half"), **asked).model
        assert {p.dtype for p in model.parameters()} == {expected}
