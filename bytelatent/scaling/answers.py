"""Answers of a study: which family is ahead at equal FLOPs, and how the gap changes.

A family counts as ahead only if the whole band of the gap lies on one side of zero; otherwise the
report makes no claim.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from bytelatent.scaling.study_results import MIN_POINTS_FOR_INTERVAL, Findings, bits, mean

RIVALS = ("bpe", "blt-space")
"""Families that the questions name."""

GAP_COLUMNS = ("gap at the low end", "at the high end")

SETS = {
    "training": (
        ("training", "the entropy model not counted, as in the paper"),
        ("training_with_entropy_model", "the entropy model's forward pass counted"),
    ),
    "inference": (
        ("forward_per_byte", "the entropy model not counted, as in the paper"),
        ("forward_per_byte_with_entropy_model", "the entropy model counted"),
    ),
}
"""Measures of cost by question, with the explanation of what each one counts."""


ALIKE = 0.15
"""Largest relative difference of costs per byte that count as equal."""


@dataclass(frozen=True)
class Section:
    """Section of the report of a study.

    Attributes:
        id: identifier for links to the section.
        title: heading of the section.
        text: paragraphs.
        columns, rows: headings and cells of a table; empty if there is no table.
    """

    id: str
    title: str
    text: list[str]
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def answers(findings: Findings) -> list[Section]:
    """Compare entropy patches with each family at equal training and equal inference FLOPs."""
    titles = {
        "training": "Do entropy patches beat BPE and space patches at equal training FLOPs?",
        "inference": "And at equal inference FLOPs?",
    }
    return [_answer(findings, about, title) for about, title in titles.items()]


def moves(findings: Findings) -> Section:
    """Describe how the gaps at equal training FLOPs change with the budget."""
    gaps = findings.gaps("training")
    title = "How does the gap move with the budget?"
    if not gaps:
        return Section("moves", title, [_sentence(_unknown(findings, "training"))])
    text = []
    for family in (name for name in RIVALS if name in gaps):
        text.append(_movement(family, gaps[family]))
    rows = [[family, *_at_ends(gap), _direction(gap)] for family, gap in gaps.items()]
    columns = ["family", "gap at the smallest budget", "gap at the largest", "direction"]
    return Section("moves", title, text, columns, rows)


def _answer(findings: Findings, about: str, title: str) -> Section:
    text, rows = [], []
    if about == "training":
        text.append(_at_each_budget(findings))
    for measure, counted in SETS[about]:
        gaps = findings.gaps(measure)
        law = findings.law(measure)
        if not gaps:
            text.append(f"With {counted}: {_unknown(findings, measure)}")
            continue
        named = [name for name in RIVALS if name in gaps]
        said = "; ".join(_verdict(name, gaps[name]) for name in named)
        text.append(f"With {counted}: {said}. Law: {law}.")
        rows += [
            [family, "no" if "not" in counted else "yes", _range(gap), *_at_ends(gap), _word(gap)]
            for family, gap in gaps.items()
        ]
    if about == "inference":
        text.append(
            "A larger model of this grid was also trained longer: families are compared at equal "
            "inference FLOPs as each got them, not at equal training."
        )
        text.append(_alike(findings))
    columns = ["family", "entropy model counted", "FLOPs", *GAP_COLUMNS, "verdict"]
    return Section(
        about, title, [paragraph for paragraph in text if paragraph], columns if rows else [], rows
    )


def _alike(findings: Findings) -> str:
    """Say that this question repeats that of equal training if the costs per byte are equal."""
    spreads = []
    for budget in findings.budgets:
        costs = [
            run["flops"]["forward_per_byte"]
            for run in findings.grid
            if run["flops"]["budget"] == budget
        ]
        spreads.append(max(costs) / min(costs) - 1)
    if not spreads or max(spreads) > ALIKE:
        return ""
    return (
        "The models of a budget were shaped to cost about the same per byte "
        f"(within {100 * max(spreads):.0f} %), so without the entropy model this is the answer of "
        "equal training over again. What longer patches save at inference would take models of "
        "other shapes to measure."
    )


def _at_each_budget(findings: Findings) -> str:
    """Compare the measured bits per byte at each budget, without a fitted law."""
    reference = findings.fits.get("reference", "blt-entropy")
    parts = []
    for budget in findings.budgets:
        own = findings.runs(reference, budget)
        here = mean([bits(run) for run in own]).value if own else 0.0
        words = []
        for name in RIVALS:
            rival_bits = [bits(run) for run in findings.runs(name, budget)]
            if own and rival_bits:
                words.append(f"{mean(rival_bits).value - here:+.3f} {name}")
        if words:
            parts.append(f"{number(budget)} FLOPs: {', '.join(words)}")
    if not parts:
        return f"No budget has runs of {reference} and of a family to compare it with."
    return (
        f"Measured bits per byte above those of {reference}, the entropy model not counted "
        f"(below zero, {reference} is behind): {'; '.join(parts)}."
    )


def _unknown(findings: Findings, measure: str) -> str:
    """Explain why there is no gap by this measure."""
    if findings.law(measure) is None:
        return "no law has been fitted yet, so nothing is claimed."
    reference = findings.fits["reference"]
    flops = {
        name: [run["flops"][measure] for run in findings.grid if run["family"] == name]
        for name in findings.families
    }
    own = flops.pop(reference, [])
    others = [x for each in flops.values() if len(each) >= MIN_POINTS_FOR_INTERVAL for x in each]
    if len(own) < MIN_POINTS_FOR_INTERVAL or not others:
        needed = f"{reference} and another family need {MIN_POINTS_FOR_INTERVAL} runs each"
        return f"{needed}; nothing is claimed."
    if min(own) < max(others) and min(others) < max(own):
        return "a law takes two budgets, so nothing is claimed."
    return (
        f"there is nothing to compare at equal FLOPs: {reference} has {number(min(own))} to "
        f"{number(max(own))}, the others have {number(min(others))} to {number(max(others))}."
    )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _verdict(family: str, gap: dict[str, Any]) -> str:
    ends = (sign(gap, 0), sign(gap, -1))
    words = {1: "ahead of", -1: "behind", 0: "not to be told from"}
    low, high = _at_ends(gap)
    if ends[0] == ends[1]:
        return (
            f"entropy patches are {words[ends[0]]} {family}: {low} bits per byte at the low end, "
            f"{high} at the high end"
        )
    first, last = words[ends[0]], words[ends[1]]
    return (
        f"entropy patches are {first} {family} at the low end, {low} bits per byte, and {last} it "
        f"at the high end, {high}"
    )


def _movement(family: str, gap: dict[str, Any]) -> str:
    low, high = _at_ends(gap)
    factor = gap["flops"][-1] / gap["flops"][0]
    return (
        f"Against {family} the gap goes from {low} to {high} bits per byte over a factor of "
        f"{factor:.3g} in training FLOPs: it {_direction(gap)}."
    )


def _direction(gap: dict[str, Any]) -> str:
    """Say how the gap changes, if the bands at both ends do not overlap."""
    if gap["low"][-1] > gap["high"][0]:
        return "moves in favour of entropy patches"
    if gap["high"][-1] < gap["low"][0]:
        return "moves against entropy patches"
    return "cannot be told to move, for the bands overlap"


def sign(gap: dict[str, Any], at: int) -> int:
    """Return whether the band of a gap excludes zero at the index ``at`` of its FLOPs.

    The result is 1 if the whole band is above 0 (entropy patches are ahead), -1 if it is below 0,
    otherwise 0.
    """
    if gap["low"][at] > 0:
        return 1
    return -1 if gap["high"][at] < 0 else 0


def _word(gap: dict[str, Any]) -> str:
    signs = {sign(gap, 0), sign(gap, -1)}
    words = {1: "entropy patches ahead", -1: "entropy patches behind", 0: "not told apart"}
    return words[signs.pop()] if len(signs) == 1 else "differs along the range"


def _at_ends(gap: dict[str, Any]) -> list[str]:
    return [f"{gap['bits_per_byte'][at]:+.3f} {_band(gap, at)}" for at in (0, -1)]


def _band(gap: dict[str, Any], at: int) -> str:
    return f"[{gap['low'][at]:+.3f}, {gap['high'][at]:+.3f}]"


def _range(gap: dict[str, Any]) -> str:
    return f"{number(gap['flops'][0])} to {number(gap['flops'][-1])}"


def number(value: float) -> str:
    """Format FLOPs for readers: 2.2e12, 340k, 1.5M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if size <= value < 1e9:
            return f"{value / size:.3g}{unit}"
    power = math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:.3g}" if power < 9 else f"{value / 10**power:.2g}e{power}"
