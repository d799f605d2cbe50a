"""Generation beside ``transformers``: same weights, same prompts, same process, in turns.

    python benchmarks/generate.py                  # minutes: the other side recomputes every byte
    python benchmarks/generate.py --quick          # checks that it works; figures mean nothing

The mid-size model of ``forward.py``, its four special ids made unlikely so that no text ends early.
Both continue the same prompt greedily and must give the same bytes. Bytes per second are of the
bytes after the first; the time to the first stands apart. Text of random weights has long patches,
which would flatter us: what counts is the speed at 4.5 bytes per patch, from the medians of bytes
that close a patch and of others. The floor is the time it takes to read the weights that a byte
touches once, at the bandwidth measured here. ``generate_gpu.py`` does the same on a GPU.
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
    """The bytes behind tokens ``[1, S]`` that begin with BOS."""
    return bytes(int(token) - OFFSET for token in tokens[0, 1:])


def engine_of(bundle: Bundle, weights: Any = "native") -> Engine:
    """Ours, on the weights of ``bundle``."""
    return Engine(bundle.blt, bundle.entropy_model, bundle.patcher_args, weights=weights)


def ours(engine: Engine | BltRuntime, prompt: bytes, size: int, **options: Any) -> dict[str, Any]:
    """One text of ``size`` bytes, greedy if not told otherwise: its bytes, times and what ran."""
    events = list(engine.stream([prompt], max_bytes=size, **options))
    first, last = events[0].seconds, events[-1].seconds
    made = bytes(event.byte for event in events if event.byte is not None)
    return {
        "bytes": made,
        "first_byte_seconds": first,
        "seconds_per_byte": (last - first) / max(1, len(events) - 1),
        "steps": [(b.seconds - a.seconds, b.global_ran) for a, b in pairwise(events)],
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
    tail = found[0, tokens.shape[1] :].tolist()
    seconds = time.perf_counter() - began
    made = bytes(token - OFFSET for token in tail)
    return {"bytes": made, "seconds_per_byte": seconds / size}


def per_byte(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Median seconds of bytes that close no patch, what a patch adds, and both at 4.5 bytes."""
    steps = [step for run in runs for step in run["steps"]]
    plain = statistics.median(seconds for seconds, ran in steps if not ran)
    closing = [seconds for seconds, ran in steps if ran]
    patch = statistics.median(closing) - plain if closing else float("nan")
    return {"byte": plain, "patch": patch, "together": plain + patch / MEAN_PATCH}


@torch.inference_mode()
def context_runs(
    engines: dict[str, Engine], peer: Any, contexts: Iterable[int], options: argparse.Namespace
) -> dict[int, dict[str, list[Any]]]:
    """Runs of all sides after all prompts, in turns, so that a busy machine harms all alike."""
    texts = {context: text_of(context) for context in contexts}
    runs: dict[int, dict[str, list[Any]]] = {
        context: {name: [] for name in (*engines, "transformers")} for context in texts
    }
    for turn in range(options.repeat + 1):
        for context, tokens in texts.items():
            size, peer_size = (options.size, options.peer_size) if turn else (8, 0)
            found = runs[context] if turn else {name: [] for name in runs[context]}
            for name, engine in engines.items():
                found[name].append(ours(engine, prompt_of(tokens), size))
            if peer_size:
                found["transformers"].append(theirs(peer, tokens, peer_size))
    return runs


def context_row(runs: dict[str, list[Any]]) -> dict[str, Any]:
    """Figures of all sides after one prompt."""
    made = {name: found[0]["bytes"] for name, found in runs.items()}
    theirs_made = made.pop("transformers")
    assert made["ours"].startswith(theirs_made), f"texts differ: {made['ours']} {theirs_made}"
    took = statistics.median(one["seconds_per_byte"] for one in runs["transformers"])
    row: dict[str, Any] = {
        name: our_row(runs[name], took, len(same_beginning(made["ours"], made[name])))
        for name in made
    }
    row["transformers"] = {"bytes_per_second": round(1 / took, 3)}
    row["bytes"] = {"ours": len(made["ours"]), "transformers": len(theirs_made)}
    return row | {"runs": len(runs["transformers"])}


