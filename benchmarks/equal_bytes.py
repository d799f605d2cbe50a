"""Scores of blt-mini beside a byte model trained on the same mix and the same number of bytes.

    python -m bytelatent.train config=bytelatent/configs/entropy_mini.yaml init_from=null \\
        dump_dir=runs/byte_baseline steps=2500 optim.warmup=200 optim.decay=0.5
    # and the same with steps=5000
    python benchmarks/equal_bytes.py runs/byte_baseline/model

The byte model has the shape, sizes and learning rate of blt-entropy-mini and the two rounds of
blt-mini's schedule. Both models are measured on the same test documents, cut into the same pieces.
Model cards do not cut the documents for a byte model, which then could use the context of earlier
pieces.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import write_results

from bytelatent.config import load_args
from bytelatent.data.held_out import HeldOut, cut_pieces, held_out, source_names
from bytelatent.evaluation.cards import PROSE
from bytelatent.evaluation.corpus import MAX_BYTES, SourceScore, evaluate, overall
from bytelatent.evaluation.release_facts import LIMIT
from bytelatent.loading import load_text_model
from bytelatent.metrics import read_metrics
from bytelatent.training.args import TrainArgs

ROOT = Path(__file__).parents[1]


def documents(args: TrainArgs, limit: int, prose_limit: int | None) -> list[HeldOut]:
    """Return pieces of test documents: ``limit`` bytes of every source.

    Sources of prose have ``prose_limit`` bytes instead, or all bytes if it is None.
    """
    root = ROOT / "data/corpus"
    there = source_names(root / "test")
    limits: dict[str, int | None] = dict.fromkeys(args.data.used_sources(), limit)
    limits |= dict.fromkeys(PROSE, prose_limit)
    return [
        replace(
            source,
            documents=[piece for text in source.documents for piece in cut_pieces(text, MAX_BYTES)],
        )
        for name, limit in limits.items()
        if name in there
        for source in held_out(root, "test", [name], limit=limit)
    ]


def figures(scores: list[SourceScore]) -> dict[str, Any]:
    """Return bits per byte of the prose, of all sources, and of each source."""
    prose = overall([source_score for source_score in scores if source_score.source in PROSE])
    return {
        "prose": round(prose.bits_per_byte, 4),
        "prose_bytes": prose.size,
        "all": round(overall(scores).bits_per_byte, 4),
        "by_source": {
            source_score.source: round(source_score.score.bits_per_byte, 3)
            for source_score in scores
        },
    }


def main() -> None:
    """Measure blt-mini and the byte model on the same documents and write their scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("byte_model", type=Path, help="model folder of the run above")
    parser.add_argument("--blt", default="blt-mini")
    parser.add_argument(
        "--limit", type=int, default=LIMIT, metavar="BYTES", help="bytes of each source"
    )
    parser.add_argument(
        "--prose-limit", type=int, metavar="BYTES", help="bytes of each prose source; default all"
    )
    options = parser.parse_args()
    args = load_args(TrainArgs, [f"config={ROOT / 'bytelatent/configs/blt_mini.yaml'}"])
    corpus = documents(args, options.limit, options.prose_limit)
    results = {
        "byte model": figures(list(evaluate(load_text_model(str(options.byte_model)), corpus))),
        "blt": figures(list(evaluate(load_text_model(options.blt), corpus))),
    }
    lines = read_metrics(options.byte_model.parent / "metrics.jsonl")
    results["byte model"]["trained_bytes"] = max(line.get("bytes", 0) for line in lines)
    difference = {
        key: round(results["blt"][key] - results["byte model"][key], 4) for key in ("prose", "all")
    }
    write_results("equal_bytes", results | {"blt_less_byte_model": difference})


if __name__ == "__main__":
    main()
