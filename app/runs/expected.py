"""The results of a shipped model, from its ``evaluation.json`` and ``calibration.json``."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.settings import CALIBRATION_FILE
from bytelatent.files import read_json

logger = logging.getLogger(__name__)

EVALUATION = "evaluation.json"


@dataclass(frozen=True)
class HeldOutRow:
    """Results on the held-out text of one group.

    Attributes:
        name: language, kind or source of the text.
        bytes: number of bytes of the text.
        bits_per_byte: bits per byte of the model on the text.
        bytes_per_patch: mean patch size at the model's threshold; None if the model makes no
            patches.
    """

    name: str
    bytes: int
    bits_per_byte: float
    bytes_per_patch: float | None


@dataclass(frozen=True)
class CalibratedThreshold:
    """Threshold of a patching rule in nats, and its bytes per patch on the training mix."""

    name: str
    threshold: float
    bytes_per_patch: float


@dataclass(frozen=True)
class ExpectedResults:
    """Results that a repetition of the training should reach.

    Attributes:
        model, kind: name and kind of the model.
        parameters: number of parameters.
        split: name of the held-out split.
        total: results on all held-out texts.
        languages, kinds, sources: results by language, by kind and by source of text.
        rules: calibrated thresholds.
    """

    model: str
    kind: str
    parameters: int
    split: str
    total: HeldOutRow
    languages: tuple[HeldOutRow, ...]
    kinds: tuple[HeldOutRow, ...]
    sources: tuple[HeldOutRow, ...]
    rules: tuple[CalibratedThreshold, ...]


def expected_of(folder: Path) -> ExpectedResults | None:
    """Return the results in a model folder, or None without an evaluation.

    A damaged evaluation is logged and gives None too.
    """
    path = folder / EVALUATION
    if not path.is_file():
        return None
    try:
        return _expected(read_json(path), _rules(folder / CALIBRATION_FILE))
    except (ValueError, KeyError, TypeError, OSError) as error:
        logger.warning("%s is no evaluation: %r", path, error)
        return None


def _expected(value: Mapping[str, Any], rules: tuple[CalibratedThreshold, ...]) -> ExpectedResults:
    return ExpectedResults(
        model=str(value["model"]),
        kind=str(value["kind"]),
        parameters=int(value["parameters"]),
        split=str(value["split"]),
        total=_row("all", value["total"]),
        languages=_rows(value["languages"]),
        kinds=_rows(value["kinds"]),
        sources=_rows(value["sources"]),
        rules=rules,
    )


def _rows(groups: Mapping[str, Any]) -> tuple[HeldOutRow, ...]:
    return tuple(_row(name, group) for name, group in groups.items())


def _row(name: str, group: Mapping[str, Any]) -> HeldOutRow:
    size = group.get("bytes_per_patch")
    return HeldOutRow(
        name=name,
        bytes=int(group["bytes"]),
        bits_per_byte=float(group["bits_per_byte"]),
        bytes_per_patch=None if size is None else float(size),
    )


def _rules(path: Path) -> tuple[CalibratedThreshold, ...]:
    if not path.is_file():
        return ()
    rules = read_json(path)["rules"]
    return tuple(
        CalibratedThreshold(name, float(rule["threshold"]), float(rule["bytes_per_patch"]))
        for name, rule in rules.items()
    )
