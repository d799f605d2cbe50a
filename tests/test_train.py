"""Training: it learns, it resumes bit for bit, it says what went wrong."""

import json
import math
from itertools import cycle, islice

import pytest
import torch
import yaml

from bytelatent.config import load_args
from bytelatent.metrics import read_metrics
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import entropy_function
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET
from bytelatent.train import main
from bytelatent.training.args import TrainArgs
from bytelatent.training.checkpoint import sole_run
from bytelatent.training.trainer import Trainer
from bytelatent.transformer import LMTransformer
from tests import tiny
from tests.tiny import BLT, LM


@pytest.fixture
def corpus(tmp_path):
    for split, texts in {"train": 40, "valid": 5}.items():
        (tmp_path / "corpus" / split).mkdir(parents=True)
        lines = [json.dumps({"text": f"{n} green bottles on the wall. " * 6}) for n in range(texts)]
        (tmp_path / "corpus" / split / "song.jsonl").write_text("\n".join(lines))
    return tmp_path / "corpus"


def run_args(corpus, folder, **changes) -> TrainArgs:
    settings = {
        "steps": 30,
        "data": {"root_dir": corpus, "sources": {"song": 1}, "seq_len": 48, "batch_size": 4},
        "entropy_model": LM | {"sliding_window": 16},
        "checkpoint": {"every": 10, "keep": 2},
        "eval": {"every": 15, "batches": 2},
    }
    return tiny.run_args(corpus, folder, **(settings | changes))


def blt_args(corpus, folder, **changes) -> TrainArgs:
    changes = {
        "entropy_model": None,
        "blt": BLT | {"dropout": 0.1},
        "patcher": {"threshold": 1.0},
        "patcher_model": "blt-entropy-mini",
    } | changes
    return run_args(corpus, folder, **changes)


def train(args: TrainArgs) -> tuple[Trainer, list]:
    reports: list = []
    trainer = Trainer(args, reports.append)
    assert trainer.run()
    return trainer, reports


