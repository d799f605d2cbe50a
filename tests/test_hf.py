"""Tokenizer and patcher of released checkpoints, and the snippet that everybody knows."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.build import TokenizerArgs


def test_released_train_args_are_understood(case) -> None:
    both = BltTokenizerAndPatcher.from_pretrained(case.blt)
    released = json.loads((case.blt / "train_args.json").read_text())["data"]["patcher_args"]
    assert both.patcher_args.threshold == released["threshold"]
    assert both.patcher_args.build().mode == "entropy"
    assert both.tokenizer_args.build().encode("a") == [1, 101, 2]


README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SNIPPET = """
from bytelatent.transformer import LMTransformer
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.hf import BltTokenizerAndPatcher

entropy_repo = "facebook/blt-entropy"
blt_repo = "facebook/blt-1b"
entropy_model = LMTransformer.from_pretrained(entropy_repo)
blt_model = ByteLatentTransformer.from_pretrained(blt_repo)
tok_and_patcher = BltTokenizerAndPatcher.from_pretrained(blt_repo)
tokenizer = tok_and_patcher.tokenizer_args.build()
patcher = tok_and_patcher.patcher_args.build()
"""


def test_the_well_known_snippet_runs_on_local_folders(case, tmp_path, monkeypatch) -> None:
    assert SNIPPET in README
    shutil.copytree(case.entropy, tmp_path / "facebook" / "blt-entropy")
    shutil.copytree(case.blt, tmp_path / "facebook" / "blt-1b")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(SNIPPET, names)
    tokens = torch.tensor([names["tokenizer"].encode("A BLT has", add_eos=False)])
    entropies = torch.rand(tokens.shape, generator=torch.Generator().manual_seed(0)) * 5
    lengths, _ = names["patcher"].patch(tokens, entropies=entropies)
    assert names["blt_model"](tokens, lengths).shape == (1, 10, 260)


def test_saving_keeps_the_rest_of_the_file(tmp_path) -> None:
    (tmp_path / "train_args.json").write_text('{"steps": 7, "data": {"seed": 3}}')
    both = BltTokenizerAndPatcher(TokenizerArgs(), PatcherArgs(threshold=1.5, max_patch_length=8))
    both.save_pretrained(tmp_path)
    args = json.loads((tmp_path / "train_args.json").read_text())
    assert (args["steps"], args["data"]["seed"]) == (7, 3)
    assert BltTokenizerAndPatcher.from_pretrained(tmp_path) == both


def test_the_args_of_a_consolidated_checkpoint_do_as_well(case, tmp_path) -> None:
    shutil.copyfile(case.blt / "train_args.json", tmp_path / "params.json")
    both = BltTokenizerAndPatcher.from_pretrained(tmp_path)
    assert both == BltTokenizerAndPatcher.from_pretrained(case.blt)
    both.save_pretrained(tmp_path)
    assert BltTokenizerAndPatcher.from_pretrained(tmp_path) == both


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "lacks data.patcher_args"),
        ('{"data": []}', "lacks data"),
        ("[1]", "lacks data"),
        ('{"data": {"tokenizer_args": {"name": "sp"}, "patcher_args": {}}}', "name: Input should"),
        ('{"data": {"tokenizer_args": {}, "patcher_args": {"treshold": 1}}}', "treshold: Extra"),
    ],
)
def test_damaged_train_args_are_named(content, words, tmp_path) -> None:
    (tmp_path / "train_args.json").write_text(content)
    with pytest.raises(ValueError, match=words):
        BltTokenizerAndPatcher.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"train_args\.json does not exist"):
        BltTokenizerAndPatcher.from_pretrained(tmp_path.parent)
