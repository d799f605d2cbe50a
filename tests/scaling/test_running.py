"""A study from its corpus to its fits: small, but with the real trainer."""

import json
import math
import re
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from bytelatent.config import save_args
from bytelatent.data.loader import Loader
from bytelatent.scaling.__main__ import main
from bytelatent.scaling.bits_per_byte import language_pieces, load_scorer, test_pieces
from bytelatent.scaling.collecting import COLLECTED, FITS
from bytelatent.scaling.grid import draft, grid_point, points
from bytelatent.scaling.running import Study
from bytelatent.scaling.study_folders import StudyPaths, prepare_text, prepare_vocabulary
from bytelatent.scaling.training_flops import measure_rates
from bytelatent.tokenizers.bpe_tokenizer import BpeTokenizer
from bytelatent.tokenizers.constants import PAD_ID
from bytelatent.training.checkpoint import FolderBusyError, sole_run
from bytelatent.training.divergence import DivergedError
from bytelatent.training.trainer import Trainer
from bytelatent.transformer import LMTransformer
from tests.scaling.study import prepare, study

test_pieces.__test__ = False

CHANGES = {
    "budgets": {"c1": {"flops": 4e7}, "c2": {"flops": 1.2e8}},
    "ablations": {
        "family": "blt-entropy",
        "budget": "c1",
        "variants": {"no-hash": {"blt": {"hashes": {"sizes": []}}}},
    },
    "robustness": {
        "families": ["blt-entropy", "bpe"],
        "budget": "c1",
        "noise_bytes": 300,
        "language_bytes": 200,
        "items": 2,
    },
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The study, all run."""
    root = prepare(tmp_path_factory.mktemp("study"))
    args = study(root, **CHANGES)
    (root / "study.yaml").write_text(save_args(args))
    assert main(["run", f"config={root / 'study.yaml'}"]) == 0
    return root, args


def records(args) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text()) for path in args.out.glob("tiny-*.json")}


def test_every_run_has_a_record(done) -> None:
    root, args = done
    found = {name: one for name, one in records(args).items() if one["kind"] != "robustness"}
    assert found.keys() == {point.name for point in points(args)}
    assert len(found) == 9
    for one in found.values():
        budget = args.budgets[one["budget"]].flops
        assert one["flops"]["training"] == pytest.approx(budget, rel=0.3), "a step is a large part"
        entropy = one["family"] == "blt-entropy"
        assert (one["flops"]["training_with_entropy_model"] > one["flops"]["training"]) == entropy
        assert one["bits_per_byte"]["total"]["bytes"] > 400
        assert set(one["bits_per_byte"]["sources"]) == {"songs", "vers", "programs"}
        assert 0 < one["bits_per_byte"]["total"]["bits_per_byte"] < 9
        assert one["machine"]["torch"] == torch.__version__
        assert one["seconds"]["training"] > 0 and one["bytes"] > 0
        assert one["command"].startswith("python -m bytelatent.scaling run config=")
        assert one["corpus"]["test_bytes"] == 500 and "root_dir" not in one["corpus"]
        assert (one["entropy_model"] is not None) == entropy
        assert str(root) not in json.dumps(one["config"] | one["machine"]), "no paths"
    sizes = {one["bits_per_byte"]["total"]["bytes"] for one in found.values()}
    assert len(sizes) == 1, "all families are measured on the same bytes"
    tokens = found["tiny-bpe-c1-s0"]
    assert tokens["unit"] == "token" and tokens["bytes_per_unit"] > 1.2
    assert found["tiny-bytes-c2-s0"]["config"]["optim"]["lr"] == pytest.approx(1.5e-3)
    plain, variant = found["tiny-blt-entropy-c1-s0"], found["tiny-ablation-no-hash-c1-s0"]
    assert plain["parameters"]["embeddings"] - variant["parameters"]["embeddings"] == 20 * 24


def test_the_same_command_skips_what_is_done(done, capsys) -> None:
    root, args = done
    before = {path: path.stat().st_mtime_ns for path in args.out.iterdir()}
    assert main(["run", f"config={root / 'study.yaml'}"]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "step" not in capsys.readouterr().err
    assert main(["run", f"config={root / 'study.yaml'}", "train.optim.lr=0.1"]) == 1
    assert "other settings than those of tiny-blt-entropy-c1-s0" in capsys.readouterr().err


def test_robustness_collect_and_fit(done, capsys) -> None:
    root, args = done
    for command in ("robustness", "collect", "fit"):
        assert main([command, f"config={root / 'study.yaml'}"]) == 0
    assert main(["robustness", f"config={root / 'study.yaml'}", "robustness.items=3"]) == 1
    assert "'items': 2}, not {" in capsys.readouterr().err
    collected = json.loads((args.out / COLLECTED).read_text())
    assert [len(collected[k]) for k in ("grid", "ablation", "robustness")] == [8, 1, 2]
    for one in collected["robustness"]:
        clean, loud = one["noise"]["clean"], one["noise"]["antspeak"]
        assert clean["bytes"] == loud["clean_bytes"] < loud["bytes"]
        assert one["languages"].keys() == {"en", "fr", "python"}
        assert all(0 <= task["right"] <= 1 for task in one["spelling"].values())
    fits = json.loads((args.out / FITS).read_text())
    assert fits["training"]["power"]["families"].keys() == set(args.families)
    assert fits["training"]["power"]["gaps"].keys() == set(args.families) - {"blt-entropy"}


def test_bits_of_tokens_are_those_of_a_computation_by_hand(done) -> None:
    _, args = done
    paths = StudyPaths(args)
    folder = paths.run("tiny-bpe-c1-s0") / "model"
    model = LMTransformer.from_pretrained(folder)
    bpe = BpeTokenizer(str(paths.tokenizer), add_bos=True, add_eos=False)
    texts = [piece.data for piece in test_pieces(args)]
    assert max(map(len, texts)) <= args.row_bytes
    nats = 0.0
    for text in texts:
        ids = bpe.encode(text.decode())
        with torch.no_grad():
            log_p = model(torch.tensor([ids])).log_softmax(-1)[0]
        nats -= sum(float(log_p[i, token]) for i, token in enumerate(ids[1:]))
    bits = nats / math.log(2) / sum(map(len, texts))
    record = records(args)["tiny-bpe-c1-s0"]
    assert record["bits_per_byte"]["total"]["bits_per_byte"] == pytest.approx(bits, rel=1e-5)
    (empty,) = load_scorer(folder, args.entropy_model, paths.tokenizer)([b""])
    assert (empty.nats, empty.size, empty.units) == (0.0, 0, 0)


def test_a_stopped_study_goes_on_to_the_same_end(done, tmp_path) -> None:
    root, args = done
    again = study(root, **CHANGES, folder=tmp_path / "runs", out=tmp_path / "out")
    point = grid_point(again, "bytes", "c2", 0)
    prepare_text(again)

    class Stopping(Study):
        def _train(self, point, run) -> bool:
            real = Trainer._log

            def log(trainer, tally) -> None:
                real(trainer, tally)
                self.stop.requested = True

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Trainer, "_log", log)
                return super()._train(point, run)

    assert Stopping(again, "x").record(point, {"chosen": 3e-3}) is None
    assert not StudyPaths(again).record(point.name).exists()
    folder = StudyPaths(again).run(point.name) / "checkpoints"
    assert max(path.name for path in folder.iterdir()) == "0000000005", "the step after"
    found = Study(again, "x").record(point, {"chosen": 3e-3})
    assert found is not None and not folder.exists()
    assert found["bits_per_byte"] == records(args)[point.name]["bits_per_byte"]


def test_two_processes_share_the_runs_out(done, tmp_path) -> None:
    root, args = done
    again = study(root, **CHANGES, folder=tmp_path / "runs", out=tmp_path / "out")
    (tmp_path / "study.yaml").write_text(save_args(again))
    command = [sys.executable, "-m", "bytelatent.scaling", "run", f"config={tmp_path}/study.yaml"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    ended = [re.findall(r"^(\S+): [\d.]+ bits/byte$", one, re.MULTILINE) for one in said]
    assert sorted(ended[0] + ended[1]) == sorted(point.name for point in points(again))
    for name, one in records(again).items():
        assert one["bits_per_byte"] == records(args)[name]["bits_per_byte"], name


def test_what_another_process_holds_is_left_to_it(done, tmp_path) -> None:
    root, _ = done
    args = study(root, **CHANGES, folder=tmp_path / "runs", out=tmp_path / "out")
    point = grid_point(args, "bytes", "c1", 0)
    prepare_text(args)
    with (
        sole_run(StudyPaths(args).run(point.name)),
        pytest.raises(FolderBusyError, match="tiny-bytes"),
    ):
        Study(args, "x").record(point, {"chosen": 3e-3})
    assert Study(args, "x").record(point, {"chosen": 3e-3}) is not None


def test_a_run_that_diverged_is_not_tried_twice(done, tmp_path, monkeypatch) -> None:
    root, _ = done
    sweep = {"lrs": [1e-3, 2e-3], "extend": 0}
    args = study(root, sweep=sweep, folder=tmp_path / "runs", out=tmp_path / "out")
    tried: list[float] = []

    def run(trainer) -> bool:
        tried.append(trainer.args.optim.lr)
        raise DivergedError("the loss exploded")

    monkeypatch.setattr(Trainer, "run", run)
    prepare_text(args)
    study_ = Study(args, "x", lambda line: None)
    for _ in range(2):
        with pytest.raises(ValueError, match="diverged at every learning rate"):
            study_._choose("bytes")
    assert tried == [1e-3, 2e-3]


def test_a_signal_stops_the_command(done, tmp_path, monkeypatch, capsys) -> None:
    root, _ = done
    real = Trainer.run

    def run(trainer) -> bool:
        signal.raise_signal(signal.SIGTERM)
        return real(trainer)

    monkeypatch.setattr(Trainer, "run", run)
    words = [f"config={root / 'study.yaml'}", f"folder={tmp_path / 'r'}", f"out={tmp_path / 'o'}"]
    assert main(["run", *words]) == 75
    assert "the same command goes on" in capsys.readouterr().err
    assert not list((tmp_path / "o").glob("*"))


def test_learning_rates_are_looked_for_beyond_the_best(done, tmp_path, monkeypatch) -> None:
    root, _ = done
    args = study(root, sweep={"lrs": [1e-3, 4e-3], "extend": 2}, out=tmp_path)
    worked = Study(args, "x")
    tried = []

    def record(point, sweep) -> dict | None:
        tried.append(point.lr)
        assert point.name == f"tiny-sweep-bytes-{point.lr:g}"
        if point.lr > 0.015:
            return None  # diverged
        return {"valid_bits_per_byte": abs(math.log(point.lr / 8e-3))}

    monkeypatch.setattr(worked, "record", record)
    chosen = worked._choose("bytes")
    assert tried == [1e-3, 4e-3, 8e-3, 1.6e-2]
    assert chosen["chosen"] == 8e-3
    assert chosen["valid_bits_per_byte"]["0.016"] is None


def test_families_read_the_same_documents_in_rows_of_equal_bytes(done) -> None:
    _, args = done
    words = prepare_vocabulary(args)
    drafts = {
        family: draft(
            args, grid_point(args, family, "c1", 0), 1e-3, words if family == "bpe" else None
        )
        for family in args.families
    }
    sizes = {family: measure_rates(run).bytes_per_step for family, run in drafts.items()}
    assert sizes["bytes"] == sizes["blt-space"] == sizes["blt-entropy"]
    assert sizes["bpe"] == pytest.approx(sizes["bytes"], rel=0.3)
    assert drafts["blt-entropy"].data.root_dir != drafts["blt-space"].data.root_dir
    one, other = (next(Loader(drafts[f].data, "train")) for f in ("blt-entropy", "bytes"))
    assert torch.equal(one.tokens_BS, other.tokens_BS)
    assert one.entropies_BS is not None and other.entropies_BS is None


def test_tokens_come_from_the_sources_in_the_shares_of_the_bytes(done) -> None:
    _, args = done
    words = prepare_vocabulary(args)
    assert max(words.lengths.values()) > 1.3 * min(words.lengths.values()), "or it shows nothing"
    lengths = [size or 1 for size in BpeTokenizer(str(words.path)).token_sizes]  # ends count as one
    shares: dict[str, dict[str, float]] = {}
    for family, vocabulary in (("bytes", None), ("bpe", words)):
        run = draft(args, grid_point(args, family, "c1", 0), 1e-3, vocabulary)
        sizes = dict.fromkeys(args.corpus.sources, 0)
        for batch in Loader(run.data, "train").fixed_batches(3000):
            for source, tokens_S in zip(batch.sources, batch.tokens_BS.tolist(), strict=True):
                kept = [token for token in tokens_S if token != PAD_ID]
                sizes[source] += sum(lengths[t] for t in kept) if vocabulary else len(kept)
        shares[family] = {source: size / sum(sizes.values()) for source, size in sizes.items()}
    assert shares["bpe"] == pytest.approx(shares["bytes"], rel=0.06)
    assert shares["bytes"] == pytest.approx(args.corpus.shares(), rel=0.1)


def test_models_are_measured_again(done, tmp_path, capsys) -> None:
    root, args = done
    again = study(root, **CHANGES, out=tmp_path / "out")
    shutil.copytree(args.out, again.out)
    path = again.out / "tiny-bytes-c1-s0.json"
    before = json.loads(path.read_text())
    changed = json.loads(path.read_text())
    changed["bits_per_byte"]["total"]["bits_per_byte"] = 1.0
    path.write_text(json.dumps(changed))
    (tmp_path / "study.yaml").write_text(save_args(again))
    assert main(["measure", f"config={tmp_path / 'study.yaml'}"]) == 0
    assert "tiny-bytes-c1-s0: " in capsys.readouterr().out
    after = json.loads(path.read_text())
    assert after["bits_per_byte"] == before["bits_per_byte"]
    assert after["flops"] == before["flops"] and "measured" in after


def test_languages_have_equally_much_text(done) -> None:
    _, args = done
    sizes: dict[str, int] = {}
    for piece in language_pieces(args, 90):
        sizes[piece.language] = sizes.get(piece.language, 0) + len(piece.data)
    assert all(80 <= size <= 90 for size in sizes.values()) and len(sizes) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budgets": {"c2": {"flops": 1.0}}}, "must ascend"),
        ({"families": {"bytes": {"shape": "none"}}}, "none for bytes: 'none'"),
        ({"ablations": {"family": "x", "budget": "c1", "variants": {}}}, "family 'x' is none of"),
        ({"robustness": {"families": ["bpe"], "budget": "c9"}}, "'c9' is none of c1, c2"),
        ({"name": "Not A Name"}, "name"),
    ],
)
def test_what_cannot_be_is_named(tmp_path, changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        study(tmp_path, **changes)


def test_misuse_of_the_command_is_named(tmp_path, capsys) -> None:
    assert main([]) == 2
    assert main(["walk"]) == 2
    assert "none of run, measure, robustness, collect, fit" in capsys.readouterr().err
    args = study(tmp_path, budgets={"c1": {"flops": 1e7}})
    (tmp_path / "study.yaml").write_text(save_args(args))
    assert main(["collect", f"config={tmp_path / 'study.yaml'}"]) == 1
    assert main(["robustness", f"config={tmp_path / 'study.yaml'}"]) == 1
    assert "has no such section" in capsys.readouterr().err


def test_the_text_of_another_study_is_not_taken(done) -> None:
    root, _ = done
    with pytest.raises(ValueError, match=r"corpus\.json says other settings"):
        prepare_text(study(root, corpus={"seed": 1}))
    with pytest.raises(ValueError, match="was made for 300 ids, not 310"):
        prepare_vocabulary(study(root, vocab_size=310))
