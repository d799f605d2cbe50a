"""Panels of our runs and models: results of a study, patches by language, FLOPs by part."""

import math
from dataclasses import asdict
from typing import Any

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.flops_per_byte import flops_per_byte
from bytelatent.architecture.published import CONTEXT
from bytelatent.plotting import scaling_paper
from bytelatent.plotting.panels import CYCLE, FAMILIES, Panel, Series, short
from bytelatent.scaling.study_results import Findings, Mean, bits, mean, ordered

RUNS = "runs of this project"
FORMULAS = "formulas of section 4.5 of arXiv 2412.09871"
HELD_OUT = "bits per byte"

MEASURES = {
    "training": "training FLOPs",
    "training_with_entropy_model": "training FLOPs with the entropy model's",
    "forward_per_byte": "inference FLOPs per byte",
    "forward_per_byte_with_entropy_model": "inference FLOPs per byte with the entropy model's",
}
"""Axis titles of the amounts of compute against which bits per byte are drawn."""

PARTS = {
    "decoder": "decoder",
    "decoder_cross": "bytes read patches",
    "encoder_cross": "patches read bytes",
    "encoder": "encoder",
    "global_model": "global model",
    "entropy_model": "entropy model",
}
"""Parts of the FLOPs, drawn from the bottom up; those that depend least on patch size come first.
"""

PATCH_SIZES = [tenths / 10 for tenths in range(10, 162, 2)]


def curves(findings: Findings, measures: tuple[str, ...]) -> list[Panel]:
    """Return panels of bits per byte against compute for all families, with fitted laws."""
    if not findings.grid:
        return []
    panels = []
    for measure in measures:
        fits = findings.fitted(measure)
        series = []
        for family in findings.families:
            if family in fits:
                series.append(_fit(family, fits[family]))
            series.append(_points(findings, family, measure))
        title = f"Our runs, by {MEASURES[measure]}"
        axes = (MEASURES[measure], HELD_OUT)
        panels.append(Panel(title, "lines", *axes, series, RUNS, log_x=True))
    return panels


def _points(findings: Findings, family: str, measure: str) -> Series:
    """Return a family's runs; runs that differ only in their seed become a mean with its range."""
    flops, means = [], []
    for budget in findings.budgets:
        runs = findings.runs(family, budget)
        if runs:
            flops.append(mean([run["flops"][measure] for run in runs]).value)
            means.append(mean([bits(run) for run in runs]))
    return Series(family, **_ends(means), x=flops, colour=_colour(family), style="measured")


def _ends(means: list[Mean]) -> dict[str, Any]:
    ends = {"y": [m.value for m in means]}
    return ends | {"low": [m.low for m in means], "high": [m.high for m in means]}


def _fit(family: str, fit: dict[str, Any]) -> Series:
    ends = {"y": fit["bits_per_byte"], "low": fit["low"], "high": fit["high"]}
    return Series(family, **ends, x=fit["flops"], colour=_colour(family), style="fit")


def _colour(family: str) -> str:
    return FAMILIES.get(family) or CYCLE[sum(family.encode()) % len(CYCLE)]


def gaps(findings: Findings) -> list[Panel]:
    """Return panels of each family's bits per byte above those of the reference, with bands."""
    panels = []
    for measure, words in MEASURES.items():
        series = []
        for family, gap in findings.gaps(measure).items():
            ends = {"y": gap["bits_per_byte"], "low": gap["low"], "high": gap["high"]}
            series.append(
                Series(family, **ends, x=gap["flops"], colour=_colour(family), style="band")
            )
        if series:
            title = f"Above {findings.fits['reference']}, at equal {words}"
            axes = (words, "bits per byte more")
            panels.append(Panel(title, "lines", *axes, series, RUNS, log_x=True, line=0.0))
    return panels


