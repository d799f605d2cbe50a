"""Entropies ahead of time: right numbers, whole files, nothing done twice."""

import contextlib
import gzip
import hashlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import ipc, parquet

from bytelatent import plotting
from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.data.formats import read_shard
from bytelatent.files import read_json
from bytelatent.formats.find import PRETRAINED
from bytelatent.patching.entropies import calculate_entropies
from bytelatent.preprocess.args import PreprocessArgs
from bytelatent.preprocess.batched_entropies import measure
from bytelatent.preprocess.entropies import main
from bytelatent.preprocess.shards import METADATA
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.transformer import LMTransformer

TEXTS = ["", "a", "Ein Löffel Öl 🥄", "zwölf " * 40, "The quick brown fox. " * 20, "x" * 700]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    args = LMTransformerArgs(
        dim=32, n_layers=2, n_heads=2, multiple_of=32, max_seqlen=64, sliding_window=48
    )
    model = LMTransformer(args)
    model.init_weights()
    with torch.no_grad():  # fresh weights are nearly certain of nothing
        model.output.weight.mul_(8)
    model.save_pretrained(folder)
    return folder


def write_lines(path: Path, texts: list[str], **more) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text} | more) + "\n" for text in texts)


@pytest.fixture
def corpus(tmp_path) -> Path:
    folder = tmp_path / "text"
    write_lines(folder / "train" / "news.chunk.0.jsonl", TEXTS)
    write_lines(folder / "train" / "news.chunk.1.jsonl.gz", TEXTS[::-1])
    write_lines(folder / "valid" / "empty.jsonl", [])
    parquet.write_table(pa.table({"text": TEXTS[2:4]}), folder / "valid" / "table.parquet")
    (folder / "manifest.json").write_text("{}")
    (folder / ".hidden.jsonl").write_text("rubbish")
    return folder


class Run:
    """The command with a corpus, a model and an output."""

    def __init__(self, corpus: Path, model: Path, output: Path) -> None:
        self.output = output
        self.words = [f"input={corpus}", f"output={output}", f"entropy_model={model}"]

    def __call__(self, *words: str) -> int:
        return main([*self.words, *words])

    def shards(self) -> list[str]:
        return sorted(str(p.relative_to(self.output)) for p in self.output.rglob("*.arrow"))

    def origin(self, shard: str) -> dict:
        with pa.OSFile(str(self.output / shard)) as file:
            return json.loads(ipc.open_file(file).schema.metadata[METADATA])


@pytest.fixture
def run(corpus, model_folder, tmp_path) -> Run:
    return Run(corpus, model_folder, tmp_path / "out")


def directly(model: LMTransformer, text: str) -> np.ndarray:
    tokens = torch.tensor([BltTokenizer().encode(text)])
    return calculate_entropies(model, tokens)[0].numpy()


def test_every_shard_is_measured(run, model_folder, capsys) -> None:
    assert run("batch_bytes=300") == 0
    assert run.shards() == [
        "train/news.chunk.0.arrow",
        "train/news.chunk.1.arrow",
        "valid/empty.arrow",
        "valid/table.arrow",
    ]
    model = LMTransformer.from_pretrained(model_folder)
    expected = {"news.chunk.0": TEXTS, "news.chunk.1": TEXTS[::-1], "table": TEXTS[2:4]}
    for shard in run.shards():
        documents = list(read_shard(run.output / shard))
        texts = expected.get(Path(shard).stem, [])
        assert [document.data.decode() for document in documents] == texts
        for document, text in zip(documents, texts, strict=True):
            assert document.entropies.dtype == np.float32
            assert document.entropies == pytest.approx(directly(model, text), abs=1e-5)
    with pa.OSFile(str(run.output / run.shards()[0])) as file:
        schema = ipc.open_file(file).schema
    assert schema.field("text").type == pa.string()
    assert schema.field("entropies").type == pa.list_(pa.float32())
    captured = capsys.readouterr()
    assert captured.out == f"wrote 4 shards to {run.output}\n"
    assert captured.err.startswith("4 shards to measure (0.0 MB), 0 done before")
    assert len(captured.err.splitlines()) == 1, "quiet when not a terminal"
    assert (run.output / "manifest.json").read_text() == "{}"
    stats = read_json(run.output / ".preprocess" / "stats.json")[0]["stats"]
    assert stats["documents"]["total"] == 14


