"""Speed of several texts at once: bytes per second of 1, 8 and 32 rows, both backends, one thread.

    python benchmarks/batch.py [--against REVISION]

Every row continues a prompt of its own with the shipped ``blt-mini``. The time to read the prompts
is separate. The evaluation part asks the adapter of lm-evaluation-harness for short texts after 24
prompts. With ``--against``, another build runs the same in turns, and ratios come from medians.
Memory per row is that of the KV caches after the run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from common import ROOT, checkout, write_results

from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.lm_eval_adapter import HarnessModel
from bytelatent.loading import load_text_model
from bytelatent.runtime import BltRuntime

ROWS = (1, 8, 32)
SIZE = 96
"""Number of bytes that each row generates."""

SAMPLING = SamplingArgs(temperature=0.8, seed=5)


@dataclass
class Request:
    """A request of the harness."""

    args: tuple[Any, ...]


def prompts(count: int) -> list[bytes]:
    """Return different prompts of about 50 bytes."""
    return [
        b"The history of the town begins in the year %d when " % (900 + n) for n in range(count)
    ]


def bytes_per_second(generator: Any, rows: int) -> float:
    """Generate ``SIZE`` bytes per row; return the bytes per second after the first of each row."""
    events = generator.stream(prompts(rows), max_bytes=SIZE, sampling=SAMPLING)
    began, count = 0.0, 0
    for count, _ in enumerate(events, start=1):
        if count == rows:
            began = time.perf_counter()
    return (count - rows) / (time.perf_counter() - began)


def cache_bytes(runtime: BltRuntime) -> int:
    """Return the bytes of the KV caches of one row after as many bytes as the benchmark makes."""
    row = runtime.model.prefill([1, *(byte + 4 for byte in prompts(1)[0] + b"x" * SIZE)])
    caches = (row.entropy_cache, row.encoder_cache, row.global_cache, row.decoder_cache)
    return sum(cache.store_L2GTE.nbytes for cache in caches if cache is not None)


def measure(folder: Path) -> dict[str, float]:
    """Measure this build once."""
    torch.set_num_threads(1)
    loaded = load_text_model(str(folder))
    engine = Engine(loaded.model, loaded.entropy_model, loaded.patcher.args)  # type: ignore[arg-type,union-attr]
    generators = {"torch": engine, "onnxruntime": BltRuntime.load(folder, threads=1)}
    rates: dict[str, float] = {}
    for name, generator in generators.items():
        bytes_per_second(generator, 2)  # a warm-up
        for rows in ROWS:
            rates[f"{name}_{rows}"] = bytes_per_second(generator, rows)
    harness = HarnessModel(str(folder))
    asked = [Request((text.decode(), {"max_gen_toks": 48})) for text in prompts(24)]
    began = time.perf_counter()
    texts = harness.generate_until(asked)
    assert len(texts) == len(asked)
    rates["lm_eval_requests"] = len(asked) / (time.perf_counter() - began)
    return rates


def in_build(root: Path) -> dict[str, float]:
    """Measure the build in the folder ``root`` in a process of its own."""
    command = [sys.executable, __file__, "--once", str(root / "bytelatent/pretrained/blt-mini")]
    paths = os.pathsep.join([str(root), str(Path(__file__).parent)])
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, check=True, stdout=subprocess.PIPE
    )
    rates: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return rates


def medians(turns: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each rate."""
    return {name: round(statistics.median(turn[name] for turn in turns), 2) for name in turns[0]}


def main() -> None:
    """Run the benchmark and print rates and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--against", metavar="REVISION", help="another build, measured in turns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure(Path(options.once))))
        return
    turns: dict[str, list[dict[str, float]]] = {"this": [], "against": []}
    if options.against:
        with checkout(options.against) as other:
            for _ in range(options.rounds):
                turns["this"].append(in_build(ROOT))
                turns["against"].append(in_build(other))
    else:
        turns["this"] = [in_build(ROOT) for _ in range(options.rounds)]
    rates = {build: medians(rows) for build, rows in turns.items() if rows}
    this = rates["this"]
    results: dict[str, Any] = {
        "bytes_per_second": rates,
        "times_one_row": {
            f"{name}_{rows}": round(this[f"{name}_{rows}"] / this[f"{name}_1"], 2)
            for name in ("torch", "onnxruntime")
            for rows in ROWS[1:]
        },
        "cache_bytes_of_a_row": cache_bytes(BltRuntime.load("blt-mini")),
    }
    if options.against:
        before = rates["against"]
        results |= {
            "against": options.against,
            "times_before": {name: round(this[name] / before[name], 2) for name in this},
        }
    write_results("batch", results)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
