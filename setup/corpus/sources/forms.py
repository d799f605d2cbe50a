"""Prose of the corpus in other forms: wrapped lines, CRLF, quotes, pages, letter case.

Every document is a run of paragraphs of a document that was built before, and is in its split. It
is written unchanged, without the cleaning that would undo the form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from ..document import Document, Exact
from ..markup import Markdown, Page
from ..parents import Parents
from ..shaping import (
    curly,
    draw_wrapping,
    paragraphs_of,
    pieces_of,
    recase,
    sentences_of,
    straight,
    wrap,
)
from ..shards import SPLITS
from .registry import REGISTRY

ENGLISH = ("wikipedia", "recipes", "sotu", "austen", "web-bible")
OTHERS = ("wikipedia-fr", "wikipedia-es", "bible-de", "bible-it", "bible-ru", "cataclysm-pl")
OTHER_SHARE = 0.15  # how much of the other languages goes in, for each document of the English
MIN_PIECE, MAX_PIECE = 600, 7000  # characters

Form = Callable[[list[str], Random], str]


def forms(parents: Parents, *, name: str, share: float, form: Form) -> Iterator[Document]:
    """Yield a share of the pieces of the parents' documents, each in its own form variant."""
    for split in SPLITS:
        for record in parents.records(split):
            part = share if record["source"] in ENGLISH else share * OTHER_SHARE
            part = part if split == "train" else min(1.0, 2 * part)
            rng = Random(f"{name}/{record['source']}/{record['id']}")
            pieces = pieces_of(paragraphs_of(record["text"]), rng.randint(MIN_PIECE, MAX_PIECE))
            for number, piece in enumerate(pieces):
                if rng.random() < part:
                    own = f"{name}/{record['source']}/{record['id']}/{number}"
                    text = form(piece, Random(own))
                    yield Document(own, [Exact(text)], lang=record["lang"], split=split)


def quotes_at_random(text: str, rng: Random) -> str:
    """Return the text with straight or typographic quotes, or unchanged."""
    return rng.choice((straight, curly, str, str))(text)


def wrapped(piece: list[str], rng: Random) -> str:
    """Return the paragraphs in lines of one width, as in e-mails and plain text books."""
    piece = [quotes_at_random(paragraph, rng) for paragraph in piece]
    return wrap(piece, draw_wrapping(rng), rng) + rng.choice(("", "\n"))


def crlf(piece: list[str], rng: Random) -> str:
    """Return the paragraphs with CRLF line ends, wrapped or not, with or without empty lines."""
    if rng.random() < 0.6:
        text = wrapped(piece, rng)
    else:
        text = rng.choice(("\n", "\n\n")).join(piece) + rng.choice(("", "\n"))
    return text.replace("\n", "\r\n")


def quotes(piece: list[str], rng: Random) -> str:
    """Return the paragraphs with quotes, apostrophes, dashes and dots in one typing convention."""
    text = rng.choice(("\n", "\n\n")).join(piece)
    dash = rng.choice(("--", " -- ", "—", " — ", " – ", "---", " - "))
    text = straight(text).replace(" -- ", "—").replace("--", "—").replace(" — ", "—")
    text = text.replace("—", dash)
    text = text.replace("...", "…") if rng.random() < 0.5 else text.replace("…", "...")
    pairs = rng.choice(("", "“”‘’", "“”‘’", "«»‹›", "„“‚‘", "‘’“”"))
    if not pairs:
        return text.replace('"', "'") if rng.random() < 0.15 else text
    text = curly(text, pairs)
    # An apostrophe is no closing quote where quotes are not of the English kind.
    return text if pairs[3] == "’" else text.replace(pairs[3], "’")


def spacing(piece: list[str], rng: Random) -> str:
    """Return the paragraphs with unusual spacing.

    The variants are tabs, trailing blanks, two blanks between sentences, one sentence per line, or
    no line ends.
    """
    lines = list(piece)
    style = rng.choice(("double", "double", "sentence", "joined", "tabs", "open", "plain"))
    if style in ("double", "sentence"):
        between = "  " if style == "double" else "\n"
        lines = [between.join(sentences_of(line)) for line in lines]
    if style == "joined":
        lines = [" ".join(lines)]
    if style == "tabs":
        lines = ["\t" * rng.choice((1, 1, 2)) + line for line in lines]
    gap = "\n\n\n" if style == "open" else rng.choice(("\n", "\n\n"))
    text = gap.join(lines)
    if rng.random() < 0.4 or style == "plain":
        chance = rng.uniform(0.2, 1.0)
        ends = (" " * rng.randint(1, 3) if rng.random() < chance else "" for _ in iter(int, 1))
        text = "\n".join(line + end for line, end in zip(text.split("\n"), ends, strict=False))
    return rng.choice(("", "", "\n", "  ")) + text + rng.choice(("", "\n", "\n\n"))


def markdown(piece: list[str], rng: Random) -> str:
    """Return the paragraphs as a page in Markdown."""
    return Markdown(rng).page(piece)


def html_page(piece: list[str], rng: Random) -> str:
    """Return the paragraphs as a page in HTML, or as a fragment of a page."""
    return Page(rng, " ".join(piece)[:2000]).page(piece)


def letter_case(piece: list[str], rng: Random) -> str:
    """Return the paragraphs in UPPER, lower or Title Case, without punctuation, or on one line."""
    return recase(piece, rng.choice(("upper", "upper", "lower", "bare", "bare", "stream", "title")))


FORMS: dict[str, tuple[float, Form]] = {  # name -> share of the parents' text, the form
    "forms-wrapped": (0.28, wrapped),
    "forms-crlf": (0.17, crlf),
    "forms-quotes": (0.16, quotes),
    "forms-markdown": (0.13, markdown),
    "forms-html": (0.13, html_page),
    "forms-upper": (0.11, letter_case),
    "forms-spacing": (0.14, spacing),
}

for _name, (_share, _form) in FORMS.items():
    REGISTRY.source(
        _name,
        licence="public domain AND CC-BY-SA-4.0 AND CC-BY-SA-3.0",
        note=f"Other forms of texts of the sources {', '.join(ENGLISH + OTHERS)}, by the authors "
        "named there.",
        lang="mul",
        kind="form",
        parents=ENGLISH + OTHERS,
        parameters={"share": _share, "share of other languages": round(_share * OTHER_SHARE, 4)},
    )(partial(forms, name=_name, share=_share, form=_form))
