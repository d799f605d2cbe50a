"""Collection of all records of a folder in one file, and power laws that are fitted to them."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from bytelatent.files import read_json, write_json
from bytelatent.scaling.args import FitArgs
from bytelatent.scaling.fitting import (
    Bootstrap,
    Fit,
    Floats,
    bootstrap,
    fit_offset,
    fit_power,
    gap,
)

COLLECTED, FITS = "collected.json", "fits.json"

GRID = 41
"""Number of points at which a curve and its band are written."""

MEASURES = {
    "training": "training FLOPs, the entropy model not counted",
    "training_with_entropy_model": "training FLOPs and the forward FLOPs of the entropy model",
    "forward_per_byte": "forward FLOPs per byte, the entropy model not counted",
    "forward_per_byte_with_entropy_model": "forward FLOPs per byte with those of the entropy model",
}
"""Measures of cost against which bits per byte are fitted, with their meaning."""

LAWS: dict[str, Fit] = {"power": fit_power, "offset": fit_offset}

Record = dict[str, Any]
"""Record of a run, as its file contains it."""


def read_records(folder: Path) -> list[Record]:
    """Read the records of runs and of robustness, sorted by file name.

    Raises:
        ValueError: there is no record, a record is damaged, or runs were measured on different
            text.
    """
    paths = _records(folder)
    if not paths:
        raise ValueError(f"out: {folder} holds no record; python -m bytelatent.scaling run first")
    records: list[Record] = [read_json(path) for path in paths]
    _check_text(records)
    return records


def _check_text(records: list[Record]) -> None:
    """Check that all runs were measured on the same text and are comparable.

    Raises:
        ValueError: two runs were measured on different text.
    """
    runs = [record for record in records if "bits_per_byte" in record]
    for run in runs[1:]:
        if _sizes(run) != _sizes(runs[0]):
            raise ValueError(
                f"out: {run['point']} and {runs[0]['point']} were measured on different text; "
                "measure them again (python -m bytelatent.scaling measure), or move one away"
            )


def _sizes(run: Record) -> dict[str, int]:
    sources = run["bits_per_byte"].get("sources", {})
    return {source: about["bytes"] for source, about in sources.items()}


def has_records(folder: Path) -> bool:
    """Return whether the folder contains the record of a run."""
    return bool(_records(folder))


def _records(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.glob("*.json")) if p.name not in (COLLECTED, FITS)]


def collect_records(folder: Path) -> Path:
    """Write :data:`COLLECTED` with the records of all runs and of robustness, grouped by kind.

    Raises:
        ValueError: a record cannot be used (see :func:`read_records`).
    """
    collected: dict[str, list[Record]] = {"grid": [], "ablation": [], "sweep": [], "robustness": []}
    for record in read_records(folder):
        collected[record["kind"]].append(record)
    for runs in collected.values():
        runs.sort(key=lambda run: (run["flops"]["budget"], run["point"]) if "flops" in run else ())
    write_json(folder / COLLECTED, collected)
    return folder / COLLECTED


def write_fits(folder: Path, args: FitArgs) -> Path:
    """Write :data:`FITS`: power laws of every family of the grid, their bands, and the gaps.

    Raises:
        ValueError: there is no record, or no family has enough points.
    """
    points = [record for record in read_records(folder) if record["kind"] == "grid"]
    fits: dict[str, Any] = {"band": args.band, "draws": args.draws, "reference": args.reference}
    for measure, meaning in MEASURES.items():
        laws = {name: _laws(points, measure, name, args) for name in LAWS}
        fits[measure] = {"meaning": meaning, **laws}
    if not any(fits[measure][name]["families"] for measure in MEASURES for name in LAWS):
        raise ValueError(f"fit: {folder} has no family with two budgets or more")
    write_json(folder / FITS, fits)
    return folder / FITS


def _laws(points: list[Record], measure: str, name: str, args: FitArgs) -> dict[str, Any]:
    """Fit one kind of law to all families that have enough points for it."""
    laws: dict[str, Any] = {"families": {}, "gaps": {}}
    fits: dict[str, tuple[Bootstrap, Floats]] = {}
    for family in sorted({point["family"] for point in points}):
        own = [x for x in points if x["family"] == family and measure in x["flops"]]
        flops = np.array([point["flops"][measure] for point in own])
        bits = np.array([point["bits_per_byte"]["total"]["bits_per_byte"] for point in own])
        try:
            seed = zlib.crc32(family.encode())
            fitted = bootstrap(LAWS[name], flops, bits, args.draws, seed=seed)
        except ValueError:
            continue  # too few budgets so far
        fits[family] = fitted, flops
        laws["families"][family] = _described(fitted, flops, args.band) | {"points": len(own)}
    if args.reference in fits:
        reference, flops = fits[args.reference]
        for family, (other, other_flops) in fits.items():
            low, high = max(flops.min(), other_flops.min()), min(flops.max(), other_flops.max())
            if family != args.reference and low < high:
                grid = np.geomspace(low, high, GRID)
                laws["gaps"][family] = {
                    "flops": grid.tolist(),
                    **gap(reference, other, grid, args.band),
                }
    return laws


def _described(fitted: Bootstrap, flops: Floats, share: float) -> dict[str, Any]:
    grid = np.geomspace(flops.min(), flops.max(), GRID)
    low, high = fitted.band(grid, share)
    law = fitted.law
    return {
        "law": {"a": law.a, "b": law.b, "c": law.c, "unit": law.unit},
        "intervals": {name: list(fitted.interval(name, share)) for name in ("a", "b", "c")},
        "flops": grid.tolist(),
        "bits_per_byte": law.at(grid).tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
    }
