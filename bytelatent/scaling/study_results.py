"""Results of a study for reports: records by their cell in the grid, laws, and means over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bytelatent.files import read_json
from bytelatent.scaling.collecting import COLLECTED, FITS, Record

ORDER = ("blt-entropy", "blt-space", "blt-static", "bytes", "bpe")
"""Order in which families are listed; other families follow by name."""

MIN_POINTS_FOR_INTERVAL = 3
"""Smallest number of points of a family for an interval of its fit: two points fit a line without
error."""


@dataclass(frozen=True)
class Mean:
    """Mean and range over runs that differ only in their seed.

    Attributes:
        value, low, high: mean, lowest and highest value.
        count: number of runs.
    """

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Findings:
    """Results of one or several studies; empty where nothing was run.

    Attributes:
        grid, ablation, sweep, robustness: records by their kind.
        fits: fitted power laws by measure.
    """

    grid: list[Record] = field(default_factory=list)
    ablation: list[Record] = field(default_factory=list)
    sweep: list[Record] = field(default_factory=list)
    robustness: list[Record] = field(default_factory=list)
    fits: dict[str, Any] = field(default_factory=dict)

    @property
    def families(self) -> list[str]:
        """Families of the grid, in the order in which all lists show them."""
        return ordered({record["family"] for record in self.grid})

    @property
    def budgets(self) -> list[float]:
        """Training FLOPs of the budgets in the grid, ascending."""
        return sorted({record["flops"]["budget"] for record in self.grid})

    def runs(self, family: str, budget: float) -> list[Record]:
        """Return the runs of a cell in the grid, one per seed."""
        return [
            record
            for record in self.grid
            if record["family"] == family and record["flops"]["budget"] == budget
        ]

    def law(self, measure: str) -> str | None:
        """Return the law for a measure: ``offset`` or ``power``; None if no law was fitted.

        The law is ``offset`` if all families have enough points for it.
        """
        laws = self.fits.get(measure)
        if laws is None or not laws["power"]["families"]:
            return None
        every = set(laws["power"]["families"]) == set(laws["offset"]["families"])
        return "offset" if every else "power"

    def fitted(self, measure: str) -> dict[str, Any]:
        """Return the fits of the law for a measure, by family."""
        law = self.law(measure)
        return {} if law is None else dict(self.fits[measure][law]["families"])

    def gaps(self, measure: str) -> dict[str, Any]:
        """Return the gaps to the reference by family, if both fits have intervals."""
        law = self.law(measure)
        if law is None:
            return {}
        points = {name: fit["points"] for name, fit in self.fitted(measure).items()}
        sure = points.get(self.fits["reference"], 0) >= MIN_POINTS_FOR_INTERVAL
        gaps = self.fits[measure][law]["gaps"]
        return {
            name: gaps[name]
            for name in ordered(gaps)
            if sure and points[name] >= MIN_POINTS_FOR_INTERVAL
        }


def read_findings(folder: Path) -> Findings:
    """Read the files that ``collect`` and ``fit`` wrote to a folder; empty findings without them.

    Raises:
        ValueError: a file is damaged.
    """
    collected, fits = folder / COLLECTED, folder / FITS
    if not collected.is_file():
        return Findings()
    records = read_json(collected)
    try:
        return Findings(
            **{kind: list(records[kind]) for kind in ("grid", "ablation", "sweep", "robustness")},
            fits=read_json(fits) if fits.is_file() else {},
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{collected} holds no collected records ({error!r})") from None


def ordered(families: Sequence[str] | set[str] | dict[str, Any]) -> list[str]:
    """Sort families in the order in which all lists show them."""
    ranks = {name: rank for rank, name in enumerate(ORDER)}
    return sorted(families, key=lambda name: (ranks.get(name, len(ORDER)), name))


def bits(record: Record) -> float:
    """Return the bits per byte of a record on the held-out text."""
    return float(record["bits_per_byte"]["total"]["bits_per_byte"])


def mean(values: Sequence[float]) -> Mean:
    """Return the mean and the range of one or more numbers."""
    return Mean(sum(values) / len(values), min(values), max(values), len(values))
