"""Speed of training: bytes per second of two builds, share of the matrix peak, and the loader.

    python setup/build_corpus.py
    python benchmarks/train.py                      # this build
    python benchmarks/train.py --against e69abbd    # and another one, in turns

The command ``bytelatent.train`` trains each configuration for a few steps in a temporary folder.
With ``--against`` both builds train in turns, with the model, the batches and the sources of the
other build's configuration, so that only the code differs. FLOPs follow the paper's formulas,
forward and backward, of the trained model alone; the peak is that of square bfloat16 products on
the same threads. The loader is that of this build, on its own configuration of that name, without
training.
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

from bytelatent.config import load_args
from bytelatent.data.loader import Loader
from bytelatent.metrics import read_metrics
from bytelatent.training.args import TrainArgs

CONFIGS = ("entropy_mini", "blt_mini")
CONFIGS_FOLDER = ROOT / "bytelatent/configs"
LOG_EVERY = 5
COMPILING = 4
"""Number of logged intervals that are left out, because shapes are compiled in them."""

THIS = "this build"


def matrix_peak(size: int = 2048, repeat: int = 20) -> float:
    """Return the FLOP/s of square bfloat16 products: the median of ``repeat``."""
    torch.manual_seed(0)
    a, b = (torch.randn(size, size, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / statistics.median(seconds)


def loader_speed(config: Path, corpus: Path, batches: int = 300) -> float:
    """Return the tokens per second of this build's loader alone."""
    words = [f"config={CONFIGS_FOLDER / config.name}", f"data.root_dir={corpus}"]
    args = load_args(TrainArgs, words)
    loader = Loader(args.data, "train")
    for _ in range(10):
        next(loader)
    began = time.perf_counter()
    tokens = sum(next(loader).tokens_BS.numel() for _ in range(batches))
    return tokens / (time.perf_counter() - began)


def training(build: Path, config: Path, corpus: Path, steps: int) -> list[dict[str, Any]]:
    """Train a few steps with the code in ``build`` and return the logged intervals."""
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
        command = [sys.executable, "-m", "bytelatent.train"]
        command += [f"{key}={value}" for key, value in settings.items()]
        environment = {**os.environ, "PYTHONPATH": str(build)}
        done = subprocess.run(command, cwd=build, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        lines = [x for x in read_metrics(Path(folder) / "metrics.jsonl") if "loss" in x]
    return lines[COMPILING:]


def row(lines: list[dict[str, Any]], loader: float, peak: float) -> dict[str, Any]:
    """Return the figures of one configuration and one build from the logged intervals."""
    speeds = [line["bytes_per_second"] for line in lines]
    flops = statistics.median(line["flops_per_second"] for line in lines)
    speed = statistics.median(speeds)
    return {
        "bytes_per_second": round(speed),
        "slowest_and_fastest": [round(min(speeds)), round(max(speeds))],
        "model_gflops_per_second": round(flops / 1e9, 1),
        "bf16_matrix_gflops_per_second": round(peak / 1e9),
        "share_of_matrix_peak": round(flops / peak, 3),
        "loader_bytes_per_second": round(loader),
        "loader_times_as_fast_as_training": round(loader / speed, 1),
        "memory_mb": round(max(line["memory_bytes"] for line in lines) / 1e6),
        "threads": torch.get_num_threads(),
    }


def compare(
    names: list[str], against: str | None, corpus: Path, steps: int, rounds: int
) -> dict[str, Any]:
    """Measure the named configurations with both builds, in turns."""
    rows: dict[str, Any] = {}
    with checkout(against) if against else nullcontext(ROOT) as other:
        builds = {THIS: ROOT, **({against: other} if against else {})}
        for name in names:
            config = other / "bytelatent/configs" / f"{name}.yaml"
            lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
            peaks = []
            for _ in range(rounds):
                peaks.append(matrix_peak())
                for label, build in builds.items():
                    lines[label] += training(build, config, corpus, steps)
            loader, peak = loader_speed(config, corpus), statistics.median(peaks)
            rows[name] = {label: row(lines[label], loader, peak) for label in builds}
            if against:
                speed, other_speed = (
                    rows[name][label]["bytes_per_second"] for label in (THIS, against)
                )
                rows[name]["times_as_fast"] = round(speed / other_speed, 2)
            print(name, json.dumps(rows[name], indent=1), flush=True)
    return rows


def main() -> None:
    """Measure the configurations of both shipped models."""
    parser = argparse.ArgumentParser(description="Measure the speed of training.")
    parser.add_argument("--against", metavar="REVISION", help="another build, measured in turns")
    parser.add_argument("--corpus", type=Path, default=ROOT / "data/corpus")
    parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=list(CONFIGS))
    parser.add_argument("--steps", type=int, default=60, help="steps of each round")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    corpus = options.corpus.resolve()
    steps, rounds = options.steps, options.rounds
    write_results("train", compare(options.configs, options.against, corpus, steps, rounds))


if __name__ == "__main__":
    main()
