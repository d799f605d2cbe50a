"""Speed of generation beside ``transformers``: same weights, prompts and process, alternating.

    python benchmarks/generate.py                  # minutes: the other side recomputes every byte
    python benchmarks/generate.py --quick          # checks that it works; figures mean nothing

The model is the mid-size model of ``forward.py``; the logits of its four special ids are 0, so that
no text ends early. Both continue the same prompt greedily and must generate the same bytes. Bytes
per second count the bytes after the first; the time to the first byte is separate. Text of random
weights has long patches, which would favour our engine. Therefore the result is the speed at 4.5
bytes per patch, from the medians of bytes that close a patch and of other bytes. The floor is the
time to read the weights for one byte once, at the bandwidth measured here. ``generate_gpu.py`` does
the same on a GPU.
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
from itertools import pairwise, takewhile
from typing import Any

import torch
from common import peak_of, times, write_results
from forward import MEAN_PATCH, build, load_peer, text_of
from torch import Tensor, nn

from bytelatent.convert.transformers import Bundle, load_transformers, save_transformers
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.matrices import matrix_of
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.runtime import BltRuntime
from bytelatent.tokenizers.constants import OFFSET

CONTEXTS = (256, 1024, 2048, 4096)
FEWER_BITS = ("fp16", "int8")


def prompt_of(tokens: Tensor) -> bytes:
    """Return the bytes of tokens ``[1, S]`` that start with BOS."""
    return bytes(int(token) - OFFSET for token in tokens[0, 1:])


def engine_of(bundle: Bundle, weights: Any = "native") -> Engine:
    """Return our engine with the weights of ``bundle``."""
    return Engine(bundle.blt, bundle.entropy_model, bundle.patcher_args, weights=weights)


def ours(engine: Engine | BltRuntime, prompt: bytes, size: int, **options: Any) -> dict[str, Any]:
    """Generate ``size`` bytes with our engine, greedily by default; return bytes and times."""
    events = list(engine.stream([prompt], max_bytes=size, **options))
    first, last = events[0].seconds, events[-1].seconds
    generated = bytes(event.byte for event in events if event.byte is not None)
    return {
        "bytes": generated,
        "first_byte_seconds": first,
        "seconds_per_byte": (last - first) / max(1, len(events) - 1),
        "steps": [(b.seconds - a.seconds, b.global_ran) for a, b in pairwise(events)],
        "passes": sum(event.global_ran for event in events),
        "patches": sum(event.starts_patch for event in events),
        "drafted": sum(event.drafted for event in events),
        "accepted": sum(event.accepted for event in events),
        "rounds": sum(event.drafted > 0 for event in events),
    }


def peer_generation(peer: Any, tokens: Tensor, size: int) -> dict[str, Any]:
    """Generate bytes with ``transformers``, without its KV cache, which does not work for BLT."""
    began = time.perf_counter()
    output = peer.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=size,
        do_sample=False,
        use_cache=False,
    )
    tail = output[0, tokens.shape[1] :].tolist()
    seconds = time.perf_counter() - began
    generated = bytes(token - OFFSET for token in tail)
    return {"bytes": generated, "seconds_per_byte": seconds / size}


def per_byte(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Return median seconds of a byte that closes no patch, of a patch, and of both together."""
    steps = [step for run in runs for step in run["steps"]]
    plain = statistics.median(seconds for seconds, ran in steps if not ran)
    closing = [seconds for seconds, ran in steps if ran]
    patch = statistics.median(closing) - plain if closing else float("nan")
    return {"byte": plain, "patch": patch, "together": plain + patch / MEAN_PATCH}


@torch.inference_mode()
def context_runs(
    engines: dict[str, Engine], peer: Any, contexts: Iterable[int], options: argparse.Namespace
) -> dict[int, dict[str, list[Any]]]:
    """Generate with all engines after all prompts, in turns, so that other load affects all."""
    texts = {context: text_of(context) for context in contexts}
    runs: dict[int, dict[str, list[Any]]] = {
        context: {name: [] for name in (*engines, "transformers")} for context in texts
    }
    for turn in range(options.repeat + 1):
        for context, tokens in texts.items():
            size, peer_size = (options.size, options.peer_size) if turn else (8, 0)
            turn_runs = runs[context] if turn else {name: [] for name in runs[context]}
            for name, engine in engines.items():
                turn_runs[name].append(ours(engine, prompt_of(tokens), size))
            if peer_size:
                turn_runs["transformers"].append(peer_generation(peer, tokens, peer_size))
    return runs


