"""Training: bytes per second, share of the machine's matrix peak, and the loader beside it.

    python setup/build_corpus.py
    python benchmarks/train.py

Each shipped configuration trains a few steps in a temporary folder, with the real trainer, loader
and compiler. FLOPs are the paper's formulas, forward and backward, of the trained model alone; the
peak is that of square bfloat16 products on the same threads in the same process. The loader is
measured on the same configuration without training.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from common import write_results

from bytelatent.args import TrainArgs
from bytelatent.config import load_args
from bytelatent.data.loader import Loader
from bytelatent.metrics import read_metrics
from bytelatent.trainer import Trainer

ROOT = Path(__file__).parents[1]
CONFIGS = ("entropy_mini", "blt_mini")
STEPS, LOG_EVERY = 60, 5
COMPILING = 4
"""Logged stretches that are left out: shapes are compiled in them."""


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


def measure(name: str, peak: float) -> dict[str, Any]:
    """A few steps of one configuration."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "config": ROOT / "bytelatent/configs" / f"{name}.yaml",
            "dump_dir": folder,
            "data.root_dir": ROOT / "data/corpus",
            "steps": STEPS,
            "log_every": LOG_EVERY,
            "optim.warmup": 5,
            "init_from": "null",  # of no account to speed, and not on every machine
            "eval.every": STEPS,
            "eval.batches": 1,
            "checkpoint.every": STEPS,
        }
        args = load_args(TrainArgs, [f"{key}={value}" for key, value in settings.items()])
        assert Trainer(args, lambda _: None).run()
        lines = [x for x in read_metrics(Path(folder) / "metrics.jsonl") if "loss" in x]
    lines = lines[COMPILING:]
    speed = statistics.median(x["bytes_per_second"] for x in lines)
    flops = statistics.median(x["flops_per_second"] for x in lines)
    loader = loader_speed(args)
    return {
        "bytes_per_second": round(speed),
        "slowest_and_fastest": [round(f(x["bytes_per_second"] for x in lines)) for f in (min, max)],
        "model_gflops_per_second": round(flops / 1e9, 1),
        "share_of_matrix_peak": round(flops / peak, 3),
        "loader_bytes_per_second": round(loader),
        "loader_times_as_fast_as_training": round(loader / speed, 1),
        "memory_mb": round(max(x["memory_bytes"] for x in lines) / 1e6),
    }


def main() -> None:
    """Measure both models that come along."""
    peak = matrix_peak()
    rows: dict[str, Any] = {
        "machine": {
            "threads": torch.get_num_threads(),
            "bf16_matrix_gflops_per_second": round(peak / 1e9),
        }
    }
    for name in CONFIGS:
        rows[name] = measure(name, peak)
    write_results("train", rows)


if __name__ == "__main__":
    main()
