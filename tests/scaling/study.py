"""A study of a few seconds."""

from pathlib import Path
from typing import Any

from bytelatent.config import check_args
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.grid import merged
from tests import tiny

LOCAL = {"dim": 24, "n_heads": 2, "n_layers": 1, "multiple_of": 8, "window": 16}
BLT = {
    "encoder": LOCAL | {"cross_attention": "last"},
    "decoder": LOCAL | {"cross_attention": "all"},
    "global_model": {"dim": 48, "n_heads": 2, "n_layers": 1, "multiple_of": 8},
    "cross_heads": 2,
    "hashes": {"sizes": [3], "buckets": 20},
}
LM = {"dim": 24, "n_heads": 2, "n_layers": 1, "multiple_of": 8}


def settings(root: Path) -> dict[str, Any]:
    """Of a study of two families of patches, bytes and tokens, at two budgets."""
    corpus = {"root_dir": root / "corpus", "sources": {"songs": 3, "vers": 1, "programs": 1}}
    shapes = {"blt": {"blt": BLT}, "bytes": {"entropy_model": LM}, "bpe": {"entropy_model": LM}}
    entropy = {"patcher": {"threshold": 4.7}}
    return {
        "name": "tiny",
        "folder": root / "runs",
        "out": root / "out",
        "threads": None,
        "corpus": corpus | {"train_bytes": 3000, "valid_bytes": 400, "test_bytes": 500},
        "row_bytes": 48,
        "rows": 2,
        "vocab_size": 300,
        "entropy_model": str(root / "lm"),
        "train": {
            "dtype": "fp32",
            "compile": False,
            "log_every": 4,
            "eval": {"batches": 1},
            "checkpoint": {"every": 4},
            "optim": {"lr": 3e-3},
        },
        "families": {
            "blt-entropy": {"shape": "blt", "settings": entropy},
            "blt-space": {"shape": "blt", "settings": {"patcher": {"patching_mode": "space"}}},
            "bytes": {"shape": "bytes"},
            "bpe": {"shape": "bpe", "tokens": "bpe"},
        },
        "budgets": {
            "c1": {"flops": 1.2e8, "seeds": [0], "shapes": shapes},
            "c2": {"flops": 2.4e8, "lr_scale": 0.5, "seeds": [0], "shapes": shapes},
        },
        "fit": {"draws": 20},
    }


def study(root: Path, **changes: Any) -> ScalingArgs:
    """The study with some settings changed."""
    return check_args(ScalingArgs, merged(settings(root), changes))


def prepare(root: Path) -> Path:
    """Its corpus and entropy model."""
    tiny.write_corpus(root / "corpus")
    tiny.entropy_model(root / "lm")
    return root
