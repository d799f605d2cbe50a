"""Training: bytes per second of two builds in turns, share of the matrix peak, and the loader.

    python setup/build_corpus.py
    python benchmarks/train.py                      # this build
    python benchmarks/train.py --against e69abbd    # and another one, in turns

Each configuration trains a few steps in a temporary folder, in a process of its own, with the real
trainer, loader and compiler. With ``--against`` both builds train the model, the batches and the
sources of the other build's configuration, so that only the code differs. FLOPs are the paper's
formulas, forward and backward, of the trained model alone; the peak is that of square bfloat16
products on the same threads. The loader is measured on the same configuration without training.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from common import ROOT, checkout, write_results

import bytelatent
from bytelatent.args import TrainArgs
from bytelatent.config import load_args
from bytelatent.data.loader import Loader
from bytelatent.metrics import read_metrics
from bytelatent.trainer import Trainer

CONFIGS = ("entropy_mini", "blt_mini")
LOG_EVERY = 5
COMPILING = 4
"""Logged stretches that are left out: shapes are compiled in them."""

THIS = "this build"


def matrix_peak(size: int = 2048, repeat: int = 20) -> float:
    """FLOP/s of square bfloat16 products: the median of ``repeat``."""
    a, b = (torch.randn(size, size, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / statistics.median(seconds)


def loader_speed(args: TrainArgs, batches: int = 300) -> float:
    """Tokens per second of the loader alone."""
    loader = Loader(args.data, "train")
    for _ in range(10):
        next(loader)
    began = time.perf_counter()
    tokens = sum(next(loader).tokens_BS.numel() for _ in range(batches))
    return tokens / (time.perf_counter() - began)


def measure(config: Path, corpus: Path, steps: int) -> dict[str, Any]:
    """A few steps of one configuration: what its logged stretches say."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "config": config,
            "dump_dir": folder,
            "data.root_dir": corpus,
            "steps": steps,
            "log_every": LOG_EVERY,
            "optim.warmup": 5,
            "init_from": "null",  # of no account to speed, and not on every machine
            "eval.every": steps,
            "eval.batches": 1,
            "checkpoint.every": steps,
        }
        args = load_args(TrainArgs, [f"{key}={value}" for key, value in settings.items()])
        assert Trainer(args, lambda _: None).run()
        lines = [x for x in read_metrics(Path(folder) / "metrics.jsonl") if "loss" in x]
    return {
        "lines": lines[COMPILING:],
        "loader": loader_speed(args),
        "peak": matrix_peak(),
        "threads": torch.get_num_threads(),
    }


def begin_as_the_command_does() -> None:
    """Do what ``python -m bytelatent.train`` does first, in builds that do."""
    # Asked of the build's own folder: an editable installation would fill in from another one.
    if (Path(bytelatent.__file__).parent / "allocator.py").is_file():
        from bytelatent.allocator import restart_with_huge_pages

        restart_with_huge_pages()


def measured_by(build: Path, config: Path, corpus: Path, steps: int) -> dict[str, Any]:
    """The same by the code in the folder ``build``, in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", str(config)]
    command += ["--corpus", str(corpus), "--steps", str(steps)]
    environment = {**os.environ, "PYTHONPATH": str(build)}
    done = subprocess.run(command, cwd=build, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """What the rounds of one configuration by one build come to."""
    lines = [line for one in rounds for line in one["lines"]]
    speeds = [line["bytes_per_second"] for line in lines]
    flops = statistics.median(line["flops_per_second"] for line in lines)
    speed, loader = statistics.median(speeds), statistics.median(one["loader"] for one in rounds)
    peak = statistics.median(one["peak"] for one in rounds)
    return {
        "bytes_per_second": round(speed),
        "slowest_and_fastest": [round(min(speeds)), round(max(speeds))],
        "model_gflops_per_second": round(flops / 1e9, 1),
        "bf16_matrix_gflops_per_second": round(peak / 1e9),
        "share_of_matrix_peak": round(flops / peak, 3),
        "loader_bytes_per_second": round(loader),
        "loader_times_as_fast_as_training": round(loader / speed, 1),
        "memory_mb": round(max(line["memory_bytes"] for line in lines) / 1e6),
        "threads": rounds[0]["threads"],
    }


def compare(
    names: list[str], against: str | None, corpus: Path, steps: int, rounds: int
) -> dict[str, Any]:
    """The named configurations by both builds, in turns."""
    rows: dict[str, Any] = {}
    with checkout(against) if against else nullcontext(ROOT) as other:
        builds = {THIS: ROOT, **({against: other} if against else {})}
        for name in names:
            config = other / "bytelatent/configs" / f"{name}.yaml"
            found: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for _ in range(rounds):
                for label, build in builds.items():
                    found[label].append(measured_by(build, config, corpus, steps))
            rows[name] = {label: row(lines) for label, lines in found.items()}
            if against:
                ours, theirs = (rows[name][label]["bytes_per_second"] for label in (THIS, against))
                rows[name]["times_as_fast"] = round(ours / theirs, 2)
            print(name, json.dumps(rows[name], indent=1), flush=True)
    return rows


def main() -> None:
    """Measure the configurations of both models that come along."""
    parser = argparse.ArgumentParser(description="Measure the speed of training.")
    parser.add_argument("--against", metavar="REVISION", help="another build, measured in turns")
    parser.add_argument("--corpus", type=Path, default=ROOT / "data/corpus")
    parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=list(CONFIGS))
    parser.add_argument("--steps", type=int, default=60, help="of each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", type=Path, metavar="CONFIG", help="measure one, print JSON")
    options = parser.parse_args()
    corpus = options.corpus.resolve()
    if options.one:
        begin_as_the_command_does()
        print(json.dumps(measure(options.one, corpus, options.steps)))
        return
    steps, rounds = options.steps, options.rounds
    write_results("train", compare(options.configs, options.against, corpus, steps, rounds))


if __name__ == "__main__":
    main()
