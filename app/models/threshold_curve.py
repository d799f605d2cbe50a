"""The calibration of a model in ``calibration.json``: bytes per patch at many thresholds."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bytelatent.files import read_json
from bytelatent.formats.file_names import CALIBRATION_FILE
from bytelatent.patching.rules import PatchingMode

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calibration:
    """Mean bytes per patch at many thresholds on held-out text; empty if they are unknown.

    Attributes:
        rise: threshold in nats at which the monotonic rule gives patches of the target mean size.
        thresholds: thresholds of the entropy rule, in nats.
        bytes_per_patch: mean bytes per patch at each threshold.
        languages: tags of the languages in the training mix, such as ``en`` or ``python``.
    """

    rise: float | None = None
    thresholds: tuple[float, ...] = ()
    bytes_per_patch: tuple[float, ...] = ()
    languages: frozenset[str] = frozenset()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``folder/calibration.json``.

        A missing or damaged file gives an empty calibration; a damaged one is logged.
        """
        path = folder / CALIBRATION_FILE
        if not path.is_file():
            return cls()
        try:
            return cls._of(read_json(path))
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            logger.warning("%s is no calibration: %r", path, error)
            return cls()

    @classmethod
    def _of(cls, value: dict[str, Any]) -> Self:
        curve = value["curve"]
        thresholds = tuple(float(nats) for nats in curve["thresholds"])
        sizes = tuple(float(size) for size in curve["mix"])
        if len(thresholds) != len(sizes):
            raise ValueError(f"{len(thresholds)} thresholds, {len(sizes)} means")
        rise = value.get("rules", {}).get(PatchingMode.MONOTONIC, {}).get("threshold")
        languages = frozenset(curve.get("languages", {}))
        return cls(None if rise is None else float(rise), thresholds, sizes, languages)
