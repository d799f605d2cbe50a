"""Training: it learns, it resumes bit for bit, it says what went wrong."""

import json
import math

import pytest
import torch

from bytelatent.args import TrainArgs
from bytelatent.checkpoint import CheckpointArgs, Checkpoints, sole_run
from bytelatent.metrics import MetricsFile, bits_per_byte, read_metrics
from bytelatent.optim import OptimArgs, build_optimizer, learning_rate
from bytelatent.train import main
from bytelatent.trainer import Trainer
from bytelatent.transformer import LMTransformer


@pytest.fixture
def corpus(tmp_path):
    for split, texts in {"train": 40, "valid": 5}.items():
        (tmp_path / "corpus" / split).mkdir(parents=True)
        lines = [json.dumps({"text": f"{n} green bottles on the wall. " * 6}) for n in range(texts)]
        (tmp_path / "corpus" / split / "song.jsonl").write_text("\n".join(lines))
    return tmp_path / "corpus"


def run_args(corpus, folder, **changes) -> TrainArgs:
    settings = {
        "name": "tiny",
        "dump_dir": folder,
        "steps": 30,
        "log_every": 5,
        "dtype": "fp32",
        "compile": False,
        "data": {"root_dir": corpus, "sources": {"song": 1}, "seq_len": 48, "batch_size": 4},
        "entropy_model": {
            "dim": 32,
            "n_layers": 2,
            "n_heads": 2,
            "multiple_of": 32,
            "max_seqlen": 48,
            "sliding_window": 16,
        },
        "optim": {"lr": 1e-2, "warmup": 5},
        "checkpoint": {"every": 10, "keep": 2},
        "eval": {"every": 15, "batches": 2},
    }
    return TrainArgs.model_validate(settings | changes)


def train(args: TrainArgs) -> tuple[LMTransformer, list]:
    reports = []
    model = Trainer(args, reports.append).run()
    return model, reports


def test_it_learns_and_writes_what_it_says(corpus, tmp_path) -> None:
    args = run_args(corpus, tmp_path / "run")
    model, reports = train(args)
    lines = read_metrics(args.dump_dir / "metrics.jsonl")
    losses = [line["bits_per_byte"] for line in lines if "bits_per_byte" in line]
    assert losses[0] > 6
    assert losses[-1] < 3.5
    assert [line["step"] for line in lines if "valid_bits_per_byte" in line] == [15, 30]
    assert lines[0]["bytes"] == 5 * 4 * 48
    assert [report.step for report in reports] == [5, 10, 15, 20, 25, 30]
    assert reports[-1].seconds_left == 0
    again = LMTransformer.from_pretrained(args.dump_dir / "model")
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True)
    )
    names = sorted(path.name for path in (args.dump_dir / "checkpoints").iterdir())
    assert names == ["0000000020", "0000000030"]


def test_the_first_steps_equal_a_plain_loop(corpus, tmp_path) -> None:
    args = run_args(corpus, tmp_path / "run", log_every=1, steps=8)
    _, reports = train(args)
    sampler = Trainer(run_args(corpus, tmp_path / "other"), lambda _: None).train_data
    model = LMTransformer(args.entropy_model)
    model.init_weights()
    matrices = [p for p in model.parameters() if p.dim() > 1]
    norms = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices}, {"params": norms, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95), weight_decay=0.1)
    for step, report in enumerate(reports):
        rate = 1e-2 * (step + 1) / 5
        if step >= 5:
            rate = 1e-2 * 0.5 * (1 + math.cos(math.pi * (step - 5) / 3))
        for group in optimizer.param_groups:
            group["lr"] = rate
        tokens, targets = sampler.batch(step)
        log_p = model(tokens, impl="sdpa").log_softmax(-1)
        picked = log_p.gather(-1, targets[..., None])[..., 0]
        loss = -picked[targets >= 4].mean()
        assert report.loss == pytest.approx(loss.item(), abs=1e-4)
        loss.backward()
        norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
        for p in model.parameters():
            p.grad *= min(1.0, 1.0 / norm.item())
        optimizer.step()
        optimizer.zero_grad()