def same_beginning(one: bytes, other: bytes) -> bytes:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return bytes(byte for byte, _ in pairs)


def our_row(runs: list[dict[str, Any]], theirs_took: float, same: int) -> dict[str, Any]:
    """Figures of one of our engines."""
    found, size = per_byte(runs), len(runs[0]["bytes"])
    raw = statistics.median(one["seconds_per_byte"] for one in runs)
    first = statistics.median(one["first_byte_seconds"] for one in runs)
    return {
        "bytes_per_second": round(1 / found["together"], 1),
        "times_transformers": round(theirs_took / found["together"], 1),
        "milliseconds_per_byte": round(found["together"] * 1e3, 3),
        "of_which_patches": round(found["patch"] / MEAN_PATCH * 1e3, 3),
        "bytes_per_second_of_this_text": round(1 / raw, 1),
        "times_transformers_of_this_text": round(theirs_took / raw, 1),
        "bytes_per_patch_of_this_text": round(size / max(1, runs[0]["patches"]), 2),
        "first_byte_milliseconds": round(first * 1e3, 2),
        "bytes_like_those_of_the_exact_model": same,
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
    """Bytes per second of reading ``size`` bytes of weights: the fastest of products and sums.

    On a GPU of copying them, where a byte is read and written.
    """
    weights = torch.ones(max(4, size // 4096 // 4 * 4), 1024, device=device)
    if device == "cpu":
        vector, matrix = torch.ones(1, 1024), matrix_of(weights)
        found = times(lambda: matrix(vector), 25) + times(weights.sum, 25)
        return weights.nbytes / min(found)
    target = torch.empty_like(weights)

    def copy() -> None:
        target.copy_(weights)
        torch.cuda.synchronize()

    return 2 * weights.nbytes / min(times(copy, 25))


def floor_rows(bundle: Bundle, row: dict[str, Any]) -> dict[str, Any]:
    """The least time of a byte, and the share of that speed that was reached."""
    weights = touched(bundle, MEAN_PATCH)
    caches = cache_bytes(bundle)
    found: dict[str, Any] = {
        "weights_touched_bytes": weights,
        "caches_read_per_byte_bytes": caches,
        "milliseconds_per_byte": row["ours"]["milliseconds_per_byte"],
    }
    # What fits the processor's cache is read faster than memory: both bounds.
    total = weights["together_per_byte"]
    for name, size in {"memory": 1 << 30, "as_many_bytes": total}.items():
        speed = bandwidth(size)
        share = 1e3 / speed / row["ours"]["milliseconds_per_byte"]
        found[name] = {
            "bandwidth_gb_per_second": round(speed / 1e9, 2),
            "floor_milliseconds_per_byte": round(total / speed * 1e3, 4),
            "share_reached": round(total * share, 3),
            "share_reached_if_caches_count": round((total + caches) * share, 3),
        }
    return found


def cache_bytes(bundle: Bundle) -> int:
    """Bytes of full windows of keys and values that a byte reads, the global cache left out."""
    args, lm = bundle.blt.args, bundle.entropy_model.args
    return sum(
        4 * 2 * one.n_layers * one.kv_heads * one.head_width * (one.window or 0)
        for one in (args.encoder, args.decoder, lm)
    )


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
    contexts: tuple[int, ...] = CONTEXTS
    if options.quick:
        contexts, options.repeat, options.size, options.peer_size = (64, 256), 1, 24, 2
    rows = measure(contexts, options)
    if options.quick:
        print(json.dumps(rows, indent=2))
    else:
        write_results("generate", rows)


def measure(contexts: tuple[int, ...], options: argparse.Namespace) -> dict[str, Any]:
    """Everything."""
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
        found = {n: context_row(runs[n]) for n in contexts}
        rows["after a prompt of this many bytes"] = {str(n): row for n, row in found.items()}
        longest, shortest = (found[pick(contexts)]["ours"][cost] for pick in (max, min))
        rows["cost of a byte, longest over shortest prompt"] = round(longest / shortest, 3)
        rows["floor"] = floor_rows(bundle, found[contexts[1]])
        rows["memory"] = memory_rows(folder, contexts)
    return rows


if __name__ == "__main__":
    main()
