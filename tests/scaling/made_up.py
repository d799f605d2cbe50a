"""Records as a study writes them, with numbers that were made up."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from bytelatent.files import write_json

BUDGETS = {"c1": (2.2e12, 2), "c2": (7.0e12, 2), "c3": (2.2e13, 1), "c4": (7.0e13, 1)}
"""Training FLOPs, and how many seeds."""
LEVELS = {"blt-entropy": 2.0, "blt-space": 2.06, "blt-static": 2.2, "bytes": 2.15, "bpe": 1.96}
"""Bits per byte at the second budget."""
VARIANTS = ("patch-size-8", "hash-none", "cross-decoder", "encoder-3")
MACHINE = {"cpu": "made up", "cores": 2, "threads": 1, "python": "3.11", "torch": "2.13"}
NOISES = ("clean", "antspeak", "drop", "random-case", "repeat", "upper")


def write(out: Path, *, budgets: int = 4, extras: bool = True) -> Path:
    """Records of the first ``budgets`` budgets; ``extras``: sweep, ablations, robustness."""
    rng = np.random.default_rng(7)
    for number, (budget, (flops, seeds)) in enumerate(list(BUDGETS.items())[:budgets]):
        for family, level in LEVELS.items():
            for seed in range(seeds):
                bits = level * (flops / 7e12) ** -0.06 * math.exp(0.004 * rng.standard_normal())
                _write(out, _record(f"cpu-{family}-{budget}-s{seed}", family, budget, seed, bits))
        if number == 1 and extras:
            for place, variant in enumerate(VARIANTS):
                made = _record(f"cpu-ablation-{variant}-{budget}-s0", "blt-entropy", budget, 0, 2.0)
                bits = 1.99 + 0.03 * place
                made |= {"kind": "ablation", "variant": variant, "bits_per_byte": _bits(bits)}
                _write(out, made)
    if extras:
        made = _record("cpu-sweep-bpe-0.004", "bpe", "c1", 0, 2.1)
        _write(out, made | {"kind": "sweep"})
        for family in ("blt-entropy", "bytes", "bpe"):
            _write(out, _robustness(family))
    return out


def _write(out: Path, record: dict[str, Any]) -> None:
    write_json(out / f"{record['point']}.json", record)


def _bits(value: float) -> dict[str, Any]:
    total = {"bytes": 200_000, "bits_per_byte": value, "bytes_per_unit": 4.5}
    return {"total": total, "sources": {}, "languages": {}}


def _record(point: str, family: str, budget: str, seed: int, bits: float) -> dict[str, Any]:
    flops = BUDGETS[budget][0]
    forward = 3.4e5 * (flops / 2.2e12) ** 0.5
    entropy = 1.3e7 if family == "blt-entropy" else 0.0
    size = flops / forward / 3
    return {
        "point": point,
        "kind": "grid",
        "study": "cpu",
        "family": family,
        "budget": budget,
        "seed": seed,
        "variant": None,
        "command": "python -m bytelatent.scaling run config=made-up.yaml",
        "commit": "0" * 40,
        "modified": False,
        "machine": MACHINE,
        "flops": {
            "budget": flops,
            "training": flops * 1.001,
            "training_with_entropy_model": flops * 1.001 + entropy * size,
            "forward_per_byte": forward,
            "forward_per_byte_with_entropy_model": forward + entropy,
            "forward_parts": {},
        },
        "bytes": int(size),
        "unit": {"bpe": "token", "bytes": "byte"}.get(family, "patch"),
        "bytes_per_unit": 1.0 if family == "bytes" else 4.5,
        "bits_per_byte": _bits(bits),
        "valid_bits_per_byte": bits,
        "seconds": {"training": 90.0, "measuring": 10.0},
        "parameters": {"total": 1_000_000, "embeddings": 400_000},
        "config": {},
        "settings": "0",
        "learning_rates": {
            "chosen": 0.004,
            "valid_bits_per_byte": {"0.002": 2.6, "0.004": 2.5, "0.008": None},
        },
    }


def _robustness(family: str) -> dict[str, Any]:
    row = {"bytes": 6000, "bits_per_byte": LEVELS[family], "bytes_per_unit": 4.0}
    spelling = {"right": 0.61, "standard_error": 0.034, "items": 200, "chance": 0.5}
    return {
        "point": f"cpu-{family}-c4-s0-robustness",
        "kind": "robustness",
        "of": f"cpu-{family}-c4-s0",
        "family": family,
        "budget": "c4",
        "seed": 0,
        "unit": "patch",
        "command": "python -m bytelatent.scaling robustness config=made-up.yaml",
        "commit": "0" * 40,
        "modified": False,
        "machine": MACHINE,
        "noise": {
            name: row | {"bits_per_byte": LEVELS[family] + 0.2 * place, "clean_bytes": 6000}
            for place, name in enumerate(NOISES)
        },
        "languages": {name: row for name in ("en", "de", "hi")},
        "spelling": {name: spelling for name in ("spelling", "contains-char", "swap-char")},
    }
