"""What a run says of its data: text that is none, files that have changed."""

import json

import pytest

from bytelatent.metrics import read_metrics
from bytelatent.train import main
from bytelatent.training.args import TrainArgs
from bytelatent.training.trainer import Trainer
from tests import tiny


def silent(_) -> None:
    """Takes reports."""


def write(corpus, texts: list[str]) -> None:
    for split in ("train", "valid"):
        (corpus / split).mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (corpus / split / "song.jsonl").write_text(lines)


def args_of(corpus, folder, **changes) -> TrainArgs:
    data = {"root_dir": corpus, "sources": {"song": 1}, "seq_len": 16, "batch_size": 1}
    data |= {"shuffle_block": 1, **changes.pop("data", {})}
    settings = {"steps": 6, "log_every": 1, "checkpoint": {"every": 3}, **changes}
    return tiny.run_args(corpus, folder, data=data, **settings)


def test_a_source_of_empty_documents_is_named(tmp_path, capsys) -> None:
    write(tmp_path / "corpus", [""] * 20)
    words = ["config=bytelatent/configs/debug.yaml", f"dump_dir={tmp_path / 'run'}"]
    sources = ["data.sources.persuasion=0", "data.sources.song=1"]
    assert main([*words, *sources, f"data.root_dir={tmp_path / 'corpus'}"]) == 1
    printed = capsys.readouterr().err
    assert "data.sources: 'song' holds only empty documents" in printed
    assert "Traceback" not in printed


def test_steps_without_a_byte_are_no_trouble(tmp_path, caplog) -> None:
    """Rows of empty documents alone, now and then."""
    write(tmp_path / "corpus", [*[""] * 40, "ten green bottles"])
    args = args_of(tmp_path / "corpus", tmp_path / "run")
    assert Trainer(args, silent).run()
    logged = [x["step"] for x in read_metrics(args.dump_dir / "metrics.jsonl") if "loss" in x]
    without = [x for x in caplog.messages if "no byte of text" in x]
    assert len(logged) + len(without) == 6 and without


def test_a_resumed_run_refuses_other_data_and_goes_on_by_option(tmp_path) -> None:
    corpus, texts = tmp_path / "corpus", [f"{n} green bottles on the wall" for n in range(20)]
    write(corpus, texts)
    assert Trainer(args_of(corpus, tmp_path / "run", steps=3), silent).run()
    write(corpus, texts[:15])
    with pytest.raises(ValueError, match=r"song\.jsonl .*bytes"):
        Trainer(args_of(corpus, tmp_path / "run"), silent)
    options = {"on_changed_file": "warn"}
    assert Trainer(args_of(corpus, tmp_path / "run", data=options), silent).run()
