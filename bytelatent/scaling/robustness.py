"""Trained models side by side on noisy text, by language, and on questions of spelling."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from bytelatent.files import read_json, write_json
from bytelatent.scaling.args import RobustnessArgs, ScalingArgs
from bytelatent.scaling.bits_per_byte import (
    Piece,
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
from bytelatent.scaling.study_folders import Places

ENGLISH = "en"


def measure_all(args: ScalingArgs, command: str) -> Iterator[Path]:
    """Measure every model that has no record yet; the records' paths.

    Raises:
        ValueError: the study asks for none, a model is not trained, or a record has other settings.
    """
    wanted, places = args.robustness, Places(args)
    if wanted is None:
        raise ValueError("robustness: the configuration has no such section")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    for family in wanted.families:
        point = grid_point(args, family, wanted.budget, wanted.seed)
        path = args.out / f"{point.name}-robustness.json"
        asked = wanted.model_dump(mode="json", include={"noise_bytes", "language_bytes", "items"})
        if path.is_file():
            _check(path, asked)
            continue
        if not places.record(point.name).is_file():
            raise ValueError(f"robustness: {point.name} is not trained; run the study first")
        trained = read_json(places.record(point.name))
        folder = places.run(point.name) / "model"
        scorer = load_scorer(folder, args.entropy_model, places.tokenizer)
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
            "asked": asked,
        }
        write_json(path, about | measure(args, wanted, scorer))
        yield path


def _check(path: Path, asked: dict[str, Any]) -> None:
    found = read_json(path).get("asked")
    if found != asked:
        raise ValueError(
            f"robustness: {path} was measured with {found}, not {asked}; move it away to measure "
            "again"
        )


def measure(args: ScalingArgs, wanted: RobustnessArgs, scorer: Scorer) -> dict[str, Any]:
    """Noise, languages and spelling of one model."""
    spoken = language_pieces(args, wanted.language_bytes)
    costs = scorer([piece.data for piece in spoken])
    return {
        "noise": noise_table(scorer, noise_pieces(args, wanted.noise_bytes)),
        "languages": summaries(spoken, costs)["languages"],
        "spelling": spelling_table(scorer, spoken, wanted.items),
    }


def noise_table(scorer: Scorer, pieces: Sequence[Piece]) -> dict[str, Any]:
    """Bits per byte of the clean text and of each noise on it.

    ``clean_bytes`` of noisy text are those of the text before; bits of the whole text are bits per
    byte times bytes.
    """
    clean = [piece.data for piece in pieces]
    texts = {"clean": clean} | {name: [noisy(x, name) for x in clean] for name in NOISES}
    size = sum(map(len, clean))
    return {name: summary(scorer(text)) | {"clean_bytes": size} for name, text in texts.items()}


def spelling_table(scorer: Scorer, pieces: Sequence[Piece], count: int) -> dict[str, Any]:
    """Share of right answers of every task, its standard error and the number of items."""
    words = frequent_words(piece.data.decode() for piece in pieces if piece.language == ENGLISH)
    found = {}
    for task in TASKS:
        asked = items(task, words, count)
        nats = [
            cost.nats for cost in scorer([x for item in asked for x in (item.right, item.wrong)])
        ]
        won = [float(r < w) + 0.5 * (r == w) for r, w in zip(nats[::2], nats[1::2], strict=True)]
        share = sum(won) / count
        found[task] = {
            "right": share,
            "standard_error": math.sqrt(share * (1 - share) / count),
            "items": count,
            "chance": 0.5,
        }
    return found
