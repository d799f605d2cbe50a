"""Speed of the forward pass and of entropies beside ``transformers``, with equal weights.

    python benchmarks/forward.py

Both run on the same texts in the same process. The mid-size model has random weights, scaled so
that entropies differ, and a threshold that gives patches of about 4.5 bytes. Ratios are our median
over that of ``transformers``. Memory is measured in separate processes. If other work runs on the
machine, only ``--threads 1 --cpu-time`` compares them fairly: it counts the seconds of CPU time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from common import interleaved, peak_of, write_results
from torch import Tensor

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.convert.transformers import Bundle, load_transformers, save_transformers
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import calculate_entropies, entropy_function
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.transformer import LMTransformer

LOCAL = {"dim": 256, "n_heads": 4, "window": 512}
BLT = {
    "encoder": {**LOCAL, "n_layers": 1, "cross_attention": "last"},
    "global_model": {"dim": 512, "n_layers": 8, "n_heads": 8},
    "decoder": {**LOCAL, "n_layers": 4, "cross_attention": "all"},
    "patch_vectors": 2,
    "cross_heads": 4,
    "hashes": {"sizes": [3, 4, 5, 6, 7, 8], "buckets": 5002, "functions": 1},
}
ENTROPY = {"dim": 256, "n_layers": 6, "n_heads": 4, "sliding_window": 512, "max_seqlen": 16384}
MEAN_PATCH = 4.5
CLOCK = time.process_time if "--cpu-time" in sys.argv else time.perf_counter
TEXT = Path(__file__).parents[1] / "bytelatent" / "plotting" / "samples" / "persuasion.txt"


def text_of(size: int) -> Tensor:
    """Return tokens ``[1, size]`` of prose, repeated if the text is too short."""
    data = TEXT.read_bytes()
    data = data * (size // len(data) + 1)
    return torch.tensor([BltTokenizer(add_eos=False).encode_bytes(data[: size - 1])])


@torch.inference_mode()
def build() -> Bundle:
    """Build a model with random weights and a threshold far from every entropy of the text."""
    blt = ByteLatentTransformer(ByteLatentTransformerArgs.model_validate(BLT))
    entropy_model = LMTransformer(LMTransformerArgs.model_validate(ENTROPY))
    for model in (blt, entropy_model):
        model.init_weights()
        model.eval()
    entropy_model.output.weight.mul_(3)
    entropies = calculate_entropies(entropy_model, text_of(2048))[0].sort().values
    near = slice(int(2048 * (1 - 1 / MEAN_PATCH)) - 40, int(2048 * (1 - 1 / MEAN_PATCH)) + 40)
    low = int(entropies[near].diff().argmax()) + near.start
    return Bundle(blt, entropy_model, PatcherArgs(threshold=float(entropies[low : low + 2].mean())))


def load_peer(folder: str) -> Any:
    """Load the model in ``folder`` with ``transformers``."""
    warnings.simplefilter("ignore")
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    from transformers import BltForCausalLM

    return BltForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def peer_patches(peer: Any, tokens: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Return entropies and patch lengths (without the next byte) by ``transformers``."""
    entropies, lengths, _ = peer.model.patcher(
        tokens,
        patch_size=1,  # of no account when there is a threshold, but without it nothing is cut
        threshold=threshold,
        max_patch_length=None,
        patching_batch_size=1,
        device=tokens.device,
    )
    return entropies, lengths


def row(works: dict[str, Callable[[], object]], repeat: int) -> dict[str, Any]:
    """Return the median seconds of each work, and the ratio of ours to that of ``transformers``."""
    runs = interleaved(works, repeat, CLOCK)
    medians = {name: statistics.median(seconds) for name, seconds in runs.items()}
    rounded: dict[str, Any] = {name: round(seconds, 4) for name, seconds in medians.items()}
    return rounded | {"ratio": round(medians["ours"] / medians["transformers"], 3), "runs": repeat}


@torch.inference_mode()
def forward_rows(ours: Bundle, peer: Any, size: int, repeat: int) -> dict[str, Any]:
    """Measure a pass over ``size`` bytes: with fixed patches, patching alone, and both together."""
    tokens, threshold = text_of(size), float(ours.patcher_args.threshold or 0)
    patcher = ours.patcher_args.build(entropy_function(ours.entropy_model))
    lengths, seen = (patcher.patch(tokens, include_next_token=n)[0] for n in (True, False))
    assert torch.equal(seen, peer_patches(peer, tokens, threshold)[1]), "patches differ"
    logits = peer(tokens, use_cache=False).logits
    difference = float((ours.blt(tokens, lengths) - logits).abs().max())
    assert difference < 1e-3, f"logits differ by {difference}"
    fixed_patches = {
        "ours": lambda: ours.blt(tokens, lengths),
        "transformers": lambda: peer(tokens, patch_lengths=lengths, use_cache=False),
    }
    patches = {
        "ours": lambda: patcher.patch(tokens),
        "transformers": lambda: peer_patches(peer, tokens, threshold),
    }
    whole = {
        "ours": lambda: ours.blt(tokens, patcher.patch(tokens)[0]),
        "transformers": lambda: peer(tokens, use_cache=False),
    }
    return {
        "patches": lengths.shape[1],
        "largest_difference_of_logits": difference,
        "given_patches_seconds": row(fixed_patches, repeat),
        "entropies_and_patches_seconds": row(patches, repeat),
        "together_seconds": row(whole, repeat),
    }


