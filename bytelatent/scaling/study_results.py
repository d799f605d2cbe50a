"""What a study found, as others read it: records by place in the grid, laws, means of seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bytelatent.files import read_json
from bytelatent.scaling.collecting import COLLECTED, FITS, Record

ORDER = ("blt-entropy", "blt-space", "blt-static", "bytes", "bpe")
"""Families in the order in which they are listed; others follow by name."""

MIN_POINTS_FOR_INTERVAL = 3
"""Points of a family at least, before its fit says how sure it is: two fit a line without error."""


@dataclass(frozen=True)
class Mean:
    """Runs that differ in their seed alone.

    Attributes:
        value, low, high: mean, lowest and highest.
        count: of runs.
    """

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Findings:
    """All that is known of some studies; empty lists and no fits where nothing was run.

    Attributes:
        grid, ablation, sweep, robustness: records by their kind.
        fits: of power laws, by measure.
    """

    grid: list[Record] = field(default_factory=list)
    ablation: list[Record] = field(default_factory=list)
    sweep: list[Record] = field(default_factory=list)
    robustness: list[Record] = field(default_factory=list)
    fits: dict[str, Any] = field(default_factory=dict)

    @property
    def families(self) -> list[str]:
        """Families of the grid."""
        return ordered({record["family"] for record in self.grid})

    @property
    def budgets(self) -> list[float]:
        """Training FLOPs that runs of the grid were given, ascending."""
        return sorted({record["flops"]["budget"] for record in self.grid})

    def runs(self, family: str, budget: float) -> list[Record]:
        """Runs of a place in the grid, one for each seed."""
        return [
            record
            for record in self.grid
            if record["family"] == family and record["flops"]["budget"] == budget
        ]

    def law(self, measure: str) -> str | None:
        """The law to read a measure by: with an offset, where every family has points enough."""
        laws = self.fits.get(measure)
        if laws is None or not laws["power"]["families"]:
            return None
        every = set(laws["power"]["families"]) == set(laws["offset"]["families"])
        return "offset" if every else "power"

    def fitted(self, measure: str) -> dict[str, Any]:
        """Fits by family, of the law that counts."""
        law = self.law(measure)
        return {} if law is None else dict(self.fits[measure][law]["families"])

    def gaps(self, measure: str) -> dict[str, Any]:
        """Gaps to the reference by family, where the fits of both say how sure they are."""
        law = self.law(measure)
        if law is None:
            return {}
        points = {name: one["points"] for name, one in self.fitted(measure).items()}
        sure = points.get(self.fits["reference"], 0) >= MIN_POINTS_FOR_INTERVAL
        found = self.fits[measure][law]["gaps"]
        return {
            name: found[name]
            for name in ordered(found)
            if sure and points[name] >= MIN_POINTS_FOR_INTERVAL
        }


def read_findings(folder: Path) -> Findings:
    """What ``collect`` and ``fit`` wrote into a folder; nothing where they have not.

    Raises:
        ValueError: a file is damaged.
    """
    collected, fits = folder / COLLECTED, folder / FITS
    if not collected.is_file():
        return Findings()
    found = read_json(collected)
    try:
        return Findings(
            **{kind: list(found[kind]) for kind in ("grid", "ablation", "sweep", "robustness")},
            fits=read_json(fits) if fits.is_file() else {},
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{collected} holds no collected records ({error!r})") from None


def ordered(families: Sequence[str] | set[str] | dict[str, Any]) -> list[str]:
    """Families as they are listed everywhere."""
    places = {name: place for place, name in enumerate(ORDER)}
    return sorted(families, key=lambda name: (places.get(name, len(ORDER)), name))


def bits(record: Record) -> float:
    """Bits per byte of the held-out text."""
    return float(record["bits_per_byte"]["total"]["bits_per_byte"])


def mean(values: Sequence[float]) -> Mean:
    """Of one number or more."""
    return Mean(sum(values) / len(values), min(values), max(values), len(values))
