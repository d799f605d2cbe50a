"""What a release measures of a model: its threshold, bits per byte, and what it writes."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bytelatent.data.held_out import OUTSIDE_KIND, HeldOut, held_out, source_names
from bytelatent.evaluation import repetition as text_quality
from bytelatent.evaluation import thresholds as calibration
from bytelatent.evaluation.corpus import SourceScore, evaluate
from bytelatent.files import write_json
from bytelatent.formats.find import model_folder
from bytelatent.loading import TextModel, load_text_model, read_settings
from bytelatent.metrics import read_metrics
from bytelatent.patching.calibrate import CALIBRATED
from bytelatent.training.args import TrainArgs

logger = logging.getLogger(__name__)

LIMIT = 12_000
"""Bytes of each source that are measured; with some forty sources two minutes on two cores."""

CALIBRATION_LIMIT = 4_000
"""Bytes of each source that the threshold is found on."""


def calibrate(folder: Path, args: TrainArgs, patch_size: float, longest: int | None) -> None:
    """Find the threshold of an entropy model, or only the curve around that of a BLT; write it.

    Args:
        folder: of the model.
        args: of its run.
        patch_size: wanted bytes per patch of an entropy model.
        longest: bytes of its patches at most; those of a BLT are as it was trained with.
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
    found = result["rules"][mode.value]
    logger.info("%.6f nats: %.3f bytes per patch", found["threshold"], found["bytes_per_patch"])
    about = {"model": args.name, "entropy_model": args.patcher_model or args.name}
    if args.blt is None:
        calibration.write(str(folder), about | result)
    else:
        write_json(folder / calibration.CALIBRATION_FILE, about | result, indent=None)


def outside_sources(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sources of a corpus that are outside the mix, by its manifest."""
    return [name for name, entry in entries.items() if entry.get("kind") == OUTSIDE_KIND]


def measure(
    text_model: TextModel, args: TrainArgs, split: str, limits: Mapping[str, int | None]
) -> list[SourceScore]:
    """Bits per byte and patches on documents of every source of the run, and of others.

    Args:
        text_model: the model.
        args: of its run.
        split: of the corpus.
        limits: bytes of each source to measure, all when None. Sources that the run has not are
            left out where the split lacks them; of the others that is said.
    """
    root, key = args.data.root_dir, args.data.text_key
    there, own = source_names(root / split), args.data.used_sources()
    wanted = {name: limit for name, limit in limits.items() if name in own or name in there}
    corpus: list[HeldOut] = []
    for name, limit in wanted.items():
        if name in there:
            corpus += held_out(root, split, [name], limit=limit, text_key=key)
        else:
            logger.warning("%s has no %s documents and is not measured", name, split)
    scores = []
    for one in evaluate(text_model, corpus):
        rate, size = one.score.bits_per_byte, one.score.size
        logger.info("%s: %.3f bits per byte on %d bytes", one.source, rate, size)
        scores.append(one)
    return scores


def measure_text(text_model: TextModel, size: int) -> dict[str, Any]:
    """What the model writes after the prompts that come along, ``size`` bytes each.

    Words are not told from others where the list of words is not installed, which is logged.
    """
    try:
        is_word = text_quality.read_word_list()
    except ValueError as error:
        logger.warning("%s", error)
        is_word = None
    options = text_quality.Options(text_quality.read_prompts(), size)
    found = text_quality.measure(text_model, options, is_word)
    for line in text_quality.lines(found):
        logger.info("%s", line)
    return found


def start_of(args: TrainArgs) -> dict[str, Any]:
    """What is known of the training of the model that a run began with."""
    assert args.init_from is not None
    folder = model_folder(args.init_from)
    settings = read_settings(folder)
    found = settings.get("training")
    if found and settings.get("dump_dir") == str(args.dump_dir):
        # This very run has been released under the name of the model that it began with.
        start: dict[str, Any] | None = found["start"]
        if start is not None:
            return start
    return {"name": args.init_from, **(found or trained(folder))}


def trained(folder: Path) -> dict[str, Any]:
    """Steps, bytes and sources of the training of a model, as far as its folder knows."""
    settings = read_settings(folder)
    if isinstance(settings.get("training"), dict):
        return dict(settings["training"])
    # The model folder of a run lies beside the curve.
    places = (folder / "metrics.jsonl", folder.parent / "metrics.jsonl")
    path = next((path for path in places if path.is_file()), None)
    lines = [line for line in read_metrics(path) if "bytes" in line] if path else []
    sources = settings.get("data", {}).get("sources") or {}
    return {
        "steps": lines[-1]["step"] if lines else None,
        "bytes": lines[-1]["bytes"] if lines else None,
        "sources": sorted(name for name, weight in sources.items() if weight > 0),
        "start": None,
    }


def entropy_training(name: str | None) -> dict[str, Any] | None:
    """What is known of the training of a BLT's entropy model; None if nothing is."""
    if name is None:
        return None
    found = trained(model_folder(name))
    return None if found["bytes"] is None else found
