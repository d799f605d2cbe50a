"""Speed of generation on a GPU: a 1B model in bf16 beside ``transformers``.

    python benchmarks/generate_gpu.py

The weights are random. Patches are cut by entropies, with a threshold that gives about 4.5 bytes
per patch of prose, so the entropy model runs for every byte and its weights count. The floor is the
time to read the weights for one byte once, at the bandwidth of copying. ``transformers`` has the
same weights and recomputes all activations for every byte; it is left out if the weights do not fit
a second time. In bf16, rounding can decide between equally probable bytes, so the texts are
compared but need not agree.
"""

import argparse
import shutil
import statistics
import tempfile
from typing import Any

import torch
from common import write_results
from forward import MEAN_PATCH, load_peer, text_of
from generate import (
    bandwidth,
    engine_of,
    ours,
    peer_generation,
    prompt_of,
    quiet_specials,
    same_beginning,
    touched,
)
from torch import Tensor

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.convert.transformers import Bundle, save_transformers
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import calculate_entropies
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.transformer import LMTransformer

LARGE: dict[str, Any] = {}
LARGE_ENTROPY = {"dim": 768, "n_layers": 14, "n_heads": 12}
TINY_LOCAL = {"dim": 32, "n_layers": 1, "n_heads": 2, "window": 64}
TINY = {
    "encoder": {**TINY_LOCAL, "cross_attention": "last"},
    "global_model": {"dim": 64, "n_layers": 2, "n_heads": 4},
    "decoder": {**TINY_LOCAL, "cross_attention": "all"},
    "cross_heads": 2,
    "hashes": {"sizes": [3, 4], "buckets": 101, "functions": 1},
}
TINY_ENTROPY = {"dim": 32, "n_layers": 1, "n_heads": 2}


@torch.inference_mode()
def build(blt_args: dict[str, Any], entropy_args: dict[str, Any], device: str) -> Bundle:
    """Build a model with random bf16 weights and the threshold for 4.5 bytes per patch of prose."""
    with torch.device(device):
        blt = ByteLatentTransformer(ByteLatentTransformerArgs.model_validate(blt_args))
        entropy_model = LMTransformer(LMTransformerArgs.model_validate(entropy_args))
    for model in (blt, entropy_model):
        model.init_weights()
        model.to(torch.bfloat16).eval()
    entropy_model.output.weight.mul_(3)
    quiet_specials(blt)
    entropies = calculate_entropies(entropy_model, text_of(2048).to(device))
    threshold = float(entropies.float().quantile(1 - 1 / MEAN_PATCH))
    return Bundle(blt, entropy_model, PatcherArgs(threshold=threshold))


def weights_of(bundle: Bundle) -> int:
    """Return the size of all weights in bytes."""
    models = (bundle.blt, bundle.entropy_model)
    return sum(w.numel() * w.element_size() for model in models for w in model.parameters())


def room(bundle: Bundle, device: str, folder: str) -> str | None:
    """Return why ``transformers`` cannot run beside our engine; None if it can."""
    size = weights_of(bundle)
    if shutil.disk_usage(folder).free < 1.2 * size:
        return f"no room on disk for {size / 1e9:.1f} GB of weights"
    if device == "cuda" and torch.cuda.mem_get_info()[0] < 1.5 * size:
        return f"no room on the GPU for {size / 1e9:.1f} GB of weights more"
    return None


@torch.inference_mode()
def peer_runs(
    bundle: Bundle, tokens: Tensor, device: str, options: argparse.Namespace
) -> list[dict[str, Any]] | str:
    """Generate with ``transformers`` after a warm-up, or return why it cannot run."""
    with tempfile.TemporaryDirectory() as folder:
        reason = room(bundle, device, folder)
        if reason is not None:
            return reason
        save_transformers(folder, bundle)
        peer = load_peer(folder).to(device, torch.bfloat16)
    tokens = tokens.to(device)
    peer_generation(peer, tokens[:, :32], 2)
    return [peer_generation(peer, tokens, options.peer_size) for _ in range(options.repeat)]


def runs_of(engine: Engine, tokens: Tensor, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Generate with our engine after a warm-up, in which CUDA graphs are recorded."""
    ours(engine, prompt_of(tokens), 64)
    return [ours(engine, prompt_of(tokens), options.size) for _ in range(options.repeat)]


@torch.inference_mode()
def rows(bundle: Bundle, device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return bytes per second of both engines, and our share of what the bandwidth allows."""
    tokens = text_of(options.context)
    runs = runs_of(engine_of(bundle), tokens, options)
    seconds = statistics.median(run["seconds_per_byte"] for run in runs)
    bytes_per_patch = len(runs[0]["bytes"]) / max(1, runs[0]["patches"])
    weights = touched(bundle, bytes_per_patch)
    speed = bandwidth(1 << 32 if device == "cuda" else 1 << 24, device)
    floor = weights["together_per_byte"] / speed
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "context": options.context,
        "bytes_per_second": round(1 / seconds, 1),
        "bytes_per_patch_of_this_text": round(bytes_per_patch, 2),
        "weights_touched_bytes": weights,
        "bandwidth_gb_per_second": round(speed / 1e9, 1),
        "floor_bytes_per_second": round(1 / floor, 1),
        "share_reached": round(floor / seconds, 3),
    }
    if device == "cuda":
        plain = Engine(bundle.blt, bundle.entropy_model, bundle.patcher_args, cuda_graphs=False)
        without = runs_of(plain, tokens, options)
        took = statistics.median(run["seconds_per_byte"] for run in without)
        results["without_cuda_graphs"] = {
            "bytes_per_second": round(1 / took, 1),
            "times_slower": round(took / seconds, 2),
            "bytes_alike": len(same_beginning(runs[0]["bytes"], without[0]["bytes"])),
        }
    peers = peer_runs(bundle, tokens, device, options)
    if isinstance(peers, str):
        return results | {"transformers": peers}
    took = statistics.median(run["seconds_per_byte"] for run in peers)
    results["transformers"] = {
        "bytes_per_second": round(1 / took, 3),
        "bytes_like_ours": len(same_beginning(runs[0]["bytes"], peers[0]["bytes"])),
        "of": options.peer_size,
    }
    return results | {"times_transformers": round(took / seconds, 1)}


def main() -> None:
    """Measure the 1B model on a GPU, or with ``--tiny`` a small model on a CPU as a check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--repeat", type=int, default=3, help="runs of each")
    parser.add_argument("--context", type=int, default=1024, help="tokens of the prompt")
    parser.add_argument("--size", type=int, default=512, help="bytes of ours in a run")
    parser.add_argument("--peer-size", type=int, default=16, help="bytes of transformers in a run")
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tiny:
        torch.set_num_threads(1)
        print(rows(build(TINY, TINY_ENTROPY, "cpu"), "cpu", options))
        return
    if not torch.cuda.is_available():
        parser.error("torch sees no GPU here")
    write_results("generate_gpu", rows(build(LARGE, LARGE_ENTROPY, "cuda"), "cuda", options))


if __name__ == "__main__":
    main()
