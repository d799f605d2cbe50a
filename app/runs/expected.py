"""The results of a shipped model, from its ``evaluation.json`` and ``calibration.json``."""

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytelatent.files import read_json
from bytelatent.formats.file_names import CALIBRATION_FILE, EVALUATION_FILE

logger = logging.getLogger(__name__)

LARGEST = 16 * 1024 * 1024
"""Size in bytes of the largest file of results that is read."""


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
    try:
        return read_expected(folder)
    except ValueError as error:
        logger.warning("%s", error)
        return None


def read_expected(folder: Path) -> ExpectedResults | None:
    """Return the results in a model folder, or None without an evaluation.

    Raises:
        ValueError: the evaluation or the calibration is damaged; the message names the file.
    """
    if (value := _object(folder / EVALUATION_FILE)) is None:
        return None
    rules = _object(folder / CALIBRATION_FILE)
    with _named(folder / CALIBRATION_FILE, "calibration"):
        thresholds = _rules({} if rules is None else rules["rules"])
    with _named(folder / EVALUATION_FILE, "evaluation"):
        return _expected(value, thresholds)


def _object(path: Path) -> Any:
    """Return the JSON value of a file, or None where there is none."""
    return read_json(path, limit=LARGEST) if os.path.lexists(path) else None


@contextmanager
def _named(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a value of another shape raises into a ValueError that names the file."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path} is no {kind}: {error!r}") from None


def _expected(value: Mapping[str, Any], rules: tuple[CalibratedThreshold, ...]) -> ExpectedResults:
    return ExpectedResults(
        model=str(value["model"]),
        kind=str(value["kind"]),
        parameters=_count(value["parameters"]),
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
        bytes=_count(group["bytes"]),
        bits_per_byte=_finite(group["bits_per_byte"]),
        bytes_per_patch=None if size is None else _finite(size),
    )


def _rules(rules: Mapping[str, Any]) -> tuple[CalibratedThreshold, ...]:
    return tuple(
        CalibratedThreshold(name, _finite(rule["threshold"]), _finite(rule["bytes_per_patch"]))
        for name, rule in rules.items()
    )


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def _count(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError(f"{value} is no number of bytes or parameters")
    return number