class KilledError(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize(("at", "first"), [(5, 5), (10, 5), (25, 25)])
def test_interrupted_and_resumed_equals_uninterrupted(corpus, tmp_path, at, first) -> None:
    whole, _ = train(run_args(corpus, tmp_path / "whole"))

    def interrupt(report) -> None:
        if report.step == at:
            raise KilledError

    args = run_args(corpus, tmp_path / "cut")
    with pytest.raises(KilledError):
        Trainer(args, interrupt).run()
    resumed, reports = train(args)
    assert reports[0].step == first
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    steps = [
        [line["step"] for line in read_metrics(tmp_path / run / "metrics.jsonl")]
        for run in ("whole", "cut")
    ]
    assert steps[0] == steps[1]


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(corpus, tmp_path) -> None:
    args = run_args(corpus, tmp_path / "run", steps=10)
    train(args)
    broken = Trainer(run_args(corpus, tmp_path / "run", steps=30), lambda _: None)
    with torch.no_grad():
        broken.model.output.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="the loss is nan at step 15; the last checkpoint"):
        broken.run()
    assert [p.name for p in (args.dump_dir / "checkpoints").iterdir()] == ["0000000010"]


def test_a_checkpoint_of_another_shape_is_refused(corpus, tmp_path) -> None:
    train(run_args(corpus, tmp_path / "run", steps=10))
    other = run_args(corpus, tmp_path / "run").entropy_model.model_dump() | {"dim": 64}
    with pytest.raises(ValueError, match=r"step 10 .*does not fit this configuration"):
        Trainer(run_args(corpus, tmp_path / "run", entropy_model=other), lambda _: None)


def test_half_a_checkpoint_is_never_taken(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path, CheckpointArgs(keep=2))
    for step in (1, 2, 3):
        checkpoints.save(step, {"x": torch.tensor(step)})
    (tmp_path / ".0000000004.tmp").mkdir()
    (tmp_path / ".0000000004.tmp" / "state.pt").write_bytes(b"half")
    found = checkpoints.latest()
    assert found is not None
    assert (found[0], int(found[1]["x"])) == (3, 3)
    assert not (tmp_path / "0000000001").exists()
    (tmp_path / "0000000003" / "state.pt").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"0000000003.state\.pt cannot be read"):
        checkpoints.latest()


def test_two_runs_never_write_to_one_folder(corpus, tmp_path, capsys) -> None:
    words = ["config=bytelatent/configs/debug.yaml", f"dump_dir={tmp_path / 'run'}"]
    with sole_run(tmp_path / "run"):
        assert main([*words, f"data.root_dir={corpus}"]) == 1
    assert "another run is writing to" in capsys.readouterr().err
    with sole_run(tmp_path / "run"):
        pass


def test_metrics_go_on_where_the_run_does(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = MetricsFile(path)
    for step in (1, 2, 3):
        log.append({"step": step, "loss": 1 / 3})
    with path.open("a") as file:
        file.write('{"step": 4, "lo')
    MetricsFile(path, step=2).append({"step": 3, "loss": 0.5})
    assert read_metrics(path) == [
        {"step": 1, "loss": 0.333333},
        {"step": 2, "loss": 0.333333},
        {"step": 3, "loss": 0.5},
    ]


def test_learning_rate_rises_falls_and_ends() -> None:
    args = OptimArgs(lr=1.0, warmup=10, lr_min_ratio=0.1)
    rates = [learning_rate(args, step, 110) for step in range(111)]
    assert rates[0] == 0.1
    assert rates[9] == rates[10] == 1.0
    assert rates[60] == pytest.approx(0.55)
    assert rates[110] == pytest.approx(0.1)
    assert learning_rate(OptimArgs(lr=2.0, warmup=0, scheduler="constant"), 50, 100) == 2.0


def test_norms_do_not_decay(corpus, tmp_path) -> None:
    model = LMTransformer(run_args(corpus, tmp_path).entropy_model)
    decayed, free = build_optimizer(model, OptimArgs()).param_groups
    assert decayed["weight_decay"] == 0.1
    assert free["weight_decay"] == 0
    assert {p.dim() for p in decayed["params"]} == {2}
    assert {p.dim() for p in free["params"]} == {1}


def test_bits_per_byte() -> None:
    assert bits_per_byte(math.log(256) * 10, 10) == pytest.approx(8)


def test_the_command(corpus, tmp_path, capsys) -> None:
    words = ["config=bytelatent/configs/debug.yaml", f"dump_dir={tmp_path / 'run'}"]
    assert main([*words, "data.root_dir=/nowhere"]) == 1
    assert "does not exist (build it" in capsys.readouterr().err
    assert main([*words, "optim.lrr=1"]) == 1
    assert "nearest known one is optim.lr" in capsys.readouterr().err
    sources = ["data.sources.wikipedia=0", "data.sources.song=1"]
    settings = [f"data.root_dir={corpus}", "data.seq_len=32", "steps=4", "log_every=2"]
    assert main([*words, *sources, *settings]) == 0
    assert "wrote" in capsys.readouterr().out
    assert (tmp_path / "run" / "config.yaml").is_file()
