"""Measurements of a model for its release: threshold, bits per byte and text quality."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bytelatent.data.held_out import OUTSIDE_KIND, HeldOut, held_out, source_names
from bytelatent.evaluation import repetition as text_quality
from bytelatent.evaluation import thresholds as calibration
from bytelatent.evaluation.corpus import SourceScore, evaluate
from bytelatent.files import write_json
from bytelatent.formats.file_names import CALIBRATION_FILE, METRICS_FILE
from bytelatent.formats.find import model_folder
from bytelatent.loading import TextModel, load_text_model, read_settings
from bytelatent.metrics import read_metrics
from bytelatent.patching.calibrate import CALIBRATED
from bytelatent.training.args import TrainArgs

logger = logging.getLogger(__name__)

LIMIT = 12_000
"""Number of bytes of each source to measure; some forty sources take two minutes on two cores."""

CALIBRATION_LIMIT = 4_000
"""Number of bytes of each source from which the threshold is calibrated."""


def calibrate(folder: Path, args: TrainArgs, patch_size: float, longest: int | None) -> None:
    """Calibrate an entropy model, or measure the calibration curve of a BLT, and write the result.

    Args:
        folder: folder of the model.
        args: settings of its run.
        patch_size: wanted bytes per patch of an entropy model.
        longest: largest patch length in bytes of an entropy model; a BLT keeps that of its
            training.
    """
    text_model = load_text_model(str(folder))
    assert text_model.patcher is not None
    patcher, mode = text_model.patcher.args, text_model.patcher.mode
    if args.blt is not None and (mode not in CALIBRATED or patcher.threshold is None):
        return
    root, key = args.data.root_dir, args.data.text_key
    names, shares = calibration.choose_sources(root, "valid", args.data.used_sources())
    corpus = held_out(root, "valid", names, limit=CALIBRATION_LIMIT, text_key=key)
    result = calibration.calibrate(
        calibration.measure(text_model, corpus, shares),
        patch_size,
        mode,
        threshold=None if args.blt is None else patcher.threshold,
        longest=longest if args.blt is None else patcher.max_patch_length,
    )
    calibrated = result["rules"][mode.value]
    logger.info(
        "%.6f nats: %.3f bytes per patch", calibrated["threshold"], calibrated["bytes_per_patch"]
    )
    about = {"model": args.name, "entropy_model": args.patcher_model or args.name}
    if args.blt is None:
        calibration.write(str(folder), about | result)
    else:
        write_json(folder / CALIBRATION_FILE, about | result, indent=None)


def outside_sources(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the sources that the manifest of a corpus places outside the mix."""
    return [name for name, entry in entries.items() if entry.get("kind") == OUTSIDE_KIND]


def measure(
    text_model: TextModel, args: TrainArgs, split: str, limits: Mapping[str, int | None]
) -> list[SourceScore]:
    """Measure bits per byte and patches on documents of the sources of a run and of other sources.

    Args:
        text_model: model to measure.
        args: settings of its run.
        split: split of the corpus.
        limits: number of bytes to measure by source; None measures all bytes. If the split lacks a
            source, a source of the run is logged as missing; any other source is ignored.
    """
    root, key = args.data.root_dir, args.data.text_key
    there, own = source_names(root / split), args.data.used_sources()
    used_limits = {name: limit for name, limit in limits.items() if name in own or name in there}
    corpus: list[HeldOut] = []
    for name, limit in used_limits.items():
        if name in there:
            corpus += held_out(root, split, [name], limit=limit, text_key=key)
        else:
            logger.warning("%s has no %s documents and is not measured", name, split)
    scores = []
    for result in evaluate(text_model, corpus):
        rate, size = result.score.bits_per_byte, result.score.size
        logger.info("%s: %.3f bits per byte on %d bytes", result.source, rate, size)
        scores.append(result)
    return scores


def measure_text(text_model: TextModel, size: int) -> dict[str, Any]:
    """Measure the quality of continuations of the shipped prompts, ``size`` bytes each.

    Without the list of words the share of words is not measured; a warning is logged.
    """
    try:
        is_word = text_quality.read_word_list()
    except ValueError as error:
        logger.warning("%s", error)
        is_word = None
    options = text_quality.TextQualityOptions(text_quality.read_prompts(), size)
    quality = text_quality.measure(text_model, options, is_word)
    for line in text_quality.lines(quality):
        logger.info("%s", line)
    return quality


def start_of(args: TrainArgs) -> dict[str, Any]:
    """Return the facts about the training of the model that a run started from."""
    assert args.init_from is not None
    folder = model_folder(args.init_from)
    settings = read_settings(folder)
    training = settings.get("training")
    if training and settings.get("dump_dir") == str(args.dump_dir):
        # This run was released before under the name of the model that it started from.
        start: dict[str, Any] | None = training["start"]
        if start is not None:
            return start
    return {"name": args.init_from, **(training or trained(folder))}


def trained(folder: Path) -> dict[str, Any]:
    """Return the steps, bytes and sources of the training of a model.

    Steps and bytes are None if the folder of the model does not contain them.
    """
    settings = read_settings(folder)
    if isinstance(settings.get("training"), dict):
        return dict(settings["training"])
    # The metrics of a run are in the parent of its model folder.
    paths = (folder / METRICS_FILE, folder.parent / METRICS_FILE)
    path = next((path for path in paths if path.is_file()), None)
    lines = [line for line in read_metrics(path) if "bytes" in line] if path else []
    sources = settings.get("data", {}).get("sources") or {}
    return {
        "steps": lines[-1]["step"] if lines else None,
        "bytes": lines[-1]["bytes"] if lines else None,
        "sources": sorted(name for name, weight in sources.items() if weight > 0),
        "start": None,
    }


def entropy_training(name: str | None) -> dict[str, Any] | None:
    """Return the facts about the training of a BLT's entropy model, or None without any."""
    if name is None:
        return None
    training = trained(model_folder(name))
    return None if training["bytes"] is None else training