def test_rows_do_not_influence_each_other(model_folder) -> None:
    model = LMTransformer.from_pretrained(model_folder)
    documents = [text.encode() for text in TEXTS]
    alone = [measure(model, [document], batch_bytes=1)[0] for document in documents]
    together = measure(model, documents, batch_bytes=1 << 20)
    others = measure(model, [*documents, b"other " * 90], batch_bytes=1 << 20)
    for a, b, c in zip(alone, together, others, strict=False):
        assert b == pytest.approx(a, abs=1e-5)
        assert c == pytest.approx(a, abs=1e-5)


def test_bf16_agrees_with_fp32_on_real_text() -> None:
    """The shipped model; patches begin where entropy exceeds the threshold it was calibrated to."""
    folder = PRETRAINED / "blt-entropy-mini"
    threshold = read_json(folder / "calibration.json")["rules"]["entropy"]["threshold"]
    pages = sorted((Path(plotting.__file__).parent / "samples").glob("*.txt"))
    documents = [page.read_bytes()[:3000] for page in pages]
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        model = LMTransformer.from_pretrained(folder, dtype=dtype)
        found.append(np.concatenate(measure(model, documents, batch_bytes=4096)))
    assert np.abs(found[0] - found[1]).mean() < 0.02
    starts = found[0] > threshold
    assert np.mean(starts == (found[1] > threshold)) > 0.99
    assert starts[found[1] > threshold].mean() > 0.97


def test_finished_shards_are_left_alone_and_new_ones_done(run, corpus, capsys) -> None:
    assert run() == 0
    before = {name: (run.output / name).stat().st_ino for name in run.shards()}
    write_lines(corpus / "another.jsonl", ["new"])
    capsys.readouterr()
    assert run() == 0
    assert capsys.readouterr().out == f"wrote 1 shards to {run.output}\n"
    assert len(run.shards()) == 5
    assert before == {name: (run.output / name).stat().st_ino for name in before}
    assert run() == 0
    assert "0 shards to measure (0.0 MB), 5 done before" in capsys.readouterr().out


def test_a_damaged_shard_is_done_again(run, caplog) -> None:
    run()
    shard = run.output / run.shards()[0]
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    assert run() == 0
    assert shard.read_bytes() == whole
    assert "is no whole Arrow file and is written anew" in caplog.text


