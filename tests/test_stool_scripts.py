"""What `bytelatent.stool` checks and says for the scripts that it runs."""

from pathlib import Path

import pytest

from bytelatent.data.args import DataArgs
from bytelatent.data.loader import Loader
from bytelatent.eval import EvalCommandArgs
from bytelatent.preprocess.args import PreprocessArgs
from bytelatent.stool import main
from bytelatent.training.args import TrainArgs

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nodes=3", "ngpu=3"], "data.batch_size: 8 rows cannot be shared evenly by 9 processes"),
        (["nodes=3"], "by 3 processes (nodes=3, 1 on each); take a multiple"),
        (["nproc=4", "distributed.replicas=3"], "distributed.replicas: 4 processes (nodes=1, 4"),
        (["nodes=2", "ngpu=4"], None),
        (["nodes=3", "ngpu=3", "data.batch_size=18", "distributed.replicas=3"], None),
    ],
)
def test_as_many_processes_as_the_run_can_use(capsys, tmp_path, words, message) -> None:
    config = f"config={ROOT}/bytelatent/configs/debug.yaml"
    told = ["script=bytelatent.train", config, f"dump_dir={tmp_path}/run"]
    assert main([*told, *words, "dry_run=true"]) == (0 if message is None else 1)
    assert (message or "") in capsys.readouterr().err
    assert (tmp_path / "run").exists() == (message is None)


@pytest.mark.parametrize(("rows", "world"), [(8, 9), (8, 3), (8, 8), (18, 9)])
def test_the_rows_are_shared_by_the_rule_of_the_loader(rows, world) -> None:
    corpus = ROOT / "bytelatent" / "configs" / "debug_corpus"
    args = DataArgs(root_dir=corpus, sources={"persuasion": 1}, batch_size=rows)
    if rows % world == 0:
        Loader(args, "train", world=world)
        return
    with pytest.raises(ValueError, match=f"{rows} rows cannot be shared evenly by {world}"):
        Loader(args, "train", world=world)


def test_only_the_script_that_takes_a_dump_dir_is_told_it(tmp_path) -> None:
    for name, kind in {
        "train": TrainArgs,
        "eval": EvalCommandArgs,
        "preprocess.entropies": PreprocessArgs,
    }.items():
        run = tmp_path / "jobs" / name
        words = [f"script=bytelatent.{name}", f"dump_dir={run}"]
        if name == "train":
            words.append(f"config={ROOT}/bytelatent/configs/debug.yaml")
        assert main([*words, "dry_run=true"]) == 0
        script = (run / "submit.slurm").read_text()
        command = next(x for x in script.splitlines() if f"-m bytelatent.{name}" in x)
        told = f" dump_dir={run}" in command
        assert told == ("dump_dir" in kind.model_fields), name
