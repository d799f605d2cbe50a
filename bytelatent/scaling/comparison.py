"""Comparison of a study with the BLT paper: results, scale, entropy model and text."""

from typing import Any

from bytelatent.architecture import published
from bytelatent.architecture.flops_per_byte import flops_per_byte
from bytelatent.scaling.answers import Section, number, sign
from bytelatent.scaling.study_results import Findings

PEERS = {
    "blt-entropy": "BLT-Entropy, patches of 4",
    "bpe": "Llama 3 (BPE)",
    "blt-space": "BLT-Space, no cross-attention",
    "blt-static": "MegaByte++, patches of 4",
}
"""Curves of the paper's figure 6 by the most similar family of the study."""

WHY = (
    "What may be behind that, none of it changed by itself here: small models spend a larger part "
    "of their FLOPs in the layers over bytes, which patches do not spare; and a vocabulary stores "
    "pieces of words that a small byte-level model has not learnt to spell after so few bytes."
)

PAPER_FILE = "paper.json"
"""Name of the file with the figures of the paper, beside the folder of records."""

Paper = dict[str, Any]
"""Content of ``paper.json``; empty if the file is missing."""


def beside_the_paper(findings: Findings, paper: Paper) -> Section:
    """Compare the results, the models and the text of the study with those of the paper."""
    text = [*_finding(paper), *_order(findings, paper)]
    text += [*_scale(findings, paper), *_cutter(findings), *_text(findings, paper)]
    return Section("paper", "Beside the paper", text)


def _order(findings: Findings, paper: Paper) -> list[str]:
    """Compare which families are ahead in the paper and in the study, and explain differences."""
    gaps = findings.gaps("training")
    if "scaling" not in paper or not gaps:
        return []
    series = {name: paper["scaling"]["series"][peer][-1] for name, peer in PEERS.items()}
    own = series.pop("blt-entropy")
    verdicts: dict[str, list[str]] = {"as there": [], "other than there": [], "not told here": []}
    for name, bits in series.items():
        if name in gaps:
            here, there = sign(gaps[name], -1), 1 if bits > own else -1
            words = "not told here" if here == 0 else "as there"
            verdicts["other than there" if here == -there else words].append(name)
    levels = ", ".join(f"{PEERS[name]} {bits:.3f}" for name, bits in series.items())
    said = "; ".join(f"{words}: {', '.join(names)}" for words, names in verdicts.items() if names)
    text = [
        f"At the largest budget of {paper['scaling']['source']} the paper's BLT-Entropy with "
        f"patches of 4 has {own:.3f} bits per byte (read off the figure, as are the others: "
        f"{levels}). Whether entropy patches are ahead or behind at the largest budget here is, "
        f"family by family, {said}."
    ]
    if verdicts["other than there"]:
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


def _scale(findings: Findings, paper: Paper) -> list[str]:
    if "scaling" not in paper:
        return []
    low, high = (pick(paper["scaling"]["flops"]) for pick in (min, max))
    ours = findings.budgets
    return [
        f"Its curves ({paper['scaling']['source']}) are of {number(low)} to {number(high)} "
        f"training FLOPs; here they are of {number(ours[0])} to {number(ours[-1])}: the smallest "
        f"run there took {low / ours[-1]:,.0f} times the FLOPs of the largest here. Bits per byte "
        "of the two cannot be compared, for the texts differ."
    ]


def _cutter(findings: Findings) -> list[str]:
    """Compare the cost of the entropy model in the study with that in the published 8B model."""
    ratios = [
        (run["flops"]["budget"], run["flops"]["forward_per_byte_with_entropy_model"]
         / run["flops"]["forward_per_byte"])
        for run in findings.grid
        if run["flops"]["forward_per_byte_with_entropy_model"] > run["flops"]["forward_per_byte"]
    ]  # fmt: skip
    if not ratios:
        return []
    (_, first), (_, last) = min(ratios), max(ratios)
    big = flops_per_byte(
        published.BLT_8B,
        patch_size=published.PATCH_SIZE,
        context=published.CONTEXT,
        entropy_model=published.ENTROPY_MODEL,
    )
    assert big.entropy_model is not None
    share = 1 + big.entropy_model / big.blt
    return [
        f"The entropy model makes a byte cost {first:.3g} times as many forward FLOPs at the "
        f"smallest budget and {last:.3g} times at the largest; with the published shapes of the 8B "
        f"model it is {share:.2f} times. The paper does not count it."
    ]


def _text(findings: Findings, paper: Paper) -> list[str]:
    units = {run["unit"]: run["bytes_per_unit"] for run in findings.grid}
    if "token" not in units or "fixed_inference" not in paper:
        return []
    table = paper["fixed_inference"]
    token_sizes = ", ".join(f"{name} {size}" for name, size in table["bytes_per_token"].items())
    return [
        f"BPE tokens have {units['token']:.2f} bytes in the training text here; the paper gives "
        f"{token_sizes} bytes per token ({table['source']})."
    ]
