"""What a study says to its questions: who is ahead at equal FLOPs, and how that moves.

A family is called ahead where the whole band of the gap lies on one side of zero, and else nothing
is claimed.
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
"""Measures of a question, and what is counted in each."""


ALIKE = 0.15
"""Costs per byte that differ by no more than this share count as equal."""


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        id: a word for addresses.
        title: a few words.
        text: paragraphs.
        columns, rows: of a table, in words; none where there is no table.
    """

    id: str
    title: str
    text: list[str]
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def answers(found: Findings) -> list[Section]:
    """Entropy patches against each family at equal training FLOPs, and at equal inference FLOPs."""
    titles = {
        "training": "Do entropy patches beat BPE and space patches at equal training FLOPs?",
        "inference": "And at equal inference FLOPs?",
    }
    return [_answer(found, about, title) for about, title in titles.items()]


def moves(found: Findings) -> Section:
    """How the gaps at equal training FLOPs move with the budget."""
    gaps = found.gaps("training")
    title = "How does the gap move with the budget?"
    if not gaps:
        return Section("moves", title, [_sentence(_unknown(found, "training"))])
    text = []
    for family in (name for name in RIVALS if name in gaps):
        text.append(_movement(family, gaps[family]))
    rows = [[family, *_at_ends(gap), _direction(gap)] for family, gap in gaps.items()]
    columns = ["family", "gap at the smallest budget", "gap at the largest", "direction"]
    return Section("moves", title, text, columns, rows)


def _answer(found: Findings, about: str, title: str) -> Section:
    text, rows = [], []
    if about == "training":
        text.append(_at_each_budget(found))
    for measure, counted in SETS[about]:
        gaps = found.gaps(measure)
        law = found.law(measure)
        if not gaps:
            text.append(f"With {counted}: {_unknown(found, measure)}")
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
        text.append(_alike(found))
    columns = ["family", "entropy model counted", "FLOPs", *GAP_COLUMNS, "verdict"]
    return Section(about, title, [one for one in text if one], columns if rows else [], rows)


def _alike(found: Findings) -> str:
    """Whether this question differs from that of equal training, in a grid of matched models."""
    spreads = []
    for budget in found.budgets:
        costs = [
            run["flops"]["forward_per_byte"]
            for run in found.grid
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


def _at_each_budget(found: Findings) -> str:
    """The plain measures, before any law."""
    reference = found.fits.get("reference", "blt-entropy")
    parts = []
    for budget in found.budgets:
        own = found.runs(reference, budget)
        here = mean([bits(run) for run in own]).value if own else 0.0
        words = []
        for name in RIVALS:
            theirs = [bits(run) for run in found.runs(name, budget)]
            if own and theirs:
                words.append(f"{mean(theirs).value - here:+.3f} {name}")
        if words:
            parts.append(f"{number(budget)} FLOPs: {', '.join(words)}")
    if not parts:
        return f"No budget has runs of {reference} and of a family to compare it with."
    return (
        f"Measured bits per byte above those of {reference}, the entropy model not counted "
        f"(below zero, {reference} is behind): {'; '.join(parts)}."
    )


def _unknown(found: Findings, measure: str) -> str:
    """Why there is no gap by this measure."""
    if found.law(measure) is None:
        return "no law has been fitted yet, so nothing is claimed."
    reference = found.fits["reference"]
    flops = {
        name: [one["flops"][measure] for one in found.grid if one["family"] == name]
        for name in found.families
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
    """Which way the gap goes, if the bands at both ends do not overlap."""
    if gap["low"][-1] > gap["high"][0]:
        return "moves in favour of entropy patches"
    if gap["high"][-1] < gap["low"][0]:
        return "moves against entropy patches"
    return "cannot be told to move, for the bands overlap"


def sign(gap: dict[str, Any], at: int) -> int:
    """1 where entropy patches are ahead with the whole band, -1 where they are behind, else 0."""
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
    """FLOPs in print: 2.2e12, 340k, 1.5M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if size <= value < 1e9:
            return f"{value / size:.3g}{unit}"
    power = math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:.3g}" if power < 9 else f"{value / 10**power:.2g}e{power}"
