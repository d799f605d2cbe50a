"""Tables of a card, from ``evaluation.json``; what an older one lacks is left out."""

from collections.abc import Mapping
from typing import Any

from bytelatent.evaluation.compressors import COUNTING
from bytelatent.evaluation.repetition import LEAST_WORDS, MOST_REPEATED

EXAMPLES = 3
"""Prompts that are shown with their texts."""

MARKS = "&<>\\`*_[]|~"

Numbers = Mapping[str, Any]


def table(title: str, evaluation: Numbers, part: str) -> str:
    """A table of one part of an evaluation, the sum of all last.

    Args:
        title: what the first column holds.
        evaluation: content of ``evaluation.json``.
        part: ``kinds``, ``languages`` or ``sources``; or ``outside``, which no sum holds.
    """
    total, groups = evaluation["total"], dict(evaluation[part])
    if part != "outside":
        groups["**all**"] = total
    measured = next(iter(groups.values()))
    entropy = "entropy_model_bits_per_byte" in measured
    names = list(measured.get("compressors", {}))
    heads = [title, "bytes", "bits per byte"]
    heads += [f"`{evaluation['entropy_model']}`"] if entropy else []
    heads += ["bytes per patch", *names]
    rows = [heads, ["---"] * len(heads)]
    rows += [_row(name, one, entropy, names) for name, one in groups.items()]
    return "\n".join(_line(row) for row in rows)


def _line(cells: list[str]) -> str:
    if set(cells) == {"---"}:
        return f"|{'|'.join(cells)}|"
    return f"| {' | '.join(cells)} |"


def _row(name: str, one: Numbers, entropy: bool, compressors: list[str]) -> list[str]:
    cells = [name, f"{one['bytes']:,}", f"{one['bits_per_byte']:.3f}"]
    if entropy:
        cells.append(f"{one['entropy_model_bits_per_byte']:.3f}")
    cells.append(f"{one['bytes_per_patch']:.2f}" if "bytes_per_patch" in one else "-")
    found = one.get("compressors", {})
    return cells + [f"{found[word]:.3f}" if word in found else "-" for word in compressors]


def outside(evaluation: Numbers) -> str:
    """Texts from outside the mix; empty where none were measured."""
    if not evaluation.get("outside"):
        return ""
    text = "Texts from outside the mix, kinds of text that no training document is of; no sum above"
    return f"{text} holds them:\n\n{table('text', evaluation, 'outside')}\n\n"


def compressors(evaluation: Numbers) -> str:
    """What stands in the columns of the compressors; empty where they were not measured."""
    if not evaluation["total"].get("compressors"):
        return ""
    text = f"Compressors of files stand beside the model: {COUNTING} A compressor learns from the "
    text += "file as it goes: it finds a long repeat however far back it is, and counts what this "
    text += "very file is made of, which fixed weights and a window of some hundred bytes cannot. "
    text += "The model knows the language before the first byte, which a compressor has to find "
    return text + "out anew in every file: the shorter the text, the more that is worth.\n\n"


def text(evaluation: Numbers) -> str:
    """The section on what the model writes; empty where that was not measured."""
    found = evaluation.get("text")
    if not found:
        return ""
    greedy, sampled, prose = found["greedy"], found["sampled"], found["prose"]
    words = f"Of {found['prompts']} beginnings of English prose, each continued by at most "
    words += f"{found['bytes']} bytes. With the likeliest byte each time, "
    words += f"{greedy['repeated_mean']:.1%} of all runs of {found['window']} bytes stand more "
    words += "than once in their text, "
    words += f"{greedy['repeated_worst']:.1%} in the worst one (wanted: at most "
    words += f"{MOST_REPEATED:.1%}; in real prose {prose['repeated_mean']:.1%})."
    share = sampled.get("share_of_words")
    if share is not None:
        words += f" Drawn at temperature {found['temperature']}, {share:.1%} of "
        words += f"{sampled['words']:,} words are words by the list of {found['word_list']} "
        words += f"(wanted: at least {LEAST_WORDS:.1%}; of real prose "
        words += f"{prose['share_of_words']:.1%})."
    rows = [["prompt", "the likeliest bytes", f"drawn at {found['temperature']}"], ["---"] * 3]
    rows += [
        [_cell(one[key]) for key in ("prompt", "greedy", "sampled")]
        for one in found["examples"][:EXAMPLES]
    ]
    return f"## Text\n\n{words}\n\n" + "\n".join(_line(row) for row in rows) + "\n\n"


def _cell(text: str) -> str:
    """A text in one cell: line ends as a sign, and none that Markdown or HTML would read."""
    shown = text.replace("\n", " ↵ ").replace("\t", " ")
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in shown)
    return "".join(f"&#{ord(sign)};" if sign in MARKS else sign for sign in shown) or "(nothing)"
