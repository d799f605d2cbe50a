"""Generation beside ``transformers``: same weights, same prompts, same process, in turns.

    python benchmarks/generate.py                  # minutes: the other side recomputes every byte
    python benchmarks/generate.py --quick          # checks that it works; figures mean nothing

The mid-size model of ``forward.py``, its four special ids made unlikely so that no text ends early.
Both continue the same prompt greedily and must give the same bytes. Bytes per second are of the
bytes after the first; the time to the first stands apart. The floor is the time it takes to read
the weights that a byte touches once, at the bandwidth measured here.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import Any

import torch
from common import peak_of, times, write_results
from forward import TEXT, build, load_peer, text_of
from torch import Tensor, nn

from bytelatent.generation.engine import Engine
from bytelatent.loading import load_text_model
from bytelatent.model.args import LMTransformerArgs
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.blt_args import ByteLatentTransformerArgs
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.storage import PRETRAINED
from bytelatent.tokenizers.constants import OFFSET
from bytelatent.transformer import LMTransformer
from bytelatent.transformers_format import Bundle, load_transformers, save_transformers

CONTEXTS = (256, 1024, 2048, 4096)
SHIPPED = "blt-mini"
DRAFTS = (4, 8, 16)


def prompt_of(tokens: Tensor) -> bytes:
    """The bytes behind tokens ``[1, S]`` that begin with BOS."""
    return bytes(int(token) - OFFSET for token in tokens[0, 1:])


def engine_of(bundle: Bundle) -> Engine:
    """Ours, on the weights of ``bundle``."""
    return Engine(bundle.blt, bundle.entropy_model, bundle.patcher_args)


def ours(engine: Engine, prompt: bytes, size: int, speculate: int | None = None) -> dict[str, Any]:
    """One greedy text of ``size`` bytes: its bytes, times and what ran."""
    events = list(engine.stream([prompt], max_bytes=size, speculate=speculate))
    first, last = events[0].seconds, events[-1].seconds
    made = bytes(event.byte for event in events if event.byte is not None)
    return {
        "bytes": made,
        "first_byte_seconds": first,
        "seconds_per_byte": (last - first) / max(1, len(events) - 1),
        "passes": sum(event.global_ran for event in events),
        "patches": sum(event.starts_patch for event in events),
        "drafted": sum(event.drafted for event in events),
        "accepted": sum(event.accepted for event in events),
        "rounds": sum(event.drafted > 0 for event in events),
    }


def theirs(peer: Any, tokens: Tensor, size: int) -> dict[str, Any]:
    """The same by ``transformers``, without its cache, with which it fails."""
    began = time.perf_counter()
    found = peer.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=size,
        do_sample=False,
        use_cache=False,
    )
    seconds = time.perf_counter() - began
    made = bytes(int(token) - OFFSET for token in found[0, tokens.shape[1] :])
    return {"bytes": made, "seconds_per_byte": seconds / size}


@torch.inference_mode()
def context_row(engine: Engine, peer: Any, context: int, options: argparse.Namespace) -> Any:
    """Both sides after a prompt of ``context`` tokens, in turns."""
    tokens, runs = text_of(context), {"ours": [], "transformers": []}
    prompt = prompt_of(tokens)
    ours(engine, prompt, 8)
    for _ in range(options.repeat):
        runs["ours"].append(ours(engine, prompt, options.size))
        runs["transformers"].append(theirs(peer, tokens, options.peer_size))
    made = {name: found[0]["bytes"] for name, found in runs.items()}
    assert made["ours"].startswith(made["transformers"]), f"texts differ: {made}"
    seconds = {
        name: statistics.median(one["seconds_per_byte"] for one in found)
        for name, found in runs.items()
    }
    first = statistics.median(one["first_byte_seconds"] for one in runs["ours"])
    one = runs["ours"][0]
    return {
        "bytes_per_second": {name: round(1 / value, 2) for name, value in seconds.items()},
        "ratio": round(seconds["transformers"] / seconds["ours"], 1),
        "our_milliseconds_per_byte": round(seconds["ours"] * 1e3, 4),
        "our_first_byte_milliseconds": round(first * 1e3, 2),
        "our_bytes_per_patch": round(len(one["bytes"]) / max(1, one["patches"]), 2),
        "bytes": {"ours": options.size, "transformers": options.peer_size},
        "runs": options.repeat,
    }


def _size(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters)


def touched(bundle: Bundle, bytes_per_patch: float) -> dict[str, int]:
    """Bytes of weights that one byte of text needs; those of a patch are spread over its bytes.

    Embeddings and hash tables give a row each, which is left out. Once per patch: the global model,
    the whole cross-attention of the encoder, keys and values of the decoder's.
    """
    blt, lm = bundle.blt, bundle.entropy_model
    encoder, decoder = blt.local_encoder, blt.local_decoder
    per_patch = _size(blt.global_transformer.parameters())
    per_byte = _size(p for n, p in lm.named_parameters() if not n.startswith("tok_embeddings"))
    per_byte += _size(encoder.layers.parameters())
    for name, weight in encoder.named_parameters():
        if name.startswith(("cross_attn_layers", "patch_embedding_projection")):
            per_patch += _size([weight])
    for name, weight in decoder.named_parameters():
        of_patch = name.startswith("patch_embedding_projection") or (
            "cross_attn" in name and (".wk." in name or ".wv." in name or "norm_kv" in name)
        )
        if of_patch:
            per_patch += _size([weight])
        else:
            per_byte += _size([weight])
    return {
        "per_byte": per_byte,
        "per_patch": per_patch,
        "together_per_byte": round(per_byte + per_patch / bytes_per_patch),
    }


def bandwidth(size: int, device: str = "cpu") -> float:
    """Bytes per second of reading ``size`` bytes of weights: products of matrices and vectors.

    On a GPU of copying them, where a byte is read and written.
    """
    weights = torch.ones(size // 4096, 1024, device=device)
    if device == "cpu":
        vector = torch.ones(1024)
        return weights.nbytes / min(times(lambda: weights @ vector, 25))
    target = torch.empty_like(weights)

    def copy() -> None:
        target.copy_(weights)
        torch.cuda.synchronize()

    return 2 * weights.nbytes / min(times(copy, 25))


def floor_rows(bundle: Bundle, row: dict[str, Any]) -> dict[str, Any]:
    """The least time of a byte, and the share of that speed that was reached."""
    weights = touched(bundle, row["our_bytes_per_patch"])
    found: dict[str, Any] = {"weights_touched_bytes": weights}
    # What fits the processor's cache is read faster than memory: both bounds.
    for name, size in {"memory": 1 << 30, "as_many_bytes": weights["together_per_byte"]}.items():
        speed = bandwidth(size)
        seconds = weights["together_per_byte"] / speed
        found[name] = {
            "bandwidth_gb_per_second": round(speed / 1e9, 2),
            "floor_milliseconds_per_byte": round(seconds * 1e3, 4),
            "share_reached": round(seconds * 1e3 / row["our_milliseconds_per_byte"], 3),
        }
    return found


def in_own_process(folder: str, name: str, context: int) -> dict[str, int]:
    """Memory of one side after a prompt of ``context`` tokens."""
    words = ["--one", name, "--context", str(context), "--folder", folder]
    words += ["--threads", str(torch.get_num_threads())]
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


@torch.inference_mode()
def one(options: argparse.Namespace) -> dict[str, int]:
    """What :func:`in_own_process` runs: memory that prompt and eight bytes take, and one more.

    Of ours also what 512 further bytes take.
    """
    tokens = text_of(options.context)
    if options.one == "transformers":
        peer = load_peer(options.folder)
        theirs(peer, tokens[:, :32], 2)
        return peak_of(lambda: theirs(peer, tokens, 8))
    engine, prompt = engine_of(load_transformers(options.folder)), prompt_of(tokens)
    ours(engine, prompt[:32], 2)
    found = peak_of(lambda: ours(engine, prompt, 8))
    longer = peak_of(lambda: ours(engine, prompt, 8 + 512))
    return found | {"peak_512_later": longer["peak"]}


def memory_rows(folder: str, contexts: Iterable[int]) -> dict[str, Any]:
    """Megabytes that the work took, and of the process at its highest."""
    rows: dict[str, Any] = {}
    for context in contexts:
        row = rows[str(context)] = {}
        for name in ("ours", "transformers"):
            found = in_own_process(folder, name, context)
            row[name] = {
                "taken_mb": round((found["peak"] - found["before"]) / 1e6, 1),
                "process_mb": round(found["peak"] / 1e6, 1),
            }
            if name == "ours":
                more = found["peak_512_later"] - found["peak"]
                row[name]["more_for_512_bytes_mb"] = round(more / 1e6, 1)
    return rows


def speculation_rows(size: int, repeat: int) -> Any:
    """Self-speculation by the shipped model on prose: what it drafts, and what that is worth."""
    if not (PRETRAINED / SHIPPED).is_dir():
        return f"{SHIPPED} is not there"
    model = load_text_model(SHIPPED)
    assert isinstance(model.model, ByteLatentTransformer) and model.patcher is not None
    engine = Engine(model.model, model.entropy_model, model.patcher.args)
    prompt, rows = TEXT.read_bytes()[:400], {}
    plain = ours(engine, prompt, size)
    for draft in (None, *DRAFTS):
        runs = [ours(engine, prompt, size, draft) for _ in range(repeat)]
        found, length = runs[0], len(runs[0]["bytes"])
        assert found["bytes"] == plain["bytes"], f"k = {draft} gives another text"
        seconds = statistics.median(run["seconds_per_byte"] for run in runs)
        row: dict[str, Any] = {"bytes": length, "bytes_per_second": round(1 / seconds, 1)}
        row["global_passes_per_byte"] = round(found["passes"] / length, 4)
        if found["drafted"]:
            row |= {"drafted": found["drafted"], "accepted": found["accepted"]}
            row["acceptance"] = round(found["accepted"] / found["drafted"], 4)
            row["rounds"] = found["rounds"]
        rows["without" if draft is None else f"k = {draft}"] = row
    return rows


@torch.inference_mode()
def gpu_rows(size: int = 512) -> dict[str, Any]:
    """The 1B model with random weights in bf16, and its share of the copy bandwidth's floor."""
    shape = ByteLatentTransformerArgs()
    with torch.device("cuda"):
        blt = ByteLatentTransformer(shape).to(torch.bfloat16)
        entropy = LMTransformer(LMTransformerArgs(dim=768, n_layers=14, n_heads=12))
        entropy = entropy.to(torch.bfloat16)
    for model in (blt, entropy):
        model.init_weights()
        model.eval()
    quiet_specials(blt)
    bundle = Bundle(blt, entropy, PatcherArgs(patching_mode="static", patch_size=4))
    found = ours(engine_of(bundle), prompt_of(text_of(1024)), size)
    weights = touched(bundle, len(found["bytes"]) / max(1, found["patches"]))
    speed = bandwidth(1 << 32, "cuda")
    seconds = weights["together_per_byte"] / speed
    return {
        "device": torch.cuda.get_device_name(),
        "bytes_per_second": round(1 / found["seconds_per_byte"], 1),
        "copy_bandwidth_gb_per_second": round(speed / 1e9, 1),
        "floor_bytes_per_second": round(1 / seconds, 1),
        "share_reached": round(seconds / found["seconds_per_byte"], 3),
    }