@pytest.mark.slow
def test_several_processes_give_the_same_shards(run, tmp_path, corpus, model_folder) -> None:
    run()
    other = Run(corpus, model_folder, tmp_path / "other")
    command = [sys.executable, "-m", "bytelatent.preprocess.entropies", *other.words, "workers=2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1, "quiet when not a terminal"
    for name in run.shards():
        # Threads of a process round differently; all else is the same.
        mine, theirs = (pa.ipc.open_file(x.output / name).read_all() for x in (run, other))
        assert mine.schema.equals(theirs.schema, check_metadata=True)
        assert mine["text"].equals(theirs["text"])
        for a, b in zip(mine["entropies"], theirs["entropies"], strict=True):
            np.testing.assert_allclose(a.values, b.values, atol=1e-5)


def running(mark: str) -> list[int]:
    """Processes whose environment holds ``mark``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_kill_leaves_no_half_file_and_no_process(corpus, model_folder, tmp_path, workers) -> None:
    write_lines(corpus / "train" / "news.chunk.0.jsonl", TEXTS * 4000)
    run = Run(corpus, model_folder, tmp_path / "out")
    words = [sys.executable, "-m", "bytelatent.preprocess.entropies", *run.words]
    words += ["batch_bytes=512", f"workers={workers}"]
    mark = f"BYTELATENT_TEST={tmp_path}"
    environment = os.environ | dict([mark.split("=", 1)])
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, env=environment)
    until = time.monotonic() + 240  # on a busy machine
    while not any(p.stat().st_size > 10_000 for p in run.output.rglob(".*.tmp.arrow")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    until = time.monotonic() + 240
    while running(mark):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert not (run.output / "train" / "news.chunk.0.arrow").exists()
    assert list(run.output.rglob(".*.tmp.arrow"))
    write_lines(corpus / "train" / "news.chunk.0.jsonl", TEXTS)
    assert run() == 0
    assert not list(run.output.rglob(".*.tmp.arrow"))
    assert len(list(read_shard(run.output / "train" / "news.chunk.0.arrow"))) == len(TEXTS)


def test_shards_of_another_model_are_refused_or_redone(run, corpus, model_folder, capsys) -> None:
    assert run("dtype=bf16") == 0
    assert run.origin("valid/table.arrow")["dtype"] == "bf16"
    capsys.readouterr()
    assert run() == 1
    assert f"made by {model_folder} with dtype bf16, not fp32" in capsys.readouterr().err
    assert run("override=true") == 0
    origin = run.origin("valid/table.arrow")
    assert origin["dtype"] == "fp32"
    assert origin["source"] == "valid/table.parquet"
    weights = (model_folder / "model.safetensors").read_bytes()
    assert origin["sha256"] == hashlib.sha256(weights).hexdigest()
    write_lines(corpus / "train" / "news.chunk.0.jsonl", ["changed"])
    assert run() == 1
    assert "news.chunk.0.arrow was made by" in capsys.readouterr().err


def test_the_same_model_under_another_name_is_the_same(run, model_folder, tmp_path) -> None:
    run()
    (tmp_path / "moved").symlink_to(model_folder)
    run.words[2] = f"entropy_model={tmp_path / 'moved'}"
    assert run() == 0


def test_bad_lines(run, corpus, capsys, caplog) -> None:
    path = corpus / "train" / "news.chunk.0.jsonl"
    path.write_text('{"text": "good"}\n{"text": 5}\nrubbish\n{"text": "better"}\n')
    assert run() == 1
    assert f"{path}, line 2: 'text' is no string but int" in capsys.readouterr().err
    assert "train/news.chunk.0.arrow" not in run.shards()
    assert run("on_bad_line=skip") == 0
    documents = read_shard(run.output / "train" / "news.chunk.0.arrow")
    assert [document.data for document in documents] == [b"good", b"better"]
    assert f"skipped {path}, line 3" in caplog.text
    assert "2 bad lines were skipped" in caplog.text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["worker=3"], "worker: unknown key; the nearest known one is workers"),
        (["device=tpu"], "device: "),
        (["partition=gpu"], "partition means nothing to executor 'local'"),
        (["executor=slurm"], "executor 'slurm' needs partition and time"),
        (["input=nowhere"], "nowhere is no folder"),
        (["entropy_model=nothing"], "nothing is no folder; models that come along: "),
        (["text_key=body"], "no 'body'"),
    ],
)
def test_mistakes_are_named(run, capsys, words, message) -> None:
    given = {word.partition("=")[0] for word in words}
    kept = [word for word in run.words if word.partition("=")[0] not in given]
    assert main([*kept, *words]) == 1
    error = capsys.readouterr().err
    assert "error: " in error
    assert message in error
    assert "Traceback" not in error
    assert not run.shards()


def test_two_shards_of_one_name_are_refused(run, corpus, capsys) -> None:
    write_lines(corpus / "train" / "news.chunk.1.jsonl", ["twin"])
    assert run() == 1
    assert "would both become" in capsys.readouterr().err


def test_output_in_the_input_is_refused(corpus, capsys) -> None:
    assert main([f"input={corpus}", f"output={corpus}/entropies"]) == 1
    assert "the next run would read it" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(run, capsys) -> None:
    assert run("dry_run=true") == 0
    assert "4 shards to measure" in capsys.readouterr().out
    assert not run.output.exists()


def test_a_gpu_that_is_not_there(run, capsys, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert run("device=cuda") == 1
    assert "device: cuda, but torch sees no GPU here" in capsys.readouterr().err


SLURM = ["executor=slurm", "partition=cpu only", "time=90", "account=it's", "env=my env"]


def fake(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.mark.slow
def test_slurm_gets_an_array_that_does_all(run, tmp_path, monkeypatch, capsys) -> None:
    """Fake programs run the script of the array's every job here."""
    monkeypatch.chdir(tmp_path)
    fake(tmp_path / "bin", "srun", 'exec "$@"')
    fake(tmp_path / "bin", "scontrol", "echo localhost")
    runs = "for i in 0 1; do SLURM_ARRAY_TASK_ID=$i SLURM_NODELIST=x bash $1 || exit 1; done"
    fake(tmp_path / "bin", "sbatch", f"{runs} >&2; echo Submitted batch job 5")
    (tmp_path / "my env" / "bin").mkdir(parents=True)
    activate = f"export PATH={Path(sys.executable).parent}:$PATH"
    (tmp_path / "my env" / "bin" / "activate").write_text(activate)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert run(*SLURM, "tasks_per_job=2", "dry_run=true") == 0
    script = run.output / ".preprocess" / "submit.slurm"
    assert capsys.readouterr().out == f"wrote {script}\n"
    subprocess.run(["bash", "-n", script], check=True)
    lines = script.read_text().splitlines()
    for line in ('array="0-1"', 'partition="cpu only"', 'time="90"', 'account="it\'s"'):
        assert f"#SBATCH --{line}" in lines
    assert not run.shards()
    assert run(*SLURM, "tasks_per_job=2") == 0
    assert capsys.readouterr().out == "Submitted batch job 5\n"
    assert len(run.shards()) == 4


def test_ray_must_be_installed(run, capsys, monkeypatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ray" else real(name)
    )
    assert run("executor=ray") == 1
    assert "ray is not installed; pip install 'datatrove[ray]'" in capsys.readouterr().err


def test_ray_is_given_the_pipeline(run, monkeypatch) -> None:
    """A Ray that only remembers that it was started, and an executor that works here."""
    from datatrove import executor

    from bytelatent.preprocess.pipeline import LocalExecutor

    started: list[dict] = []

    class RayExecutor(LocalExecutor):
        def __init__(self, pipeline, **options) -> None:
            started.append(options)
            kept = {key: options[key] for key in ("tasks", "logging_dir", "skip_completed")}
            super().__init__(pipeline, workers=1, **kept)

    ray = type(sys)("ray")
    ray.__spec__ = importlib.util.spec_from_loader("ray", loader=None)
    ray.init = lambda **options: started.append(options)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(executor, "RayPipelineExecutor", RayExecutor, raising=False)
    assert run("executor=ray", "time=2", "ngpu=1", "threads=1") == 0
    assert len(run.shards()) == 4
    assert started[1]["time"] == 120
    assert started[1]["gpus_per_task"] == 1


def test_a_task_that_fails_silently_is_noticed(run, monkeypatch, capsys) -> None:
    from bytelatent.preprocess import pipeline

    monkeypatch.setattr(pipeline, "run_local", lambda args, work: None)
    assert run() == 1
    assert "4 of 4 shards were not done" in capsys.readouterr().err


def test_the_documented_options_exist() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    section = page.split("# Entropies ahead of time")[1].split("| option |")[1].split("\n\n")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines()[2:]]
    documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert len(documented) > 6
    assert documented - {"config"} <= PreprocessArgs.model_fields.keys()
