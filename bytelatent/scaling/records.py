"""Records of finished runs: settings, cost and results, from which the report is made."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.files import read_json, write_json
from bytelatent.formats.file_names import METRICS_FILE, MODEL_FILES, MODEL_NEEDS
from bytelatent.formats.find import model_folder
from bytelatent.formats.released import LM_KIND, find_checkpoint
from bytelatent.metrics import read_metrics
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.scaling import training_flops as flops
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.bits_per_byte import load_scorer, summaries, test_pieces
from bytelatent.scaling.collecting import Record
from bytelatent.scaling.grid import Point, needs_entropies, without_paths
from bytelatent.scaling.machine import commit, machine
from bytelatent.scaling.study_folders import StudyPaths
from bytelatent.training.args import TrainArgs
from bytelatent.transformer import LMTransformer


def describe(args: ScalingArgs, point: Point, run: TrainArgs, command: str) -> Record:
    """Measure the bits per byte of a finished run and return its record.

    Raises:
        ValueError: the model or the held-out text is missing.
    """
    lines = read_metrics(run.dump_dir / METRICS_FILE)
    trained = _trained(lines)
    began = time.perf_counter()
    measured = measure(args, run.dump_dir / "model")
    return {
        "point": point.name,
        "kind": point.kind,
        "study": args.name,
        "family": point.family,
        "budget": point.budget,
        "seed": point.seed,
        "variant": point.variant,
        "command": command,
        **commit(),
        "machine": machine(),
        "flops": {"budget": args.budgets[point.budget].flops} | _flops(args, run, trained),
        "bytes": int(trained["bytes"]),
        "unit": unit(run),
        "bytes_per_unit": trained["bytes_per_unit"],
        "bits_per_byte": measured,
        "valid_bits_per_byte": lines[-1]["valid_bits_per_byte"],
        "seconds": {"training": trained["seconds"], "measuring": time.perf_counter() - began},
        "parameters": _parameters(run),
        "config": without_paths(run),
        "corpus": args.corpus.model_dump(mode="json", exclude={"root_dir"}),
        "entropy_model": args.entropy_model if needs_entropies(run) else None,
    }


def unit(run: TrainArgs) -> str:
    """Return the unit that the model reads: ``patch``, ``token`` or ``byte``."""
    if run.blt is not None:
        return "patch"
    return "byte" if run.data.tokenizer.name == "blt" else "token"


def measure(args: ScalingArgs, model: Path) -> dict[str, Any]:
    """Measure the bits per byte of a trained model on held-out text.

    Raises:
        ValueError: the model or the held-out text is missing.
    """
    pieces = test_pieces(args)
    scorer = load_scorer(model, args.entropy_model, StudyPaths(args).tokenizer)
    return summaries(pieces, scorer([piece.data for piece in pieces]))


def measure_again(args: ScalingArgs) -> Iterator[tuple[str, float]]:
    """Measure all trained models of the study again and update their records.

    This is needed after a change to the held-out text or to the measurement. The function yields
    the name and the bits per byte of each run.

    Raises:
        ValueError: a model does not exist any more.
    """
    paths = StudyPaths(args)
    for path in sorted(args.out.glob(f"{args.name}-*.json")):
        record = read_json(path)
        if "bits_per_byte" not in record:
            continue
        scores = measure(args, paths.run(record["point"]) / "model")
        corpus = args.corpus.model_dump(mode="json", exclude={"root_dir"})
        again = {"bits_per_byte": scores, "corpus": corpus, "measured": commit()}
        write_json(path, record | again)
        yield record["point"], scores["total"]["bits_per_byte"]


def _flops(args: ScalingArgs, run: TrainArgs, trained: dict[str, float]) -> dict[str, Any]:
    """Compute the FLOPs of training and per byte, without and with the entropy model."""
    parts = flops.forward_parts(run, trained["bytes_per_unit"])
    forward, entropy = sum(parts.values()), 0.0
    if needs_entropies(run):
        folder = model_folder(args.entropy_model, MODEL_FILES, needed=MODEL_NEEDS)
        entropy_args: LMTransformerArgs = find_checkpoint(folder, LM_KIND).args
        entropy = flops.entropy_flops(entropy_args)
    training = flops.training_flops(run, trained["bytes_per_unit"]) * trained["bytes"]
    return {
        "training": training,
        "training_with_entropy_model": training + entropy * trained["bytes"],
        "forward_per_byte": forward,
        "forward_per_byte_with_entropy_model": forward + entropy,
        "forward_parts": parts,
    }


def _trained(lines: list[dict[str, Any]]) -> dict[str, float]:
    """Return the bytes, bytes per unit and seconds of training of a finished run."""
    size = units = seconds = 0.0
    for line in lines:
        if "bytes_per_second" not in line:
            continue
        here = line["bytes"] - size
        size = line["bytes"]
        units += here / line.get("bytes_per_patch", line.get("bytes_per_token", 1.0))
        seconds += here / line["bytes_per_second"]
    return {"bytes": size, "bytes_per_unit": size / units, "seconds": seconds}


def _parameters(run: TrainArgs) -> dict[str, int]:
    """Count the parameters of the model, and those of its embedding tables."""
    with torch.device("meta"):
        model = (
            ByteLatentTransformer(run.blt)
            if run.blt is not None
            else LMTransformer(LMTransformerArgs.model_validate(run.entropy_model))
        )
    tables = [part for part in model.modules() if isinstance(part, nn.Embedding)]
    return {
        "total": sum(weight.numel() for weight in model.parameters()),
        "embeddings": sum(table.weight.numel() for table in tables),
    }