@torch.inference_mode()
def quiet_specials(blt: ByteLatentTransformer) -> None:
    """Logit 0 for the four special ids, which no text of random weights then has as its largest."""
    blt.local_decoder.output.weight[:OFFSET].zero_()


def main() -> None:
    """All rows, or (for the processes that measure memory) one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--one", choices=("ours", "transformers"), help=argparse.SUPPRESS)
    parser.add_argument("--context", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--repeat", type=int, default=5, help="runs of each")
    parser.add_argument("--size", type=int, default=256, help="bytes of ours in a run")
    parser.add_argument("--peer-size", type=int, default=4, help="bytes of transformers in a run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="two small contexts; writes no file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.one:
        print(json.dumps(one(options)))
        return
    contexts = CONTEXTS
    if options.quick:
        contexts, options.repeat, options.size, options.peer_size = (64, 256), 1, 24, 2
    rows = measure(contexts, options)
    if options.quick:
        print(json.dumps(rows, indent=2))
    else:
        write_results("generate", rows)


def measure(contexts: tuple[int, ...], options: argparse.Namespace) -> dict[str, Any]:
    """Everything."""
    load, cost = os.getloadavg()[0], "our_milliseconds_per_byte"
    rows: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "others_running_at_start": round(load, 1),
    }
    with tempfile.TemporaryDirectory() as folder:
        bundle = build()
        quiet_specials(bundle.blt)
        save_transformers(folder, bundle)
        engine, peer = engine_of(load_transformers(folder)), load_peer(folder)
        found = {n: context_row(engine, peer, n, options) for n in contexts}
        rows["after a prompt of this many bytes"] = {str(n): row for n, row in found.items()}
        longest, shortest = found[max(contexts)][cost], found[min(contexts)][cost]
        rows["cost of a byte, longest over shortest prompt"] = round(longest / shortest, 3)
        rows["floor"] = floor_rows(bundle, found[contexts[1]])
        rows["memory"] = memory_rows(folder, contexts)
    rows["speculation"] = speculation_rows(32 if options.quick else 512, options.repeat)
    rows["gpu"] = gpu_rows() if torch.cuda.is_available() else "no CUDA device here"
    return rows


if __name__ == "__main__":
    main()
