"""Configurations: files, overrides, and errors that name the key."""

from pathlib import Path

import pytest

from bytelatent.config import load_args, save_args
from bytelatent.scaling.args import ScalingArgs
from bytelatent.training.args import TrainArgs

FOLDER = Path(__file__).parents[1] / "bytelatent" / "configs"
CONFIGS = sorted(path for path in FOLDER.glob("**/*.yaml") if path.parent.name != "parts")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_valid_and_survive_saving(path, tmp_path) -> None:
    kind = ScalingArgs if path.parent.name == "scaling" else TrainArgs
    args = load_args(kind, [f"config={path}"])
    (tmp_path / "again.yaml").write_text(save_args(args))
    assert load_args(kind, [f"config={tmp_path / 'again.yaml'}"]) == args


def debug(*words: str) -> TrainArgs:
    return load_args(TrainArgs, [f"config={CONFIGS[0].parent / 'debug.yaml'}", *words])


def test_a_file_starts_from_those_it_includes(tmp_path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "optim.yaml").write_text("optim: {lr: 0.25, warmup: 3}")
    (tmp_path / "parts" / "seed.yaml").write_text("include: [optim.yaml]\nseed: 5")
    debugging = FOLDER / "debug.yaml"
    (tmp_path / "run.yaml").write_text(
        f"include: [{debugging}, parts/seed.yaml]\noptim: {{warmup: 4}}"
    )
    args = load_args(TrainArgs, [f"config={tmp_path / 'run.yaml'}"])
    assert (args.optim.lr, args.optim.warmup, args.seed) == (0.25, 4, 5)
    assert args.data.sources == load_args(TrainArgs, [f"config={debugging}"]).data.sources


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("include: [run.yaml]", "run.yaml includes itself"),
        ("include: [other.yaml]", "other.yaml does not exist"),
        ("include: other.yaml", "include in .*run.yaml must be a list of files, got 'other.yaml'"),
        ("include: [3]", "must be a list of files"),
    ],
)
def test_wrong_includes_are_named(tmp_path, text, message) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_args(TrainArgs, [f"config={tmp_path / 'run.yaml'}"])


def test_overrides_lie_on_top() -> None:
    args = debug("optim.lr=0.5", "steps=7", "data.sources.sotu=2", "entropy_model.head_dim=null")
    assert (args.optim.lr, args.steps) == (0.5, 7)
    assert args.data.sources == {"persuasion": 1.0, "sotu": 2.0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optim.lrr=1"], "optim.lrr: unknown key; the nearest known one is optim.lr"),
        (["step=1"], "step: unknown key; the nearest known one is steps"),
        (["optim.lr=fast"], "optim.lr: .*got 'fast'"),
        (["optim.lr=-1"], "optim.lr: .*greater than 0"),
        (["steps"], "'steps' is no setting; write key=value"),
        (["data.seq_len=4096"], "data.seq_len 4096 exceeds entropy_model.max_seqlen"),
        (["entropy_model.n_heads=3"], "not a multiple of n_heads 3"),
    ],
)
def test_mistakes_are_named(words, message) -> None:
    with pytest.raises(ValueError, match=message):
        debug(*words)


def test_missing_and_broken_files_are_named(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.yaml does not exist"):
        load_args(TrainArgs, ["config=nowhere.yaml"])
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(ValueError, match=r"bad\.yaml cannot be read"):
        load_args(TrainArgs, [f"config={tmp_path / 'bad.yaml'}"])
    with pytest.raises(ValueError, match="name: missing"):
        load_args(TrainArgs, [])


UNREADABLE = {"deep": b"[" * 5000 + b"]" * 5000, "long number": b"1" * 5000, "no UTF-8": b"\xff"}


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_no_parser_can_read_is_named(tmp_path, value) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"steps: " + value)
    with pytest.raises(ValueError, match=r"^config: .*bad\.yaml cannot be read: [^\n]*$"):
        load_args(TrainArgs, [f"config={tmp_path / 'bad.yaml'}"])


@pytest.mark.parametrize(
    "value", ["[" * 5000 + "]" * 5000, "1" * 5000], ids=["deep", "long number"]
)
def test_a_setting_that_no_parser_can_read_is_a_mistake(value) -> None:
    with pytest.raises(ValueError, match=r"^configuration: [^\n]*$"):
        load_args(TrainArgs, [f"steps={value}"])


def test_a_shipped_configuration_is_found_by_its_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    args = load_args(TrainArgs, ["config=debug"])
    assert (args.data.root_dir / "train").is_dir()
    assert load_args(ScalingArgs, ["config=scaling/cpu"]).name
    with pytest.raises(ValueError, match=r"debgu does not exist; .*blt_1b, .*debug, .*scaling/cpu"):
        load_args(TrainArgs, ["config=debgu"])


def test_a_file_comes_before_a_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "debug").write_text("steps: 7")
    with pytest.raises(ValueError, match="name: missing"):
        load_args(TrainArgs, ["config=debug"])
