"""The commands on checkpoints, on local folders, under the names of the hub too."""

import re
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file

from bytelatent.convert.commands import Loaded, main
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.tokenizers.constants import EOS_ID, OFFSET
from tests.conftest import CHECKPOINTS

FOLDER = CHECKPOINTS / "like-1b"
LOCAL = ["--entropy-dir", str(FOLDER / "entropy"), "--blt-dir", str(FOLDER / "blt")]


def test_the_command_that_everybody_knows(tmp_path, monkeypatch, capsys) -> None:
    shutil.copytree(FOLDER / "entropy", tmp_path / "facebook" / "blt-entropy")
    shutil.copytree(FOLDER / "blt", tmp_path / "facebook" / "blt-1b")
    monkeypatch.chdir(tmp_path)
    command = (
        "load-transformers --entropy-repo facebook/blt-entropy --blt-repo facebook/blt-1b --prompt"
    )
    assert main([*command.split(), "My test prompt", "hub", "--max-bytes", "4"]) == 0
    out = capsys.readouterr().out
    assert "entropy model: 43,424 parameters, float32\n" in out
    assert "BLT: 278,560 parameters, float32, 96,384 of them in hash tables\n" in out
    assert "patcher: entropy (threshold 3.14633" in out
    assert re.search(r"\n\nMy test prompt.*\n$", out, flags=re.DOTALL)


def test_the_text_is_that_of_the_reference() -> None:
    expected = np.load(FOLDER / "expected.npz")
    start, greedy = int(expected["prompt_len"]), expected["greedy"][0]
    loaded = Loaded.from_pretrained(FOLDER / "entropy", FOLDER / "blt")
    prompt = bytes((greedy[1:start] - OFFSET).tolist()).decode()
    assert EOS_ID not in greedy[start:]
    following = bytes(int(token) - OFFSET for token in greedy[start:] if token >= OFFSET)
    text = "".join(loaded.stream(prompt, len(greedy) - start))
    assert text == following.decode(errors="replace")


@pytest.mark.parametrize(
    "words",
    [
        ["load-transformers", "local", *LOCAL],
        ["load-transformers", *LOCAL, "local", "--prompt", "", "--max-bytes", "2"],
        ["load-transformers", *LOCAL, "--dtype", "bf16", "--prompt", "é", "local"],
    ],
)
def test_options_stand_before_or_after_the_place(words, capsys) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    assert ("bfloat16" in out) == ("bf16" in words)
    assert ("\n\n" in out) == ("--prompt" in words)


def test_there_and_back_again_is_bit_equal(tmp_path, capsys) -> None:
    assert main(["convert-to-transformers", *LOCAL, str(tmp_path / "hf")]) == 0
    assert main(["convert-from-transformers", str(tmp_path / "hf"), str(tmp_path / "back")]) == 0
    assert str(tmp_path / "back" / "entropy") in capsys.readouterr().out
    for part in ("blt", "entropy"):
        ours = load_file(tmp_path / "back" / part / "model.safetensors")
        theirs = load_file(FOLDER / part / "model.safetensors")
        assert ours.keys() == theirs.keys()
        assert all((ours[name] == theirs[name]).all() for name in ours)
    ours, theirs = (
        BltTokenizerAndPatcher.from_pretrained(folder).patcher_args.threshold
        for folder in (tmp_path / "back" / "blt", FOLDER / "blt")
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["load-transformers", "hub", *LOCAL], "load-transformers hub needs --entropy-repo"),
        (["load-transformers", "local"], "load-transformers local needs --entropy-dir"),
        (["load-transformers", *LOCAL, "there"], "invalid choice: 'there'"),
        (["load-transformers", *LOCAL, "local", "--max-bytes", "-1"], "-1 is not 0 or more"),
        (["convert-to-transformers", "out"], "required: --entropy-dir, --blt-dir"),
        ([], "required: command"),
    ],
)
def test_usage_errors_end_with_status_2(words, said, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["load-transformers", "local", "--entropy-dir", str(FOLDER / "blt"), *LOCAL[2:]],
            r"error: .*config\.json describes a BLT; read it with Byte.*from_pretrained\n$",
        ),
        (
            ["load-transformers", "local", "--entropy-dir", "no/such/folder", *LOCAL[2:]],
            r"error: no/such/folder is no folder; models that come along: blt-entropy-mini.*\n$",
        ),
        (
            ["convert-from-transformers", str(FOLDER / "blt"), "out"],
            r"error: .*config\.json: model_type is None, not 'blt'.*\n$",
        ),
        (
            ["load-transformers", "local", *LOCAL, "--prompt", "\udc80"],
            r"error: .*surrogate.*\n$",
        ),
    ],
)
def test_mistakes_are_one_line(words, said, capsys) -> None:
    assert main(words) == 1
    assert re.match(said, capsys.readouterr().err)
