"""Sentence boundaries from the byte model's probabilities, without rules about words.

The model gives two kinds of evidence at a position between a punctuation mark and a blank.
Paragraphs and documents end only where sentences end, so the probability of a line break or of the
end of the document in place of the blank says whether a sentence may be over. After the blank,
capitals and opening quotation marks compete with lower-case letters. The product of both, as odds,
is

    odds = P(break | sign) * P(capital or opening sign | blank) / P(small letter | blank)

After "Mr." a capital is likely and a break is not; after "Oh!" it is the other way round. The text
that follows is not used. The method assumes a Latin alphabet with capital letters.

Legend: ``C`` characters of a text, ``V`` vocabulary.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytelatent.files import os_errors_as_value_error
from bytelatent.runtime.entropy_runtime import ByteAnalyser
from bytelatent.tokenizers.blt_tokenizer import utf8_bytes
from bytelatent.tokenizers.constants import EOS_ID, OFFSET, VOCAB_SIZE

SAMPLE = Path(__file__).parent / "samples" / "sentences.txt"
THRESHOLD = 0.544
"""Log odds above which a sentence ends, measured by :mod:`bytelatent.graph.sentences`."""
MOST_CHARACTERS = 8192
"""Maximum number of characters per model call; all 260 probabilities of each are in memory."""

_SIGNS = re.compile(r"[.!?…]+[\"'”’)\]]*(?= \S)")
_BLANKS = re.compile(r"(?<=\S)(?= \S)")
_BREAKS = [ord("\n") + OFFSET, EOS_ID]
_STARTS = [byte + OFFSET for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\"'(["]
_SMALL = [byte + OFFSET for byte in b"abcdefghijklmnopqrstuvwxyz"]
_LEAST = 1e-9
_PARTS = ("tuning", "report")


@dataclass(frozen=True)
class AnnotatedText:
    """A text whose sentence boundaries are known.

    Attributes:
        part: ``tuning`` or ``report``.
        name: name of the source.
        text: sentences separated by a blank, paragraphs separated by an empty line.
        ends: positions of the blanks that separate sentences.
    """

    part: str
    name: str
    text: str
    ends: frozenset[int]


@dataclass(frozen=True)
class Signals:
    """Signals of the byte model at a list of positions; the arrays have one length.

    Attributes:
        log_odds: natural logarithm of the odds that a sentence ends.
        entropy_at: entropy in nats of the prediction of the blank.
        entropy_after: entropy in nats of the prediction after the blank.
    """

    log_odds: NDArray[np.float64]
    entropy_at: NDArray[np.float64]
    entropy_after: NDArray[np.float64]


def read_documents(path: Path = SAMPLE) -> list[AnnotatedText]:
    """Read documents from a file with one sentence per line (format: ``samples/README.md``).

    Raises:
        ValueError: the file is missing or its format is another one.
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
    if before.strip() or {document.part for document in documents} != set(_PARTS):
        raise ValueError(f"{path}: documents of the parts {' and '.join(_PARTS)} are needed")
    return documents


def _document(part: str, name: str, body: str) -> AnnotatedText:
    text, ends = "", set()
    for paragraph in body.strip().split("\n\n"):
        text += "\n\n" if text else ""
        for number, sentence in enumerate(paragraph.split("\n")):
            if number:
                ends.add(len(text))
                text += " "
            text += sentence
    return AnnotatedText(part, name, text, frozenset(ends))


def after_signs(text: str) -> list[int]:
    """Return the positions of blanks after a full stop, question mark or exclamation mark."""
    return [match.end() for match in _SIGNS.finditer(text)]


def at_blanks(text: str) -> list[int]:
    """Return the positions of all single blanks between words."""
    return [match.start() for match in _BLANKS.finditer(text)]


def signals(text: str, positions: list[int], model: ByteAnalyser) -> Signals:
    """Return the byte model's signals at ``positions``, each the position of a blank in ``text``.

    Raises:
        ValueError: ``text`` holds a lone surrogate.
    """
    rows: list[tuple[float, float, float]] = []
    waiting = iter([*positions, len(text)])
    position = next(waiting)
    for start, end in _windows(text):
        here = []
        while position < end:
            here.append(position - start)
            position = next(waiting)
        if here:
            rows += _measured(text[start:end], here, model)
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Signals(*columns)


def sentences(
    text: str,
    model: ByteAnalyser,
    *,
    threshold: float = THRESHOLD,
    candidates: Callable[[str], list[int]] = after_signs,
) -> list[tuple[int, int]]:
    """Return the span of every sentence of ``text``; the blanks between sentences are left out.

    A span is the first and the last character (exclusive).

    Args:
        text: paragraphs separated by line ends, as :func:`bytelatent.graph.cleaning.clean` leaves
            them.
        model: the byte model.
        threshold: log odds; a higher threshold gives fewer sentences.
        candidates: function that returns the positions at which a sentence may end; every line end
            also ends a sentence.
    """
    positions = candidates(text)
    odds = signals(text, positions, model).log_odds
    ends = {place for place, value in zip(positions, odds, strict=True) if value >= threshold}
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
    """Return the windows of a text to measure, cut after a blank where there is one."""
    start = 0
    while len(text) - start > MOST_CHARACTERS:
        limit = start + MOST_CHARACTERS
        half = start + MOST_CHARACTERS // 2
        end = text.rfind(" ", half, limit) + 1 or limit
        yield start, end
        start = end
    yield start, len(text)


def _measured(
    text: str, positions: list[int], model: ByteAnalyser
) -> Iterator[tuple[float, float, float]]:
    data = utf8_bytes(text)
    analysis = model.analyse(data, top_k=VOCAB_SIZE)
    before = np.cumsum([0, *(len(character.encode()) for character in text)])

    def chance(row: int, tokens: list[int]) -> float:
        chosen = np.isin(analysis.top_ids[row], tokens)
        return max(float(analysis.top_probabilities[row][chosen].sum()), _LEAST)

    for position in positions:
        at = int(before[position])  # row ``at`` predicts the blank, the next one what follows it
        odds = chance(at, _BREAKS) * chance(at + 1, _STARTS) / chance(at + 1, _SMALL)
        yield float(np.log(odds)), float(analysis.entropies[at]), float(analysis.entropies[at + 1])
