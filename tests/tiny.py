"""A small corpus, and small models with random weights."""

import json
from pathlib import Path
from typing import Any

import torch

from bytelatent.loading import write_settings
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.training.args import TrainArgs
from bytelatent.transformer import LMTransformer

TEXTS = {
    "songs": ("en", "prose", "{n} green bottles are hanging on the wall, and {n} more. "),
    "vers": ("fr", "prose", "Il était {n} petits navires qui n’avaient jamais navigué. "),
    "programs": ("python", "code", "def f{n}(x):\n    return x + {n}\n\n"),
}
"""Language, kind and text of every source."""

LM = {"dim": 32, "n_layers": 2, "n_heads": 2, "multiple_of": 32, "max_seqlen": 64}
LOCAL = {"dim": 16, "n_heads": 2, "n_layers": 1, "multiple_of": 16, "window": 16}
BLT = {
    "encoder": LOCAL | {"cross_attention": "last"},
    "decoder": LOCAL | {"cross_attention": "all"},
    "global_model": {"dim": 32, "n_heads": 2, "n_layers": 1, "multiple_of": 32},
    "cross_heads": 2,
    "hashes": {"sizes": [3, 4], "buckets": 50},
}


def write_corpus(root: Path, documents: int = 12) -> Path:
    """``train``, ``valid`` and ``test`` of three sources, and their manifest."""
    entries = []
    for source, (language, kind, text) in TEXTS.items():
        for split, first in {"train": 0, "valid": 1000, "test": 2000}.items():
            count = documents if split == "train" else 3
            lines = [{"text": text.format(n=first + n) * (2 + n % 3)} for n in range(count)]
            (root / split).mkdir(parents=True, exist_ok=True)
            rows = "".join(json.dumps(line) + "\n" for line in lines)
            (root / split / f"{source}.jsonl").write_text(rows, encoding="utf-8")
        entries.append(
            {
                "source": source,
                "lang": language,
                "kind": kind,
                "licence": {"songs": "public domain"}.get(source, "CC-BY-SA-4.0"),
                "note": f"The {source}, by their authors.",
                "package": f"pypi:{source}==1.0",
                "archive": f"{source}-1.0.tgz",
                "bytes": {"train": 1_000_000},
            }
        )
    (root / "manifest.json").write_text(json.dumps({"sources": entries}), encoding="utf-8")
    return root


def run_args(corpus: Path, folder: Path, **changes: Any) -> TrainArgs:
    """A run of an entropy model; with ``blt`` and ``patcher`` of a BLT."""
    settings: dict[str, Any] = {
        "name": "tiny",
        "dump_dir": folder,
        "steps": 20,
        "log_every": 5,
        "dtype": "fp32",
        "compile": False,
        "data": {
            "root_dir": corpus,
            "sources": {"songs": 3, "vers": 1},
            "seq_len": 48,
            "batch_size": 4,
        },
        "optim": {"lr": 1e-2, "warmup": 5},
        "checkpoint": {"every": 10},
        "eval": {"every": 10, "batches": 1},
    }
    kind = {} if "blt" in changes else {"entropy_model": LM | {"sliding_window": 16}}
    return TrainArgs.model_validate(settings | kind | changes)


def entropy_model(folder: Path, corpus: Path = Path("corpus"), **shape: Any) -> Path:
    """A folder with an entropy model of random weights and settings."""
    args = run_args(corpus, folder, entropy_model=LM | {"sliding_window": 16} | shape)
    assert args.entropy_model is not None
    model = LMTransformer(args.entropy_model)
    _fill(model, 1)
    model.save_pretrained(folder)
    write_settings(folder, args)
    return folder


def blt(folder: Path, entropy_folder: Path | None, corpus: Path = Path("corpus")) -> Path:
    """A folder with a BLT of random weights; its settings name the entropy model."""
    args = run_args(
        corpus,
        folder,
        blt=BLT,
        patcher={"threshold": 4.7},
        patcher_model=None if entropy_folder is None else str(entropy_folder),
    )
    assert args.blt is not None
    model = ByteLatentTransformer(args.blt)
    _fill(model, 2)
    model.save_pretrained(folder)
    write_settings(folder, args)
    return folder


def _fill(model: torch.nn.Module, seed: int) -> None:
    """Weights large enough for predictions that differ from byte to byte."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.25, generator=generator)
            else:
                weight.fill_(1)
