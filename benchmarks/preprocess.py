"""Speed of entropies ahead of training: this build in fp32 and bf16 beside another build.

    python setup/build_corpus.py
    python benchmarks/preprocess.py e69abbd

The benchmark runs ``python -m bytelatent.preprocess.entropies`` of both builds in turns, on a short
and on a longer text of the same kind. Bytes per second are those of the difference, so that the
start-up time does not count. The entropies of both builds are compared byte by byte, and the patch
starts under the calibrated threshold of the model.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from common import ROOT, checkout, write_results

NAME = "text.jsonl"
MODEL = Path("bytelatent", "pretrained", "blt-entropy-mini")
"""Model in a build; both builds run that of the other build, whose kind this one still reads."""


def write_texts(corpus: Path, folder: Path, size: int) -> int:
    """Write about ``size`` bytes of held-out documents of all sources in turn; return the size."""
    shards = sorted((corpus / "valid").glob("*.jsonl"))
    if not shards:
        raise SystemExit(f"{corpus / 'valid'} holds no .jsonl: python setup/build_corpus.py")
    documents, total = [], 0
    for number in count():
        for shard in shards:
            with shard.open(encoding="utf-8") as lines:
                line = next(islice(lines, number, None), None)
            if line is None:
                continue
            text = json.loads(line)["text"][:8000]
            documents.append(json.dumps({"text": text}))
            total += len(text.encode())
            if total >= size:
                folder.mkdir(parents=True)
                (folder / NAME).write_text("\n".join(documents) + "\n", encoding="utf-8")
                return total
    raise AssertionError("unreachable")


def run(build: Path, model: Path, source: Path, out: Path, dtype: str) -> float:
    """Measure entropies by ``model`` with the command in ``build``; return its seconds."""
    command = [sys.executable, "-m", "bytelatent.preprocess.entropies", f"input={source}"]
    command += [f"output={out}", f"dtype={dtype}", f"entropy_model={model}"]
    environment = {**os.environ, "PYTHONPATH": str(build)}
    began = time.perf_counter()
    done = subprocess.run(command, cwd=build, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    return seconds


def entropies(out: Path) -> Any:
    """Return all entropies that the command wrote to ``out``, concatenated."""
    with pyarrow.memory_map(str(next(out.glob("*.arrow")))) as file:
        table = pyarrow.ipc.open_file(file).read_all()
    return np.concatenate(
        [np.asarray(document, dtype=np.float32) for document in table["entropies"].to_pylist()]
    )


def difference(model: Path, ours: Any, reference: Any) -> dict[str, float]:
    """Return the differences in nats, and the share of patch starts of each build in the other."""
    calibration = json.loads((model / "calibration.json").read_text(encoding="utf-8"))
    threshold = calibration["rules"]["entropy"]["threshold"]
    starts, expected = ours > threshold, reference > threshold
    both = int((starts & expected).sum())
    return {
        "mean_nats": round(float(np.abs(ours - reference).mean()), 6),
        "largest_nats": round(float(np.abs(ours - reference).max()), 6),
        "starts_kept": round(both / int(expected.sum()), 5),
        "starts_shared": round(both / int(starts.sum()), 5),
        "places_alike": round(float((starts == expected).mean()), 5),
    }


def compare(against: str, corpus: Path, sizes: tuple[int, int], rounds: int) -> dict[str, Any]:
    """Measure entropies with both builds in turns; return speeds and differences."""
    with tempfile.TemporaryDirectory() as temporary, checkout(against) as other:
        folder = Path(temporary)
        small, large = (write_texts(corpus, folder / f"in{n}", n) for n in sizes)
        runs = {f"{against} fp32": (other, "fp32"), "fp32": (ROOT, "fp32"), "bf16": (ROOT, "bf16")}
        rates: dict[str, list[float]] = {name: [] for name in runs}
        measured: dict[str, Any] = {}
        for number in range(rounds):
            for name, (build, dtype) in runs.items():
                out = folder / f"out {name} {number}"
                few, many = (
                    run(build, other / MODEL, folder / f"in{size}", out / str(size), dtype)
                    for size in sizes
                )
                rates[name].append((large - small) / (many - few))
                measured[name] = entropies(out / str(sizes[1]))
                print(name, round(rates[name][-1]), "bytes/s", flush=True)
        reference = f"{against} fp32"
        peer = statistics.median(rates[reference])
        rows: dict[str, Any] = {"bytes": large}
        for name, speeds in rates.items():
            rate = statistics.median(speeds)
            rows[name] = {
                "bytes_per_second": round(rate),
                "slowest_and_fastest": [round(min(speeds)), round(max(speeds))],
                "times_as_fast": round(rate / peer, 2),
                "difference": difference(other / MODEL, measured[name], measured[reference]),
            }
    return rows


def main() -> None:
    """Measure entropies with this build and another build, and write the results."""
    parser = argparse.ArgumentParser(description="Measure the speed of measuring entropies.")
    parser.add_argument("against", metavar="REVISION", help="another build, measured in turns")
    parser.add_argument("--corpus", type=Path, default=ROOT / "data/corpus")
    parser.add_argument("--kilobytes", type=int, nargs=2, default=(50, 300), metavar="KB")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    small, large = (1000 * size for size in options.kilobytes)
    corpus = options.corpus.resolve()
    write_results("preprocess", compare(options.against, corpus, (small, large), options.rounds))


if __name__ == "__main__":
    main()