@torch.inference_mode()
def entropy_rows(folder: str, ours: Bundle, peer: Any) -> dict[str, Any]:
    """Measure entropies by our model and by ``transformers``.

    The times are measured in this process, in turns; the memory in a separate process for each.
    """
    tokens = text_of(8192)
    works = {
        "ours": lambda: calculate_entropies(ours.entropy_model, tokens),
        "transformers": lambda: peer_patches(peer, tokens, 1.0),
    }
    rows: dict[str, Any] = {"8192 bytes": {"seconds": row(works, 5)}}
    memory = {name: in_own_process(folder, name, 8192) for name in works}
    taken = {name: usage["peak"] - usage["before"] for name, usage in memory.items()}
    rows["8192 bytes"] |= {
        "memory_taken_bytes": taken | {"ratio": round(taken["ours"] / taken["transformers"], 3)},
        "memory_of_process_bytes": {name: usage["peak"] for name, usage in memory.items()},
    }
    large = in_own_process(folder, "ours", 1 << 20)
    small = in_own_process(folder, "ours", 8192)
    per_byte = {"1 MiB": large["seconds"] / (1 << 20), "8192 bytes": small["seconds"] / 8192}
    rows["1 MiB"] = {
        "seconds": round(large["seconds"], 2),
        "microseconds_per_byte": {name: round(s * 1e6, 1) for name, s in per_byte.items()},
        "memory_taken_bytes": large["peak"] - large["before"],
        "memory_of_process_bytes": large["peak"],
    }
    return rows


def in_own_process(folder: str, name: str, size: int) -> dict[str, float]:
    """Return seconds and memory of one measurement of entropies in a new process."""
    command = [sys.executable, __file__, "--one", name, "--size", str(size), "--folder", folder]
    command += ["--threads", str(torch.get_num_threads())]
    command += ["--cpu-time"] if CLOCK is time.process_time else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    measurement: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measurement


@torch.inference_mode()
def measure_in_this_process(folder: str, name: str, size: int) -> dict[str, float]:
    """Measure time and memory of entropies in this process, for :func:`in_own_process`."""
    tokens, work = text_of(size), None
    if name == "ours":
        model = load_transformers(folder).entropy_model
        work = lambda tokens: calculate_entropies(model, tokens)  # noqa: E731
    else:
        peer = load_peer(folder)
        work = lambda tokens: peer_patches(peer, tokens, 1.0)  # noqa: E731
    work(tokens[:, :600])
    began = CLOCK()
    memory = peak_of(lambda: work(tokens))
    return memory | {"seconds": CLOCK() - began}


@torch.inference_mode()
def gpu_rows(ours: Bundle, size: int = 8192, rows: int = 4) -> dict[str, Any]:
    """Return seconds of a bf16 pass on the GPU by each implementation of attention."""
    blt = ours.blt.to("cuda", torch.bfloat16)
    patcher = PatcherArgs(patching_mode="space").build()
    tokens = text_of(size).expand(rows, -1).contiguous()
    lengths, tokens = patcher.patch(tokens)[0].cuda(), tokens.cuda()
    results: dict[str, Any] = {"device": torch.cuda.get_device_name(), "rows": rows, "bytes": size}
    for impl in ("sdpa", "banded", "flex", "xformers"):
        try:
            works = {impl: lambda impl=impl: blt(tokens, lengths, impl=impl).sum().item()}
            results[impl] = round(statistics.median(interleaved(works, 7)[impl]), 5)
        except ValueError as error:
            results[impl] = str(error)
    return results


def main() -> None:
    """Run the benchmark; in a process that is started to measure memory, measure only that."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", choices=("ours", "transformers"), help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=2048, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--repeat", type=int, default=15, help="runs of each forward pass")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="the process's own seconds")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.one:
        print(json.dumps(measure_in_this_process(options.folder, options.one, options.size)))
        return
    with tempfile.TemporaryDirectory() as folder:
        save_transformers(folder, build())
        ours, peer = load_transformers(folder), load_peer(folder)
        load = os.getloadavg()[0]
        rows = {
            "threads": options.threads,
            "clock": "seconds of the process" if options.cpu_time else "seconds on the wall",
            "others_running_at_start": round(load, 1),
            "forward, 2048 bytes": forward_rows(ours, peer, 2048, options.repeat),
            "entropies": entropy_rows(folder, ours, peer),
        }
        rows["gpu"] = gpu_rows(ours) if torch.cuda.is_available() else "no CUDA device here"
    write_results("forward", rows)


if __name__ == "__main__":
    main()
