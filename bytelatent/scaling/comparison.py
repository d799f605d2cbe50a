"""Where a study differs from the paper's, in figures, and what that may do."""

from typing import Any

from bytelatent.architecture import published
from bytelatent.architecture.flops_per_byte import flops_per_byte
from bytelatent.scaling.answers import Section, number, sign
from bytelatent.scaling.study_results import Findings

CONTEXT = 8192
"""Bytes for which the published model's cost is counted, as in the paper."""

PEERS = {
    "blt-entropy": "BLT-Entropy, patches of 4",
    "bpe": "Llama 3 (BPE)",
    "blt-space": "BLT-Space, no cross-attention",
    "blt-static": "MegaByte++, patches of 4",
}
"""Curves of the paper's figure 6 that are nearest to families of ours."""

WHY = (
    "What may be behind that, none of it changed by itself here: small models spend a larger part "
    "of their FLOPs in the layers over bytes, which patches do not spare; and a vocabulary stores "
    "pieces of words that a small byte-level model has not learnt to spell after so few bytes."
)

Paper = dict[str, Any]
"""``paper.json``; empty where it is missing."""


def beside_the_paper(found: Findings, paper: Paper) -> Section:
    """What the paper finds, and how far from its models those of the study are."""
    text = [*_finding(paper), *_order(found, paper)]
    text += [*_scale(found, paper), *_cutter(found), *_text(found, paper)]
    return Section("paper", "Beside the paper", text)


def _order(found: Findings, paper: Paper) -> list[str]:
    """Who is ahead of whom, there and here, and what may be behind a difference."""
    gaps = found.gaps("training")
    if "scaling" not in paper or not gaps:
        return []
    series = {name: paper["scaling"]["series"][peer][-1] for name, peer in PEERS.items()}
    own = series.pop("blt-entropy")
    told: dict[str, list[str]] = {"as there": [], "other than there": [], "not told here": []}
    for name, bits in series.items():
        if name in gaps:
            here, there = sign(gaps[name], -1), 1 if bits > own else -1
            words = "not told here" if here == 0 else "as there"
            told["other than there" if here == -there else words].append(name)
    levels = ", ".join(f"{PEERS[name]} {bits:.3f}" for name, bits in series.items())
    said = "; ".join(f"{words}: {', '.join(names)}" for words, names in told.items() if names)
    text = [
        f"At the largest budget of {paper['scaling']['source']} the paper's BLT-Entropy with "
        f"patches of 4 has {own:.3f} bits per byte (read off the figure, as are the others: "
        f"{levels}). Whether entropy patches are ahead or behind at the largest budget here is, "
        f"family by family, {said}."
    ]
    if told["other than there"]:
        text.append(WHY)
    return text


def _finding(paper: Paper) -> list[str]:
    if "tasks" not in paper:
        return []
    table = paper["tasks"]
    scores = ", ".join(f"{name} {score:g}" for name, score in table["rows"].items())
    return [
        f"With 8B models at equal training FLOPs the paper has these mean scores over seven tasks "
        f"({table['source']} of {table['paper']}; percent): {scores}."
    ]


def _scale(found: Findings, paper: Paper) -> list[str]:
    if "scaling" not in paper:
        return []
    low, high = (pick(paper["scaling"]["flops"]) for pick in (min, max))
    ours = found.budgets
    return [
        f"Its curves ({paper['scaling']['source']}) are of {number(low)} to {number(high)} "
        f"training FLOPs; here they are of {number(ours[0])} to {number(ours[-1])}: the smallest "
        f"run there took {low / ours[-1]:,.0f} times the FLOPs of the largest here. Bits per byte "
        "of the two cannot be compared, for the texts differ."
    ]


def _cutter(found: Findings) -> list[str]:
    """What the entropy model adds, here and in the published 8B model."""
    ratios = [
        (run["flops"]["budget"], run["flops"]["forward_per_byte_with_entropy_model"]
         / run["flops"]["forward_per_byte"])
        for run in found.grid
        if run["flops"]["forward_per_byte_with_entropy_model"] > run["flops"]["forward_per_byte"]
    ]  # fmt: skip
    if not ratios:
        return []
    (_, first), (_, last) = min(ratios), max(ratios)
    big = flops_per_byte(
        published.BLT_8B,
        patch_size=published.PATCH_SIZE,
        context=CONTEXT,
        entropy_model=published.ENTROPY_MODEL,
    )
    assert big.entropy_model is not None
    share = 1 + big.entropy_model / big.blt
    return [
        f"The entropy model makes a byte cost {first:.3g} times as many forward FLOPs at the "
        f"smallest budget and {last:.3g} times at the largest; with the published shapes of the 8B "
        f"model it is {share:.2f} times. The paper does not count it."
    ]


def _text(found: Findings, paper: Paper) -> list[str]:
    units = {run["unit"]: run["bytes_per_unit"] for run in found.grid}
    if "token" not in units or "fixed_inference" not in paper:
        return []
    table = paper["fixed_inference"]
    theirs = ", ".join(f"{name} {size}" for name, size in table["bytes_per_token"].items())
    return [
        f"BPE tokens have {units['token']:.2f} bytes in the training text here; the paper gives "
        f"{theirs} bytes per token ({table['source']})."
    ]