def same_weights(a: Trainer, b: Trainer) -> bool:
    pairs = zip(a.model.parameters(), b.model.parameters(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def test_it_learns_and_writes_what_it_says(corpus, tmp_path) -> None:
    args = run_args(corpus, tmp_path / "run")
    trainer, reports = train(args)
    lines = read_metrics(args.dump_dir / "metrics.jsonl")
    logged = [line for line in lines if "bits_per_byte" in line]
    assert logged[0]["bits_per_byte"] > 6
    assert logged[-1]["bits_per_byte"] < 3.5
    assert [line["step"] for line in lines if "valid_bits_per_byte" in line] == [15, 30]
    assert 0.9 * 5 * 4 * 48 < logged[0]["bytes"] <= 5 * 4 * 48, "BOS and EOS are no bytes"
    assert all(line[key] > 0 for line in logged for key in ("flops_per_second", "memory_bytes"))
    assert [report.step for report in reports] == [5, 10, 15, 20, 25, 30]
    assert reports[-1].seconds_left == 0
    again = LMTransformer.from_pretrained(args.dump_dir / "model")
    for a, b in zip(trainer.model.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    names = sorted(path.name for path in (args.dump_dir / "checkpoints").iterdir())
    assert names == ["0000000020", "0000000030"]


def test_a_blt_learns_from_patches_measured_on_the_way(corpus, tmp_path) -> None:
    args = blt_args(corpus, tmp_path / "run")
    trainer, _ = train(args)
    logged = [x for x in read_metrics(args.dump_dir / "metrics.jsonl") if "loss" in x]
    assert logged[0]["bits_per_byte"] > 6
    assert logged[-1]["bits_per_byte"] < 4.5
    assert 1 < logged[-1]["bytes_per_patch"] < 30
    again = ByteLatentTransformer.from_pretrained(args.dump_dir / "model")
    for a, b in zip(trainer.model.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_patches_of_training_are_those_of_inference(corpus, tmp_path) -> None:
    args = blt_args(corpus, tmp_path / "run")
    trainer = Trainer(args, lambda _: None)
    batch = next(iter(trainer.data))
    model = LMTransformer.from_pretrained("blt-entropy-mini", dtype=torch.float32)
    patcher = args.patcher.build(entropy_function(model))
    row = next(i for i, tokens in enumerate(batch.tokens_BS) if BOS_ID not in tokens[1:])
    expected, _ = patcher.patch(batch.tokens_BS[row : row + 1])
    found = trainer.patcher(batch)[row]
    assert torch.equal(found[found > 0], expected[0][expected[0] > 0])


def rows_by_hand(texts: list[str], size: int) -> torch.Tensor:
    """The endless stream BOS document EOS BOS ... in rows, each with the token after it."""
    stream: list[int] = []
    for text in texts:
        stream += [BOS_ID, *(OFFSET + byte for byte in text.encode()), EOS_ID]
    many = list(islice(cycle(stream), 100 * size + 1))
    return torch.tensor([many[i * size : (i + 1) * size + 1] for i in range(100)])


@pytest.mark.parametrize("clip", [1.0, 0.05])
def test_the_first_steps_equal_a_plain_loop(corpus, tmp_path, clip) -> None:
    """No trainer and no loader: the packed stream, the schedule and the update written out.

    Nothing is shuffled in blocks of one document: row ``l`` of the four reads documents ``l``,
    ``l + 4``, ... in the order of the file.
    """
    steps = 100
    data = {"root_dir": corpus, "sources": {"song": 1}, "seq_len": 48, "batch_size": 4}
    args = run_args(
        corpus,
        tmp_path / "run",
        log_every=1,
        steps=steps,
        divergence_factor=100,
        optim={"lr": 3e-3, "warmup": 5, "clip": clip},
        data=data | {"shuffle_block": 1},
    )
    train(args)
    logged = [x for x in read_metrics(args.dump_dir / "metrics.jsonl") if "loss" in x]
    lines = (corpus / "train" / "song.jsonl").read_text().splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    rows_NBT = torch.stack([rows_by_hand(texts[lane::4], 48) for lane in range(4)], dim=1)
    model = LMTransformer(args.entropy_model)
    model.init_weights(torch.Generator().manual_seed(args.seed))
    matrices = [p for p in model.parameters() if p.dim() > 1]
    norms = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices}, {"params": norms, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    for step, line in enumerate(logged):
        rate = 3e-3 * (step + 1) / 5
        if step >= 5:
            rate = 3e-3 * 0.5 * (1 + math.cos(math.pi * (step - 5) / (steps - 5)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        tokens_BS, targets_BS = rows_NBT[step, :, :-1], rows_NBT[step, :, 1:]
        log_p = model(tokens_BS, impl="sdpa").log_softmax(-1)
        picked = log_p.gather(-1, targets_BS[..., None])[..., 0]
        loss = -picked[(targets_BS >= OFFSET) | (targets_BS == EOS_ID)].mean()
        assert line["loss"] == pytest.approx(loss.item(), abs=1e-4)
        loss.backward()
        norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
        assert line["gradient_norm"] == pytest.approx(norm.item(), rel=1e-3)
        for p in model.parameters():
            p.grad *= min(1.0, clip / norm.item())
        optimizer.step()
        optimizer.zero_grad()


def test_small_parts_of_a_batch_add_up(corpus, tmp_path) -> None:
    losses = []
    for rows in (None, 1, 3):
        args = run_args(corpus, tmp_path / str(rows), micro_batch=rows)
        train(args)
        lines = read_metrics(args.dump_dir / "metrics.jsonl")
        losses.append([x["loss"] for x in lines if "loss" in x])
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    assert losses[2] == pytest.approx(losses[0], abs=1e-4)


def test_recomputed_activations_change_nothing(corpus, tmp_path) -> None:
    plain, _ = train(run_args(corpus, tmp_path / "a", steps=10))
    again = {"activation_checkpointing": True}
    saved, _ = train(run_args(corpus, tmp_path / "b", steps=10, distributed=again))
    for a, b in zip(plain.model.parameters(), saved.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    LMTransformer.from_pretrained(tmp_path / "b" / "model")


class KilledError(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("kind", [run_args, blt_args])
@pytest.mark.parametrize(("at", "first"), [(5, 5), (10, 5), (25, 25)])
def test_interrupted_and_resumed_equals_uninterrupted(corpus, tmp_path, kind, at, first) -> None:
    whole, _ = train(kind(corpus, tmp_path / "whole"))

    def interrupt(report) -> None:
        if report.step == at:
            raise KilledError

    args = kind(corpus, tmp_path / "cut")
    with pytest.raises(KilledError):
        Trainer(args, interrupt).run()
    resumed, reports = train(args)
    assert reports[0].step == first
    assert same_weights(whole, resumed)
    steps = [
        [line["step"] for line in read_metrics(tmp_path / run / "metrics.jsonl")]
        for run in ("whole", "cut")
    ]
    assert steps[0] == steps[1]


def test_a_request_to_stop_saves_and_leaves(corpus, tmp_path) -> None:
    whole, _ = train(run_args(corpus, tmp_path / "whole"))
    args = run_args(corpus, tmp_path / "cut", log_every=1)
    trainer = Trainer(args, lambda report: setattr(trainer.stop, "requested", report.step == 6))
    assert not trainer.run()
    assert [p.name for p in (args.dump_dir / "checkpoints").iterdir()] == ["0000000007"]
    assert not (args.dump_dir / "model").exists()
    resumed, _ = train(args)
    assert same_weights(whole, resumed)


@pytest.mark.parametrize("every", [1, 5])
def test_a_loss_that_is_no_number_stops_before_the_step(corpus, tmp_path, every) -> None:
    args = run_args(corpus, tmp_path / "run", steps=10)
    train(args)
    more = run_args(corpus, tmp_path / "run", log_every=every, checkpoint={"every": 1})
    broken = Trainer(more, lambda _: None)
    with torch.no_grad():
        broken.model.output.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="the loss is no finite number at step 11; the last"):
        broken.run()
    assert [p.name for p in (args.dump_dir / "checkpoints").iterdir()] == ["0000000010"]


def test_the_old_name_of_a_setting_is_accepted(corpus, tmp_path, caplog) -> None:
    values = run_args(corpus, tmp_path / "run").model_dump(mode="json")
    del values["divergence_factor"]
    old = tmp_path / "old.yaml"
    old.write_text(yaml.safe_dump(values | {"explode": 7.0}))
    assert load_args(TrainArgs, [f"config={old}"]).divergence_factor == 7
    assert "the setting explode is called divergence_factor now" in caplog.text
    with pytest.raises(ValueError, match="give one of the two"):
        load_args(TrainArgs, [f"config={old}", "divergence_factor=2"])


def test_a_loss_that_explodes_stops(corpus, tmp_path) -> None:
    train(run_args(corpus, tmp_path / "run", steps=10))
    broken = Trainer(run_args(corpus, tmp_path / "run", divergence_factor=2), lambda _: None)
    with torch.no_grad():
        broken.model.output.weight.mul_(100)
    with pytest.raises(ValueError, match=r"rose to .* at step 15, more than 2.0 times the lowest"):
        broken.run()


def test_training_starts_from_given_weights(corpus, tmp_path) -> None:
    first, _ = train(run_args(corpus, tmp_path / "first", steps=10))
    start = str(tmp_path / "first" / "model")
    args = run_args(corpus, tmp_path / "second", init_from=start)
    assert same_weights(first, Trainer(args, lambda _: None))
    other = args.entropy_model.model_dump() | {"dim": 64}
    args = run_args(corpus, tmp_path / "third", init_from=start, entropy_model=other)
    with pytest.raises(ValueError, match=r"init_from: the model in .* has other shapes"):
        Trainer(args, lambda _: None)


def test_half_precision_weights_are_trained_in_single_precision(corpus, tmp_path) -> None:
    first, _ = train(run_args(corpus, tmp_path / "first", steps=10))
    first.model.half().save_pretrained(tmp_path / "half")
    args = run_args(corpus, tmp_path / "second", init_from=str(tmp_path / "half"))
    model = Trainer(args, lambda _: None).model
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_hash_ngrams_that_are_new_change_nothing_at_first(corpus, tmp_path) -> None:
    first, _ = train(run_args(corpus, tmp_path / "first", steps=10))
    start = str(tmp_path / "first" / "model")
    hashed = first.args.entropy_model.model_dump() | {"hashes": {"sizes": [2, 3], "buckets": 64}}
    more = run_args(corpus, tmp_path / "more", init_from=start, entropy_model=hashed)
    grown = Trainer(more, lambda _: None)
    tokens_BS = torch.randint(4, 260, (2, 16), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(grown.model(tokens_BS), first.model(tokens_BS))
    before = [table.weight.clone() for table in grown.model.ngram_tables()]
    assert grown.run()
    moved = zip(before, grown.model.ngram_tables(), strict=True)
    assert not any(torch.equal(old, table.weight) for old, table in moved)
    again = {"hashes": {"sizes": [2, 3], "buckets": 32}}
    other = run_args(
        corpus,
        tmp_path / "other",
        init_from=str(tmp_path / "more" / "model"),
        entropy_model=hashed | again,
    )
    with pytest.raises(ValueError, match="has other shapes"):
        Trainer(other, lambda _: None)


def test_a_checkpoint_of_another_shape_is_refused(corpus, tmp_path) -> None:
    train(run_args(corpus, tmp_path / "run", steps=10))
    other = run_args(corpus, tmp_path / "run").entropy_model.model_dump() | {"dim": 64}
    with pytest.raises(ValueError, match=r"0000000010 does not fit this configuration"):
        Trainer(run_args(corpus, tmp_path / "run", entropy_model=other), lambda _: None)


def test_half_a_checkpoint_is_never_taken(corpus, tmp_path) -> None:
    args = run_args(corpus, tmp_path / "run", steps=20)
    train(args)
    folder = args.dump_dir / "checkpoints"
    (folder / ".0000000025.tmp" / "state").mkdir(parents=True)
    (folder / ".0000000025.tmp" / "state" / "__0_0.distcp").write_bytes(b"half")
    assert Trainer(args, lambda _: None).step == 20
    for path in (folder / "0000000020" / "state").glob("*.distcp"):
        path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"0000000020 cannot be read \(.*remove it"):
        Trainer(args, lambda _: None)


def test_checkpoints_that_stay(corpus, tmp_path) -> None:
    kept = {"every": 5, "keep": 1, "keep_every": 10}
    args = run_args(corpus, tmp_path / "run", checkpoint=kept, steps=25)
    train(args)
    names = sorted(int(path.name) for path in (args.dump_dir / "checkpoints").iterdir())
    assert names == [10, 20, 25]


def test_one_model_and_what_belongs_to_it(corpus, tmp_path) -> None:
    with pytest.raises(ValueError, match="one of entropy_model and blt"):
        run_args(corpus, tmp_path, blt=BLT)
    with pytest.raises(ValueError, match="patcher: a blt needs one"):
        run_args(corpus, tmp_path, blt=BLT, entropy_model=None)
    args = blt_args(corpus, tmp_path, patcher_model=None)
    with pytest.raises(ValueError, match="needs entropies and the data have none"):
        Trainer(args, lambda _: None).run()


def test_a_profile(corpus, tmp_path) -> None:
    wanted = {"first": 2, "steps": 1}
    args = run_args(corpus, tmp_path / "run", steps=5, profile=wanted)
    train(args)
    (trace,) = (args.dump_dir / "profile").iterdir()
    assert "attention" in trace.read_text()


def test_two_runs_never_write_to_one_folder(corpus, tmp_path, capsys) -> None:
    words = ["config=bytelatent/configs/debug.yaml", f"dump_dir={tmp_path / 'run'}"]
    with sole_run(tmp_path / "run"):
        assert main([*words, f"data.root_dir={corpus}"]) == 1
    assert "another run is writing to" in capsys.readouterr().err
    with sole_run(tmp_path / "run"):
        pass


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_lines_are_counted_in_what_a_run_writes(tmp_path, caplog, workers) -> None:
    good = json.dumps({"text": "ten green bottles on the wall. " * 2})
    for split in ("train", "valid"):
        (tmp_path / "corpus" / split).mkdir(parents=True)
        lines = [good, "{", good, '{"text": 7}'] if split == "train" else [good]
        (tmp_path / "corpus" / split / "song.jsonl").write_text("\n".join(lines))
    settings = {"root_dir": tmp_path / "corpus", "sources": {"song": 1}, "batch_size": 1}
    settings |= {"seq_len": 64, "shuffle_block": 1, "workers": workers}
    data = settings | {"on_bad_line": "skip"}
    args = run_args(tmp_path, tmp_path / "run", data=data, steps=5, log_every=1)
    train(args)
    logged = [x for x in read_metrics(args.dump_dir / "metrics.jsonl") if "loss" in x]
    # A document of 64 tokens a step, and a bad line before the next one.
    assert [line["bad_lines"] for line in logged] == [1, 2, 3, 4, 5]
    last = "skipped 5 bad lines in all, counted anew in every epoch"
    assert [x for x in caplog.messages if "in all" in x] == [last]


def test_no_word_of_bad_lines_where_there_are_none(corpus, tmp_path, caplog) -> None:
    data = {"root_dir": corpus, "sources": {"song": 1}, "seq_len": 48, "batch_size": 4}
    args = run_args(corpus, tmp_path / "run", data=data | {"on_bad_line": "skip"}, steps=5)
    train(args)
    assert not [x for x in read_metrics(args.dump_dir / "metrics.jsonl") if "bad_lines" in x]
    assert "bad lines" not in caplog.text


def test_the_command(corpus, tmp_path, capsys) -> None:
    words = ["config=bytelatent/configs/debug.yaml", f"dump_dir={tmp_path / 'run'}"]
    assert main([*words, "data.root_dir=/nowhere"]) == 1
    assert "no file for 'persuasion'" in capsys.readouterr().err
    assert main([*words, "optim.lrr=1"]) == 1
    assert "nearest known one is optim.lr" in capsys.readouterr().err
    sources = ["data.sources.persuasion=0", "data.sources.song=1"]
    settings = [f"data.root_dir={corpus}", "data.seq_len=32", "steps=4", "log_every=2"]
    assert main([*words, *sources, *settings]) == 0
    assert "wrote" in capsys.readouterr().out
    assert (tmp_path / "run" / "config.yaml").is_file()
