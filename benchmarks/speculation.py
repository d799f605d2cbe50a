"""Self-speculation of the shipped model: share of accepted drafts, and speed-up.

    python benchmarks/speculation.py
    python benchmarks/speculation.py --runtimes      # instead: torch beside onnxruntime, the demo

The benchmark generates text after 400 bytes of prose, with and without speculation, in turns.
Greedy text must be the same. Greedy text of such a small model soon repeats itself, which is easy
to draft, so sampled text is measured too. The results contain the paper's figures beside ours: the
paper reports no seconds, and its rounds have two global passes, ours one.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from common import write_results
from forward import TEXT
from generate import ours

from bytelatent.formats.find import PRETRAINED
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.loading import load_text_model
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.runtime import BltRuntime

SHIPPED = "blt-mini"
ROOT = Path(__file__).parents[1]
DRAFTS = (4, 8, 16, "auto")
PAPER = {
    "source": "Fast BLT, arXiv 2605.08044: 512 bytes French to English, 256 bytes MBPP",
    "without": {
        "FR-EN": {"global_passes_per_byte": round(308 / 512, 4)},
        "MBPP": {"global_passes_per_byte": round(222 / 256, 4)},
    },
    "k = 4": {
        "FR-EN": {"acceptance": 0.9493, "global_passes_per_byte": round(215 / 512, 4)},
        "MBPP": {"acceptance": 0.9821, "global_passes_per_byte": round(105 / 256, 4)},
    },
    "k = 8": {
        "FR-EN": {"acceptance": 0.8716, "global_passes_per_byte": round(130 / 512, 4)},
        "MBPP": {"acceptance": 0.9484, "global_passes_per_byte": round(61 / 256, 4)},
    },
    "k = 16": {
        "FR-EN": {"acceptance": 0.6993, "global_passes_per_byte": round(87 / 512, 4)},
        "MBPP": {"acceptance": 0.8441, "global_passes_per_byte": round(37 / 256, 4)},
    },
}


def measure(engine: Engine, size: int, repeat: int, temperature: float) -> dict[str, Any]:
    """Generate texts without and with drafts; each turn has its own seed."""
    prompt = TEXT.read_bytes()[:400]
    turns = [
        {
            draft: ours(
                engine,
                prompt,
                size,
                speculate=draft,
                sampling=SamplingArgs(temperature=temperature, seed=turn),
            )
            for draft in (None, *DRAFTS)
        }
        for turn in range(repeat)
    ]
    if temperature == 0:
        texts = {run["bytes"] for turn in turns for run in turn.values()}
        assert len(texts) == 1, f"drafts change the text: {texts}"
    plain = statistics.median(turn[None]["seconds_per_byte"] for turn in turns)
    return {
        "without" if draft is None else f"k = {draft}": row([turn[draft] for turn in turns], plain)
        for draft in (None, *DRAFTS)
    }


def row(runs: list[dict[str, Any]], plain: float) -> dict[str, Any]:
    """Return the figures of all turns of one draft length.

    Args:
        runs: turns of this draft length.
        plain: seconds per byte without drafts.
    """
    size, drafted, accepted, rounds, passes = (
        sum(len(run["bytes"]) if name == "bytes" else run[name] for run in runs)
        for name in ("bytes", "drafted", "accepted", "rounds", "passes")
    )
    seconds = statistics.median(run["seconds_per_byte"] for run in runs)
    figures: dict[str, Any] = {"bytes": size, "bytes_per_second": round(1 / seconds, 1)}
    figures["global_passes_per_byte"] = round(passes / size, 4)
    if drafted:
        figures |= {"rounds": rounds, "drafted": drafted, "accepted": accepted}
        figures["acceptance"] = round(accepted / drafted, 4)
        figures["times_without"] = round(plain / seconds, 3)
    return figures


def numpy_rows(engine: Engine, size: int, repeat: int) -> dict[str, Any]:
    """Measure greedy text by torch and by onnxruntime, in turns, on one thread and on two.

    On a busy machine only the bytes per second of CPU time are comparable (they include the
    prompt).
    """
    prompt, texts = TEXT.read_bytes()[:100], set()
    sides: dict[tuple[int, str], Engine | BltRuntime] = {}
    for threads in (1, 2):
        sides[threads, "torch"] = engine
        sides[threads, "onnxruntime"] = BltRuntime.load(PRETRAINED / SHIPPED, threads=threads)
    runs: dict[tuple[int, str], list[tuple[float, float]]] = {side: [] for side in sides}
    for turn in range(repeat + 1):
        for (threads, name), side in sides.items():
            torch.set_num_threads(threads)
            began = time.process_time()
            run = ours(side, prompt, size if turn else 8)
            if turn:
                of_cores = (time.process_time() - began) / size
                runs[threads, name].append((run["seconds_per_byte"], of_cores))
                texts.add(run["bytes"])
    assert len(texts) == 1, f"runtimes differ: {texts}"
    results: dict[str, Any] = {"bytes": size, "runs": repeat}
    for threads in (1, 2):
        row = results[f"{threads} threads"] = {}
        for place, unit in enumerate(("second", "core_second")):
            took = {
                name: statistics.median(pair[place] for pair in runs[threads, name])
                for name in ("torch", "onnxruntime")
            }
            row |= {f"{name}_bytes_per_{unit}": round(1 / took[name], 1) for name in took}
            row[f"ratio_per_{unit}"] = round(took["torch"] / took["onnxruntime"], 2)
    return results


def demo_seconds(repeat: int) -> dict[str, Any]:
    """Return the seconds and the CPU seconds of the demo from start to end."""
    command, wall, of_cores = [sys.executable, "demo.py", "A BLT has"], [], []
    for _ in range(repeat):
        began, used = time.perf_counter(), os.times()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        wall.append(time.perf_counter() - began)
        now = os.times()
        of_cores.append(
            now.children_user + now.children_system - used.children_user - used.children_system
        )
    return {
        "median_seconds": round(statistics.median(wall), 2),
        "median_core_seconds": round(statistics.median(of_cores), 2),
        "runs": repeat,
    }


def main() -> None:
    """Measure self-speculation and write the figures beside the paper's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--repeat", type=int, default=5, help="runs of each")
    parser.add_argument("--size", type=int, default=512, help="bytes of a run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runtimes", action="store_true", help="torch beside onnxruntime alone")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    load = os.getloadavg()[0]
    model = load_text_model(SHIPPED)
    assert isinstance(model.model, ByteLatentTransformer) and model.patcher is not None
    engine = Engine(model.model, model.entropy_model, model.patcher.args)
    if options.runtimes:
        rows: dict[str, Any] = {"others_running_at_start": round(load, 1)}
        rows["greedy text"] = numpy_rows(engine, options.size, options.repeat)
        rows['python demo.py "A BLT has"'] = demo_seconds(options.repeat)
        write_results("runtimes", rows)
        return
    ours(engine, b"A BLT", 8)
    rows = {
        "threads": options.threads,
        "others_running_at_start": round(load, 1),
        f"{SHIPPED}, greedy": measure(engine, options.size, options.repeat, 0),
        f"{SHIPPED}, temperature 0.8": measure(engine, options.size, options.repeat, 0.8),
        "paper, its 3B model": PAPER,
    }
    write_results("speculation", rows)


if __name__ == "__main__":
    main()
