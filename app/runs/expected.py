"""What a shipped model reaches: its ``evaluation.json`` and ``calibration.json``."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytelatent.files import read_json

logger = logging.getLogger(__name__)

EVALUATION = "evaluation.json"
CALIBRATION = "calibration.json"


@dataclass(frozen=True)
class Row:
    """Held-out text of one group.

    Attributes:
        name: a language, a kind or a source.
        bytes: how much there was.
        bits_per_byte: how well it was predicted.
        bytes_per_patch: mean size of its patches at the model's threshold, if it makes patches.
    """

    name: str
    bytes: int
    bits_per_byte: float
    bytes_per_patch: float | None


@dataclass(frozen=True)
class Rule:
    """A calibrated threshold, in nats, and the bytes per patch that it makes of the mix."""

    name: str
    threshold: float
    bytes_per_patch: float


@dataclass(frozen=True)
class Expected:
    """What whoever trains the same should find.

    Attributes:
        model, kind: what it is.
        parameters: how many it has.
        split: which held-out texts were taken.
        total: all of them.
        languages, kinds, sources: the same in groups.
        rules: calibrated thresholds.
    """

    model: str
    kind: str
    parameters: int
    split: str
    total: Row
    languages: tuple[Row, ...]
    kinds: tuple[Row, ...]
    sources: tuple[Row, ...]
    rules: tuple[Rule, ...]


def expected_of(folder: Path) -> Expected | None:
    """The figures of a model folder; None without an evaluation, a damaged one is logged too."""
    path = folder / EVALUATION
    if not path.is_file():
        return None
    try:
        return _expected(read_json(path), _rules(folder / CALIBRATION))
    except (ValueError, KeyError, TypeError, OSError) as error:
        logger.warning("%s is no evaluation: %r", path, error)
        return None


def _expected(value: Mapping[str, Any], rules: tuple[Rule, ...]) -> Expected:
    return Expected(
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


def _rows(groups: Mapping[str, Any]) -> tuple[Row, ...]:
    return tuple(_row(name, group) for name, group in groups.items())


def _row(name: str, group: Mapping[str, Any]) -> Row:
    size = group.get("bytes_per_patch")
    return Row(
        name=name,
        bytes=int(group["bytes"]),
        bits_per_byte=float(group["bits_per_byte"]),
        bytes_per_patch=None if size is None else float(size),
    )


def _rules(path: Path) -> tuple[Rule, ...]:
    if not path.is_file():
        return ()
    rules = read_json(path)["rules"]
    return tuple(
        Rule(name, float(rule["threshold"]), float(rule["bytes_per_patch"]))
        for name, rule in rules.items()
    )