def ablations(findings: Findings) -> list[Panel]:
    """Return panels of the bits per byte of each variant above those of its family."""
    panels = []
    cells = sorted({(record["family"], record["flops"]["budget"]) for record in findings.ablation})
    for family, budget in cells:
        base = [bits(run) for run in findings.runs(family, budget)]
        if not base:
            continue
        here = mean(base)
        records = [
            record
            for record in findings.ablation
            if (record["family"], record["flops"]["budget"]) == (family, budget)
        ]
        lengths: list[float | None] = [0.0, *(bits(record) - here.value for record in records)]
        spread = here.high - here.low
        low = [x - spread for x in lengths if x is not None]
        high = [x + spread for x in lengths if x is not None]
        series = Series("our runs", lengths)
        if here.count > 1:
            series = Series("our runs", lengths, low=[*low], high=[*high])
        names = [f"{record['variant']} [{bits(record):.3f}]" for record in records]
        panels.append(
            Panel(
                f"{family} at {short(budget)} FLOPs",
                "bars",
                "",
                scaling_paper.ABOVE,
                [series],
                RUNS,
                categories=[f"as it is [{here.value:.3f}] = 0", *names],
                line=0.0,
            )
        )
    return panels


def robustness(findings: Findings, about: str) -> list[Panel]:
    """Return panels of noise, spelling or languages for the families that were measured.

    Args:
        findings: the records of the study.
        about: ``noise``, ``spelling`` or ``languages``.
    """
    tables = {
        record["family"]: record[about] for record in findings.robustness if record.get(about)
    }
    if not tables:
        return []
    if about == "spelling":
        right = _by_family(tables, "right", 100)
        return [_robust("Spelling", "right answers of two (%)", right, tables, line=50.0)]
    panels = {"Noise on held-out text" if about == "noise" else "Held-out text": "bits_per_byte"}
    if about == "languages":
        panels["Lengths of patches and tokens"] = "bytes_per_unit"
    return [
        _robust(
            title, key.replace("_", " ").replace("unit", "patch, token or byte"), series, tables
        )
        for title, key in panels.items()
        for series in [_by_family(tables, key)]
    ]


def _robust(
    title: str, axis: str, series: list[Series], tables: dict[str, Any], line: float | None = None
) -> Panel:
    names = _names(tables)
    return Panel(f"{title}, our runs", "bars", "", axis, series, RUNS, categories=names, line=line)


def _by_family(tables: dict[str, Any], key: str, scale: float = 1) -> list[Series]:
    series = []
    for family in ordered(tables):
        rows = [tables[family].get(name) for name in _names(tables)]
        y = [None if row is None else scale * row[key] for row in rows]
        error = [None if row is None else scale * row.get("standard_error", 0) for row in rows]
        pairs = list(zip(y, error, strict=True))
        low = [None if a is None or e is None else a - e for a, e in pairs]
        high = [None if a is None or e is None else a + e for a, e in pairs]
        colour = _colour(family)
        if any(error):
            series.append(Series(family, y, low=low, high=high, colour=colour))
        else:
            series.append(Series(family, y, colour=colour))
    return series


def _names(tables: dict[str, Any]) -> list[str]:
    """Return the row names of the tables of all families."""
    return list(dict.fromkeys(name for family in ordered(tables) for name in tables[family]))


def patch_lengths(values: dict[str, Any]) -> list[Panel]:
    """Return a histogram of patch lengths for each language that the model was trained on."""
    known = [language for language in values["languages"] if language["in_mix"]]
    percent = [
        [100 * count / language["patches"] for count in language["counts"]] for language in known
    ]
    most = math.ceil(max((max(shares) for shares in percent), default=0.0) / 5) * 5.0
    panels = []
    for language, own in zip(known, percent, strict=True):
        shares: list[float | None] = [*own]
        series = [Series("patches", shares, x=[float(x + 1) for x in range(len(shares))])]
        title = f"{language['name']}: {language['bytes_per_patch']:.1f} bytes per patch"
        axes = ("bytes of a patch", "% of patches")
        panels.append(Panel(title, "histogram", *axes, series, values["model"], most=most))
    return panels


def flops_by_part(
    name: str,
    args: ByteLatentTransformerArgs,
    entropy_model: LMTransformerArgs | None,
) -> Panel:
    """Return forward FLOPs per byte of every part of a model against its patch size."""
    rows = [
        asdict(flops_per_byte(args, patch_size=size, context=CONTEXT, entropy_model=entropy_model))
        for size in PATCH_SIZES
    ]
    series = [
        Series(words, [row[part] for row in rows], x=PATCH_SIZES, colour=CYCLE[place])
        for place, (part, words) in enumerate(PARTS.items())
        if rows[0][part] is not None
    ]
    axes = ("bytes per patch", "forward FLOPs per byte")
    return Panel(name, "areas", *axes, series, FORMULAS)
