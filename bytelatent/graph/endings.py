"""Where sentences end, as the byte model sees it, without rules about words.

The model says two things about a place between a sign and a blank. Paragraphs and documents end
only where sentences end, so the probability of a line break or of the end in place of the blank
tells whether a sentence may be over. After the blank, capitals and quotation marks compete with
small letters. Their product, as odds, is

    odds = P(break | sign) * P(capital or opening sign | blank) / P(small letter | blank)

After "Mr." a capital is likely, a break is not; after "Oh!" the opposite. What in fact follows is
not looked at. Made for languages that write capitals; a Latin alphabet is assumed.

Legend: ``C`` characters of a text, ``V`` vocabulary.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bytelatent.files import os_errors_as_value_error
from bytelatent.runtime.entropy_runtime import ByteAnalysis
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes
from bytelatent.tokenizers.constants import EOS_ID, OFFSET, VOCAB_SIZE

SAMPLE = Path(__file__).parent / "samples" / "sentences.txt"
THRESHOLD = 0.073
"""Log odds above which a sentence ends; :mod:`bytelatent.graph.sentences` measures it."""
MOST_CHARACTERS = 8192
"""Characters that are measured in one piece: all 260 probabilities of each are held at once."""

_SIGNS = re.compile(r"[.!?…]+[\"'”’)\]]*(?= \S)")
_BLANKS = re.compile(r"(?<=\S)(?= \S)")
_BREAKS = [ord("\n") + OFFSET, EOS_ID]
_STARTS = [byte + OFFSET for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\"'(["]
_SMALL = [byte + OFFSET for byte in b"abcdefghijklmnopqrstuvwxyz"]
_LEAST = 1e-9
_PARTS = ("tuning", "report")


class ByteModel(Protocol):
    """What is needed of :class:`bytelatent.runtime.entropy_runtime.EntropyRuntime`."""

    name: str

    def analyse(self, data: bytes, *, top_k: int = 0) -> ByteAnalysis:
        """Entropies, and the ``top_k`` likeliest next tokens."""
        ...


@dataclass(frozen=True)
class Document:
    """A text with known sentences.

    Attributes:
        part: ``tuning`` or ``report``.
        name: of its source.
        text: sentences divided by a blank, paragraphs by an empty line.
        ends: places of the blanks that divide sentences.
    """

    part: str
    name: str
    text: str
    ends: frozenset[int]


@dataclass(frozen=True)
class Signals:
    """What the model says at each of some places; all of one length.

    Attributes:
        log_odds: natural logarithm of the odds that a sentence ends.
        entropy_at: nats, before the blank is read.
        entropy_after: nats, after the blank.
    """

    log_odds: NDArray[np.float64]
    entropy_at: NDArray[np.float64]
    entropy_after: NDArray[np.float64]


def read_documents(path: Path = SAMPLE) -> list[Document]:
    """The documents of a file with a sentence a line, as ``samples/README.md`` describes it.

    Raises:
        ValueError: the file is missing or written differently.
    """
    with os_errors_as_value_error(path, "read"):
        content = path.read_text(encoding="utf-8")
    before, *blocks = re.split(r"^# ", content, flags=re.MULTILINE)
    documents = []
    for block in blocks:
        head, _, body = block.partition("\n")
        part, _, name = head.partition(": ")
        if part not in _PARTS or not name or not body.strip():
            raise ValueError(f"{path}: '# {head}' is followed by no text, or not '# PART: NAME'")
        documents.append(_document(part, name, body))
    if before.strip() or {one.part for one in documents} != set(_PARTS):
        raise ValueError(f"{path}: documents of the parts {' and '.join(_PARTS)} are needed")
    return documents


def _document(part: str, name: str, body: str) -> Document:
    text, ends = "", set()
    for paragraph in body.strip().split("\n\n"):
        text += "\n\n" if text else ""
        for number, sentence in enumerate(paragraph.split("\n")):
            if number:
                ends.add(len(text))
                text += " "
            text += sentence
    return Document(part, name, text, frozenset(ends))


def after_signs(text: str) -> list[int]:
    """Places of the blanks that follow a full stop, question or exclamation mark."""
    return [match.end() for match in _SIGNS.finditer(text)]


def at_blanks(text: str) -> list[int]:
    """Places of all single blanks between words."""
    return [match.start() for match in _BLANKS.finditer(text)]


def signals(text: str, places: list[int], model: ByteModel) -> Signals:
    """What the model says at ``places``, each that of a blank in ``text``.

    Raises:
        ValueError: ``text`` holds a lone surrogate.
    """
    rows: list[tuple[float, float, float]] = []
    waiting = iter([*places, len(text)])
    place = next(waiting)
    for start, end in _windows(text):
        here = []
        while place < end:
            here.append(place - start)
            place = next(waiting)
        if here:
            rows += _measured(text[start:end], here, model)
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Signals(*columns)


def sentences(
    text: str,
    model: ByteModel,
    *,
    threshold: float = THRESHOLD,
    places: Callable[[str], list[int]] = after_signs,
) -> list[tuple[int, int]]:
    """First and last character (exclusive) of every sentence of ``text``; blanks lie between them.

    Args:
        text: with paragraphs divided by line ends, as :func:`bytelatent.graph.cleaning.clean`
            leaves them.
        model: the byte model.
        threshold: log odds; a higher one gives fewer sentences.
        places: where sentences may end; line ends always do.
    """
    found = places(text)
    odds = signals(text, found, model).log_odds
    ends = {place for place, value in zip(found, odds, strict=True) if value >= threshold}
    cuts = sorted(ends | {match.start() for match in re.finditer(r"\n+", text)} | {len(text)})
    return list(_spans(text, cuts))


def _spans(text: str, cuts: Iterable[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in cuts:
        piece = text[start:cut]
        first = start + len(piece) - len(piece.lstrip())
        last = first + len(piece.strip())
        if last > first:
            yield first, last
        start = cut


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Pieces to measure, cut behind a blank where there is one."""
    start = 0
    while len(text) - start > MOST_CHARACTERS:
        limit = start + MOST_CHARACTERS
        half = start + MOST_CHARACTERS // 2
        end = text.rfind(" ", half, limit) + 1 or limit
        yield start, end
        start = end
    yield start, len(text)


def _measured(
    text: str, places: list[int], model: ByteModel
) -> Iterator[tuple[float, float, float]]:
    data = utf8_bytes(text)
    found = model.analyse(data, top_k=VOCAB_SIZE)
    before = np.cumsum([0, *(len(character.encode()) for character in text)])

    def chance(row: int, tokens: list[int]) -> float:
        chosen = np.isin(found.top_ids[row], tokens)
        return max(float(found.top_probabilities[row][chosen].sum()), _LEAST)

    for place in places:
        at = int(before[place])  # row ``at`` predicts the blank, the next one what follows it
        odds = chance(at, _BREAKS) * chance(at + 1, _STARTS) / chance(at + 1, _SMALL)
        yield float(np.log(odds)), float(found.entropies[at]), float(found.entropies[at + 1])
