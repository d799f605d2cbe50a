"""Tables of a model card, made from ``evaluation.json``; missing values are left out."""

from collections.abc import Mapping
from typing import Any

from bytelatent.evaluation.compressors import COUNTING
from bytelatent.evaluation.repetition import LEAST_WORDS, MOST_REPEATED

EXAMPLES = 3
"""Number of prompts that are shown with their continuations."""

MARKS = "&<>\\`*_[]|~"

Numbers = Mapping[str, Any]


def table(title: str, evaluation: Numbers, part: str) -> str:
    """Format one part of an evaluation as a table of a model card; its last row is the sum.

    Args:
        title: heading of the first column.
        evaluation: content of ``evaluation.json``.
        part: ``kinds``, ``languages`` or ``sources``; or ``outside``, which has no sum.
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
    rows += [_row(name, scores, entropy, names) for name, scores in groups.items()]
    return "\n".join(_line(row) for row in rows)


def _line(cells: list[str]) -> str:
    if set(cells) == {"---"}:
        return f"|{'|'.join(cells)}|"
    return f"| {' | '.join(cells)} |"


def _row(name: str, scores: Numbers, entropy: bool, compressors: list[str]) -> list[str]:
    cells = [name, f"{scores['bytes']:,}", f"{scores['bits_per_byte']:.3f}"]
    if entropy:
        cells.append(f"{scores['entropy_model_bits_per_byte']:.3f}")
    cells.append(f"{scores['bytes_per_patch']:.2f}" if "bytes_per_patch" in scores else "-")
    rates = scores.get("compressors", {})
    return cells + [f"{rates[word]:.3f}" if word in rates else "-" for word in compressors]


def outside(evaluation: Numbers) -> str:
    """Format the section of a model card on text from outside the mix; empty without any."""
    if not evaluation.get("outside"):
        return ""
    text = "Texts from outside the mix, kinds of text that no training document is of; no sum above"
    return f"{text} holds them:\n\n{table('text', evaluation, 'outside')}\n\n"


def compressors(evaluation: Numbers) -> str:
    """Explain the columns of compressors in a model card; empty if none were measured."""
    if not evaluation["total"].get("compressors"):
        return ""
    text = f"Compressors of files stand beside the model: {COUNTING} A compressor learns from the "
    text += "file as it goes: it finds a long repeat however far back it is, and counts what this "
    text += "very file is made of, which fixed weights and a window of some hundred bytes cannot. "
    text += "The model knows the language before the first byte, which a compressor has to find "
    return text + "out anew in every file: the shorter the text, the more that is worth.\n\n"


def text(evaluation: Numbers) -> str:
    """Format the section of a model card on text quality; empty if it was not measured."""
    quality = evaluation.get("text")
    if not quality:
        return ""
    greedy, sampled, prose = quality["greedy"], quality["sampled"], quality["prose"]
    words = f"Of {quality['prompts']} beginnings of English prose, each continued by at most "
    words += f"{quality['bytes']} bytes. With the likeliest byte each time, "
    words += f"{greedy['repeated_mean']:.1%} of all runs of {quality['window']} bytes stand more "
    words += "than once in their text, "
    words += f"{greedy['repeated_worst']:.1%} in the worst one (wanted: at most "
    words += f"{MOST_REPEATED:.1%}; in real prose {prose['repeated_mean']:.1%})."
    share = sampled.get("share_of_words")
    if share is not None:
        words += f" Drawn at temperature {quality['temperature']}, {share:.1%} of "
        words += f"{sampled['words']:,} words are words by the list of {quality['word_list']} "
        words += f"(wanted: at least {LEAST_WORDS:.1%}; of real prose "
        words += f"{prose['share_of_words']:.1%})."
    rows = [["prompt", "the likeliest bytes", f"drawn at {quality['temperature']}"], ["---"] * 3]
    rows += [
        [_cell(example[key]) for key in ("prompt", "greedy", "sampled")]
        for example in quality["examples"][:EXAMPLES]
    ]
    return f"## Text\n\n{words}\n\n" + "\n".join(_line(row) for row in rows) + "\n\n"


def _cell(text: str) -> str:
    """Format a text as one table cell, with signs for line ends and without Markdown or HTML."""
    shown = text.replace("\n", " ↵ ").replace("\t", " ")
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in shown)
    return "".join(f"&#{ord(sign)};" if sign in MARKS else sign for sign in shown) or "(nothing)"
