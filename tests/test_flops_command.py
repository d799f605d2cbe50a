"""FLOPs from a shell: the paper's figures, any config, JSON."""

import json

import pytest

from bytelatent.flops import PARTS, main
from tests.conftest import CHECKPOINTS

FOLDER = CHECKPOINTS / "like-1b"
TABLE_10_400M = """
blt:
  encoder: {dim: 768, n_layers: 1, n_heads: 12, cross_attention: last}
  decoder: {dim: 768, n_layers: 7, n_heads: 12}
  global_model: {dim: 1280, n_layers: 24, n_heads: 10}
  cross_heads: 12
"""


def rows(capsys, *words: str) -> list[dict]:
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["rows"]


def test_the_papers_1b_model_is_the_default(capsys) -> None:
    found = rows(capsys)
    assert [row["patch_size"] for row in found] == [4, 4.5, 6, 8]
    assert [row["blt"] for row in found] == pytest.approx(
        [1.01e9, 9.24e8, 7.61e8, 6.43e8], rel=0.006
    )
    assert found[1]["global_model"] / found[1]["blt"] == pytest.approx(0.65, abs=0.006)
    assert found[1]["entropy_model"] == pytest.approx(2.1e8, rel=0.01)
    assert sum(found[0][part] for part in PARTS) == pytest.approx(found[0]["blt"])


def test_a_configuration_of_a_training_run(capsys, tmp_path) -> None:
    path = tmp_path / "400m.yaml"
    path.write_text(f"name: x\nsteps: 3\n{TABLE_10_400M}")
    (found,) = rows(capsys, str(path), "--patch-size", "6")
    assert found["blt"] == pytest.approx(3.1e8, rel=0.03)  # the class of the paper's table 2
    mini = "bytelatent/configs/entropy_mini.yaml"
    (other,) = rows(capsys, str(path), "--patch-size", "6", "--entropy-model", mini)
    assert other["blt"] == found["blt"]
    assert other["entropy_model"] < found["entropy_model"] / 20


def test_folders_and_the_context(capsys) -> None:
    words = (str(FOLDER / "blt"), "--entropy-model", str(FOLDER / "entropy"), "--patch-size", "5")
    (long,), (short,) = (rows(capsys, *words, "--context", n) for n in ("8192", "512"))
    assert short["global_model"] < long["global_model"]
    assert short["decoder"] == long["decoder"]


def test_the_table_says_the_same(capsys) -> None:
    (row,) = rows(capsys, "--patch-size", "4.5")
    assert main(["--patch-size", "4.5"]) == 0
    table = capsys.readouterr().out
    for key in ("global_model", "blt", "entropy_model"):
        assert f"{row[key]:.3e}" in table
    assert "65.0%" in table


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--patch-size", "0.5"], "patch_size: 0.5 is not 1 byte or more"),
        (["no/such/model"], "no/such/model is no folder"),
        (["none.yaml"], "config: none.yaml does not exist"),
        (["bytelatent/configs/entropy_mini.yaml"], "has no section 'blt'"),
        ([str(FOLDER / "entropy")], "describes an entropy model"),
        (["--entropy-model", str(FOLDER / "blt")], "describes a BLT"),
    ],
)
def test_mistakes_are_one_line(words, said, capsys) -> None:
    assert main(words) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
