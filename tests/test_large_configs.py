"""The commands in the comments of the large configurations, on a few documents."""

import json
import re
import shlex
from pathlib import Path

import pytest

from bytelatent.config import load_args
from bytelatent.data.sources import find_chunks
from bytelatent.preprocess.args import PreprocessArgs
from bytelatent.preprocess.entropies import main as preprocess
from bytelatent.preprocess.shards import find_work
from bytelatent.stool import main as stool
from bytelatent.training.args import TrainArgs
from tests.setup.test_hf_data import command

CONFIGS = Path(__file__).parents[1] / "bytelatent" / "configs"
DOWNLOAD, ENTROPIES, STOOL = (
    "python setup/download_prepare_hf_data.py ",
    "python -m bytelatent.preprocess.entropies ",
    "python -m bytelatent.stool ",
)
LARGE = ("entropy_model", "blt_1b", "blt_8b")


def commands(name: str, start: str) -> list[list[str]]:
    """Words of the commands in the head of a configuration that start so."""
    head = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8").partition("\nname: ")[0]
    lines = re.sub(r" \\\n# +", " ", head).splitlines()
    found = [line.removeprefix("#   ").strip() for line in lines]
    return [shlex.split(x.removeprefix(start)) for x in found if x.startswith(start)]


@pytest.fixture(params=LARGE)
def name(request, tmp_path, monkeypatch):
    """A configuration, in a folder where its text was prepared by its first command."""
    raw = tmp_path / "raw"
    raw.mkdir()
    rows = [json.dumps({"text": f"Document {n}."}) + "\n" for n in range(300)]
    (raw / "part.jsonl").write_text("".join(rows))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytelatent").symlink_to(CONFIGS.parent)
    (words,) = commands(request.param, DOWNLOAD)
    chunks = words.index("--nchunks") + 1
    words[1], words[chunks] = "0.2", str(min(8, int(words[chunks])))  # so many documents
    assert command.main([*words, "--from-folder", str(raw), "--validation", "20"]) == 0
    return request.param


def test_the_text_is_where_the_configuration_looks_for_it(name) -> None:
    args = load_args(TrainArgs, [f"config=bytelatent/configs/{name}.yaml"])
    measuring = commands(name, ENTROPIES)
    assert bool(measuring) == (args.blt is not None)
    for words in measuring:
        made = load_args(PreprocessArgs, [word.replace("<partition>", "gpu") for word in words])
        assert made.entropy_model == "facebook/blt-entropy", "the model of the threshold"
        here = {"entropy_model": "blt-entropy-mini", "device": "cpu"}
        work, _ = find_work(made.model_copy(update=here))
        for one in work:  # as if it were measured
            one.target.parent.mkdir(parents=True, exist_ok=True)
            one.target.touch()
    for source in args.data.used_sources():
        for split in ("train", "valid"):
            assert find_chunks(args.data.root_dir, split, source)


def test_entropies_are_measured_as_written(name, capsys) -> None:
    for words in commands(name, ENTROPIES):
        words = [word.replace("<partition>", "gpu") for word in words]
        words = [word for word in words if not word.startswith(("entropy_model=", "device="))]
        assert preprocess([*words, "entropy_model=blt-entropy-mini", "dry_run=true"]) == 0
        assert capsys.readouterr().out


def test_the_job_has_as_many_processes_as_the_configuration_is_written_for(name, tmp_path) -> None:
    head = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    for words in commands(name, STOOL):
        words = [word.replace("<partition>", "gpu") for word in words]
        assert stool([*words, f"dump_dir={tmp_path}/run", "dry_run=true"]) == 0
        sizes = {key: int(value) for key, value in (w.split("=") for w in words if w[-1].isdigit())}
        assert f"written for {sizes['nodes'] * sizes['ngpu']} GPUs" in head