def context_row(runs: dict[str, list[Any]]) -> dict[str, Any]:
    """Return the results of all engines after one prompt, as a row of the result file."""
    texts = {name: side_runs[0]["bytes"] for name, side_runs in runs.items()}
    peer_text = texts.pop("transformers")
    assert texts["ours"].startswith(peer_text), f"texts differ: {texts['ours']} {peer_text}"
    took = statistics.median(run["seconds_per_byte"] for run in runs["transformers"])
    row: dict[str, Any] = {
        name: our_row(runs[name], took, len(same_beginning(texts["ours"], texts[name])))
        for name in texts
    }
    row["transformers"] = {"bytes_per_second": round(1 / took, 3)}
    row["bytes"] = {"ours": len(texts["ours"]), "transformers": len(peer_text)}
    return row | {"runs": len(runs["transformers"])}


def same_beginning(first: bytes, second: bytes) -> bytes:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return bytes(byte for byte, _ in pairs)


def our_row(runs: list[dict[str, Any]], peer_seconds: float, same: int) -> dict[str, Any]:
    """Return the results of one of our engines, beside those of ``transformers``."""
    costs, size = per_byte(runs), len(runs[0]["bytes"])
    raw = statistics.median(run["seconds_per_byte"] for run in runs)
    first = statistics.median(run["first_byte_seconds"] for run in runs)
    return {
        "bytes_per_second": round(1 / costs["together"], 1),
        "times_transformers": round(peer_seconds / costs["together"], 1),
        "milliseconds_per_byte": round(costs["together"] * 1e3, 3),
        "of_which_patches": round(costs["patch"] / MEAN_PATCH * 1e3, 3),
        "bytes_per_second_of_this_text": round(1 / raw, 1),
        "times_transformers_of_this_text": round(peer_seconds / raw, 1),
        "bytes_per_patch_of_this_text": round(size / max(1, runs[0]["patches"]), 2),
        "first_byte_milliseconds": round(first * 1e3, 2),
        "bytes_like_those_of_the_exact_model": same,
    }


def _size(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters)


