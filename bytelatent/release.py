"""``python -m bytelatent.release RUN OUT``: make a model folder that can be shipped from a run.

``OUT`` gets the weights (``config.json``, ``model.safetensors``), the exported graph
(``model.onnx``), ``train_args.json`` with the calibrated threshold, the run's ``metrics.jsonl``,
and ``README.md``, the model card: what it was trained on with licences, bits per byte on text it
never saw, and the commands that made it. Everything in the card is measured or read off the run.
"""

import argparse
import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bytelatent.args import TrainArgs
from bytelatent.config import load_args
from bytelatent.data.documents import read_documents, tokenize
from bytelatent.data.windows import WindowSampler
from bytelatent.export import ONNX_FILE, export_onnx
from bytelatent.files import read_json, write_json, write_text
from bytelatent.hf import TRAIN_ARGS_FILE, BltTokenizerAndPatcher
from bytelatent.metrics import bits_per_byte, read_metrics
from bytelatent.patching.calibrate import threshold_for
from bytelatent.patching.entropies import entropy, stream_logits
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.transformer import LMTransformer

logger = logging.getLogger(__name__)

PATCH_SIZE = 4.5
"""Bytes per patch that the shipped threshold gives on held-out text, as in the paper."""

CALIBRATION_BATCHES = 24

PROSE = frozenset({"austen", "sotu"})
"""Sources whose test split is English prose that no training document holds."""


@dataclass(frozen=True)
class HeldOut:
    """Loss on the test documents of one source.

    Attributes:
        source, licence: of the corpus manifest.
        size: bytes measured.
        bits_per_byte: cross-entropy, each document by itself after its BOS.
    """

    source: str
    licence: str
    size: int
    bits_per_byte: float


@torch.inference_mode()
def measure(model: LMTransformer, documents: Sequence[bytes]) -> tuple[float, int]:
    """Nats and bytes of ``documents``; their ends are not counted."""
    nats, size = 0.0, 0
    for document in documents:
        tokens_S = torch.from_numpy(tokenize(document)[:-1].astype(np.int64))
        for columns, logits_BCV in stream_logits(model, tokens_S[None]):
            targets_C = tokens_S[columns.start + 1 : columns.stop + 1]
            log_p_CV = logits_BCV[0, : len(targets_C)].float().log_softmax(-1)
            nats -= float(log_p_CV.gather(1, targets_C[:, None]).double().sum())
        size += len(document)
    return nats, size


def measure_held_out(
    model: LMTransformer, args: TrainArgs, manifest: dict[str, Any], limit: int
) -> list[HeldOut]:
    """Bits per byte on up to ``limit`` bytes of test documents of every source of the run."""
    rows = []
    licences = {entry["source"]: entry["licence"] for entry in manifest["sources"]}
    for source in args.data.sources:
        documents: list[bytes] = []
        for document in read_documents(args.data.root_dir / "test" / f"{source}.jsonl"):
            if sum(map(len, documents)) < limit:
                documents.append(document[:limit])
        nats, size = measure(model, documents)
        rows.append(HeldOut(source, licences[source], size, bits_per_byte(nats, size)))
        logger.info("%s: %.3f bits per byte on %d bytes", source, rows[-1].bits_per_byte, size)
    return rows


@torch.inference_mode()
def calibrate(model: LMTransformer, args: TrainArgs, patch_size: float) -> float:
    """Threshold in nats for ``patch_size`` bytes per patch on the mix's validation windows."""
    sampler = WindowSampler(args.data, "valid")
    sample = [entropy(model(sampler.batch(i)[0])).numpy() for i in range(CALIBRATION_BATCHES)]
    return threshold_for(np.concatenate(sample), patch_size)


def card(
    args: TrainArgs, model: LMTransformer, threshold: float, rows: list[HeldOut], run: Path
) -> str:
    """The model card in Markdown."""
    data, metrics = args.data, [m for m in read_metrics(run / "metrics.jsonl") if "bytes" in m]
    prose = [row for row in rows if row.source in PROSE]
    template = (Path(__file__).parent / "templates" / "entropy_model_card.md").read_text("utf-8")
    return template.format(
        name=args.name,
        run=args.dump_dir,
        data=data,
        shape=args.entropy_model,
        parameters=sum(p.numel() for p in model.parameters()),
        last=metrics[-1],
        megabytes=metrics[-1]["bytes"] / 1e6,
        speed=float(np.median([m["bytes_per_second"] for m in metrics])) / 1e3,
        threshold=threshold,
        patch_size=PATCH_SIZE,
        prose_bpb=sum(r.bits_per_byte * r.size for r in prose) / max(1, sum(r.size for r in prose)),
        table="\n".join(f"| {r.source} | {r.size:,} | {r.bits_per_byte:.3f} |" for r in rows),
        sources=_source_table(args),
    )


def _source_table(args: TrainArgs) -> str:
    """A row for every source of the run, from the corpus manifest."""
    return "\n".join(
        f"| {entry['source']} | {entry['package']} | {entry['licence']} "
        f"| {entry['bytes'].get('train', 0) / 1e6:.1f} | {args.data.sources[entry['source']]:.0%} "
        f"| {entry['note']} |"
        for entry in read_json(args.data.root_dir / "manifest.json")["sources"]
        if args.data.sources.get(entry["source"])
    )


def release(run: Path, out: Path, *, limit: int) -> None:
    """Fill ``out`` from ``run``.

    Raises:
        ValueError: the run is not finished, or the corpus it names is not there.
    """
    args = load_args(TrainArgs, [f"config={run / 'config.yaml'}"])
    if not (run / "model").is_dir():
        raise ValueError(f"{run / 'model'} does not exist: the run is not finished")
    manifest = read_json(args.data.root_dir / "manifest.json")
    model = LMTransformer.from_pretrained(run / "model")
    threshold = calibrate(model, args, PATCH_SIZE)
    rows = measure_held_out(model, args, manifest, limit)
    model.save_pretrained(out)
    export_onnx(model, out / ONNX_FILE)
    write_json(out / TRAIN_ARGS_FILE, args.model_dump(mode="json"))
    patcher = PatcherArgs(threshold=threshold, patch_size=PATCH_SIZE)
    BltTokenizerAndPatcher(TokenizerArgs(), patcher).save_pretrained(out)
    shutil.copyfile(run / "metrics.jsonl", out / "metrics.jsonl")
    write_text(out / "README.md", card(args, model, threshold, rows, run))
    logger.info("threshold %.6f nats for %s bytes per patch", threshold, PATCH_SIZE)


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bytelatent.release", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("run", type=Path, help="dump_dir of a finished run")
    parser.add_argument("out", type=Path, help="folder to fill; its name is the model's")
    parser.add_argument(
        "--limit", type=int, default=200_000, help="bytes of each source to measure"
    )
    options = parser.parse_args(argv)
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    try:
        release(options.run, options.out, limit=options.limit)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
