"""What a model folder's ``calibration.json`` says: bytes per patch for every threshold."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bytelatent.files import read_json

logger = logging.getLogger(__name__)

FILE = "calibration.json"


@dataclass(frozen=True)
class Calibration:
    """Held-out text of the training mix, cut at many thresholds; empty if nothing is known.

    Attributes:
        rise: nats; the threshold of the monotonic rule that makes patches of the wanted mean size.
        thresholds: nats, of the entropy rule.
        bytes_per_patch: the mean at each of them.
        languages: tags of what the mix holds, ``en`` or ``python``.
    """

    rise: float | None = None
    thresholds: tuple[float, ...] = ()
    bytes_per_patch: tuple[float, ...] = ()
    languages: frozenset[str] = frozenset()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``folder/calibration.json``; a missing one is empty, a damaged one is logged too."""
        path = folder / FILE
        if not path.is_file():
            return cls()
        try:
            return cls._of(read_json(path))
        except (ValueError, KeyError, TypeError, OSError) as error:
            logger.warning("%s is no calibration: %r", path, error)
            return cls()

    @classmethod
    def _of(cls, value: dict[str, Any]) -> Self:
        curve = value["curve"]
        thresholds = tuple(float(nats) for nats in curve["thresholds"])
        sizes = tuple(float(size) for size in curve["mix"])
        if len(thresholds) != len(sizes):
            raise ValueError(f"{len(thresholds)} thresholds, {len(sizes)} means")
        rise = value.get("rules", {}).get("monotonic", {}).get("threshold")
        languages = frozenset(curve.get("languages", {}))
        return cls(None if rise is None else float(rise), thresholds, sizes, languages)