def touched(bundle: Bundle, bytes_per_patch: float) -> dict[str, int]:
    """Return the bytes of weights read per byte of text; those of a patch are divided by its bytes.

    Embeddings and hash tables are left out, because each gives one row. Once per patch are read:
    the global model, the whole cross-attention of the encoder, and keys and values of the
    decoder's.
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
    """Return the bytes per second of reading ``size`` bytes of weights: the fastest measurement.

    On a CPU the measurements are matrix products and sums. On a GPU they are copies, which read and
    write each byte.
    """
    weights = torch.ones(max(4, size // 4096 // 4 * 4), 1024, device=device)
    if device == "cpu":
        vector, matrix = torch.ones(1, 1024), matrix_of(weights)
        seconds = times(lambda: matrix(vector), 25) + times(weights.sum, 25)
        return weights.nbytes / min(seconds)
    target = torch.empty_like(weights)

    def copy() -> None:
        target.copy_(weights)
        torch.cuda.synchronize()

    return 2 * weights.nbytes / min(times(copy, 25))


def floor_rows(bundle: Bundle, row: dict[str, Any]) -> dict[str, Any]:
    """Return the least time per byte that the memory allows, and the share of its speed reached."""
    weights = touched(bundle, MEAN_PATCH)
    caches = cache_bytes(bundle)
    floors: dict[str, Any] = {
        "weights_touched_bytes": weights,
        "caches_read_per_byte_bytes": caches,
        "milliseconds_per_byte": row["ours"]["milliseconds_per_byte"],
    }
    # What fits the processor's cache is read faster than memory: both bounds.
    total = weights["together_per_byte"]
    for name, size in {"memory": 1 << 30, "as_many_bytes": total}.items():
        speed = bandwidth(size)
        share = 1e3 / speed / row["ours"]["milliseconds_per_byte"]
        floors[name] = {
            "bandwidth_gb_per_second": round(speed / 1e9, 2),
            "floor_milliseconds_per_byte": round(total / speed * 1e3, 4),
            "share_reached": round(total * share, 3),
            "share_reached_if_caches_count": round((total + caches) * share, 3),
        }
    return floors


def cache_bytes(bundle: Bundle) -> int:
    """Return the bytes of full KV windows that a byte reads, without the global cache."""
    args, lm = bundle.blt.args, bundle.entropy_model.args
    return sum(
        4 * 2 * part.n_layers * part.kv_heads * part.head_width * (part.window or 0)
        for part in (args.encoder, args.decoder, lm)
    )


def in_own_process(folder: str, name: str, context: int) -> dict[str, int]:
    """Return the memory of one engine after a prompt of ``context`` tokens, in a new process."""
    words = ["--one", name, "--context", str(context), "--folder", folder]
    words += ["--threads", str(torch.get_num_threads())]
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    memory: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return memory


@torch.inference_mode()
def memory_in_this_process(options: argparse.Namespace) -> dict[str, int]:
    """Measure the memory for a prompt and eight bytes, for :func:`in_own_process`.

    For our engine the memory for 512 further bytes is measured too.
    """
    tokens = text_of(options.context)
    if options.one == "transformers":
        peer = load_peer(options.folder)
        peer_generation(peer, tokens[:, :32], 2)
        return peak_of(lambda: peer_generation(peer, tokens, 8))
    engine, prompt = engine_of(load_transformers(options.folder)), prompt_of(tokens)
    ours(engine, prompt[:32], 2)
    memory = peak_of(lambda: ours(engine, prompt, 8))
    longer = peak_of(lambda: ours(engine, prompt, 8 + 512))
    return memory | {"peak_512_later": longer["peak"]}


def memory_rows(folder: str, contexts: Iterable[int]) -> dict[str, Any]:
    """Return the megabytes that generation took by each engine, and the peak of its process."""
    rows: dict[str, Any] = {}
    for context in contexts:
        row = rows[str(context)] = {}
        for name in ("ours", "transformers"):
            memory = in_own_process(folder, name, context)
            row[name] = {
                "taken_mb": round((memory["peak"] - memory["before"]) / 1e6, 1),
                "process_mb": round(memory["peak"] / 1e6, 1),
            }
            if name == "ours":
                more = memory["peak_512_later"] - memory["peak"]
                row[name]["more_for_512_bytes_mb"] = round(more / 1e6, 1)
    return rows


@torch.inference_mode()
def quiet_specials(blt: ByteLatentTransformer) -> None:
    """Set the logits of the four special ids to 0, so that generation never selects them."""
    blt.local_decoder.output.weight[:OFFSET].zero_()


def main() -> None:
    """Run the benchmark; in a process that is started to measure memory, measure only that."""
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
        print(json.dumps(memory_in_this_process(options)))
        return
    contexts: tuple[int, ...] = CONTEXTS
    if options.quick:
        contexts, options.repeat, options.size, options.peer_size = (64, 256), 1, 24, 2
    rows = measure(contexts, options)
    if options.quick:
        print(json.dumps(rows, indent=2))
    else:
        write_results("generate", rows)


def measure(contexts: tuple[int, ...], options: argparse.Namespace) -> dict[str, Any]:
    """Measure the speed, the floor and the memory of generation; return all results."""
    load, cost = os.getloadavg()[0], "milliseconds_per_byte"
    rows: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "others_running_at_start": round(load, 1),
    }
    with tempfile.TemporaryDirectory() as folder:
        bundle = build()
        quiet_specials(bundle.blt)
        save_transformers(folder, bundle)
        loaded, peer = load_transformers(folder), load_peer(folder)
        engines = {"ours": engine_of(loaded)}
        engines |= {f"ours, {kind} weights": engine_of(loaded, kind) for kind in FEWER_BITS}
        runs = context_runs(engines, peer, contexts, options)
        rows["others_running_behind_it"] = round(os.getloadavg()[0], 1)
        context_rows = {n: context_row(runs[n]) for n in contexts}
        rows["after a prompt of this many bytes"] = {str(n): row for n, row in context_rows.items()}
        longest, shortest = (context_rows[pick(contexts)]["ours"][cost] for pick in (max, min))
        rows["cost of a byte, longest over shortest prompt"] = round(longest / shortest, 3)
        rows["floor"] = floor_rows(bundle, context_rows[contexts[1]])
        rows["memory"] = memory_rows(folder, contexts)
    return rows


if __name__ == "__main__":
    main()
