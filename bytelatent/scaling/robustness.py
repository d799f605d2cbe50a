"""Robustness of trained models: noisy text, languages, and questions of spelling."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from bytelatent.files import read_json, write_json
from bytelatent.scaling.args import RobustnessArgs, ScalingArgs
from bytelatent.scaling.bits_per_byte import (
    HeldOutPiece,
    Scorer,
    language_pieces,
    load_scorer,
    noise_pieces,
    summaries,
    summary,
)
from bytelatent.scaling.grid import grid_point
from bytelatent.scaling.machine import commit, machine
from bytelatent.scaling.noise import NOISES, noisy
from bytelatent.scaling.spelling import TASKS, frequent_words, items
from bytelatent.scaling.study_folders import StudyPaths

ENGLISH = "en"


def measure_all(args: ScalingArgs, command: str) -> Iterator[Path]:
    """Measure the robustness of every model that has no robustness record yet.

    Yields:
        The paths of the new records.

    Raises:
        ValueError: the configuration has no section for it, a model is not trained, or a record was
            made with other settings.
    """
    settings, paths = args.robustness, StudyPaths(args)
    if settings is None:
        raise ValueError("robustness: the configuration has no such section")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    for family in settings.families:
        point = grid_point(args, family, settings.budget, settings.seed)
        path = args.out / f"{point.name}-robustness.json"
        amounts = settings.model_dump(
            mode="json", include={"noise_bytes", "language_bytes", "items"}
        )
        if path.is_file():
            _check(path, amounts)
            continue
        if not paths.record(point.name).is_file():
            raise ValueError(f"robustness: {point.name} is not trained; run the study first")
        trained = read_json(paths.record(point.name))
        folder = paths.run(point.name) / "model"
        scorer = load_scorer(folder, args.entropy_model, paths.tokenizer)
        about = {
            "point": f"{point.name}-robustness",
            "kind": "robustness",
            "of": point.name,
            "family": family,
            "budget": point.budget,
            "seed": point.seed,
            "unit": trained["unit"],
            "command": command,
            **commit(),
            "machine": machine(),
            "asked": amounts,
        }
        write_json(path, about | measure(args, settings, scorer))
        yield path


def _check(path: Path, amounts: dict[str, Any]) -> None:
    recorded = read_json(path).get("asked")
    if recorded != amounts:
        raise ValueError(
            f"robustness: {path} was measured with {recorded}, not {amounts}; move it away to "
            "measure again"
        )


def measure(args: ScalingArgs, settings: RobustnessArgs, scorer: Scorer) -> dict[str, Any]:
    """Measure one model on noise, languages and spelling."""
    spoken = language_pieces(args, settings.language_bytes)
    costs = scorer([piece.data for piece in spoken])
    return {
        "noise": noise_table(scorer, noise_pieces(args, settings.noise_bytes)),
        "languages": summaries(spoken, costs)["languages"],
        "spelling": spelling_table(scorer, spoken, settings.items),
    }


def noise_table(scorer: Scorer, pieces: Sequence[HeldOutPiece]) -> dict[str, Any]:
    """Measure the bits per byte of the clean text and of the text with each noise.

    ``clean_bytes`` of noisy text is the length of the text before the noise; the bits of the whole
    text are bits per byte times ``bytes``.
    """
    clean = [piece.data for piece in pieces]
    texts = {"clean": clean} | {name: [noisy(x, name) for x in clean] for name in NOISES}
    size = sum(map(len, clean))
    return {name: summary(scorer(text)) | {"clean_bytes": size} for name, text in texts.items()}


def spelling_table(scorer: Scorer, pieces: Sequence[HeldOutPiece], count: int) -> dict[str, Any]:
    """Return the share of right answers by task, its standard error and the item count."""
    words = frequent_words(piece.data.decode() for piece in pieces if piece.language == ENGLISH)
    results = {}
    for task in TASKS:
        questions = items(task, words, count)
        nats = [
            cost.nats
            for cost in scorer([x for item in questions for x in (item.right, item.wrong)])
        ]
        won = [float(r < w) + 0.5 * (r == w) for r, w in zip(nats[::2], nats[1::2], strict=True)]
        share = sum(won) / count
        results[task] = {
            "right": share,
            "standard_error": math.sqrt(share * (1 - share) / count),
            "items": count,
            "chance": 0.5,
        }
    return results
