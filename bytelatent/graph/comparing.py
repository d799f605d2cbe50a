"""Comparison of methods for sentence boundaries on text whose boundaries are known.

The methods are the byte model (:mod:`bytelatent.graph.endings`), the word bigrams from which the
predecessor of this project took entropies, spaCy's rules, and spaCy's parser. Each threshold is the
one with the best F1 on the part ``tuning``; precision, recall and F1 are measured on the part
``report``.
"""

import importlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.graph.bigrams import WordBigrams
from bytelatent.graph.endings import AnnotatedText, after_signs, at_blanks, signals
from bytelatent.graph.entities import INSTALL, model_name, unavailable
from bytelatent.runtime.entropy_runtime import ByteAnalyser

RESAMPLES = 1000
SIGNS, BLANKS = "after a sign", "at any blank"
COLUMNS = ("method", "where", "precision", "recall", "F1", "95 % of F1")


@dataclass(frozen=True)
class Method:
    """Result of one method for sentence boundaries on the part ``report``.

    Attributes:
        key, label: its name, for programs and for people.
        places: the positions at which the method may predict a sentence end.
        threshold: chosen on the part ``tuning``; None for a method without a threshold.
        found: true positives: predicted ends that are ends.
        wrong: false positives: predicted ends that are no ends.
        missed: false negatives: ends that were not predicted.
        low, high: bounds of the 95 % interval of F1 over resampled documents.
    """

    key: str
    label: str
    places: str
    threshold: float | None
    found: int
    wrong: int
    missed: int
    low: float
    high: float

    @property
    def precision(self) -> float:
        """Share of the predicted sentence ends that are correct; 0 when none was predicted."""
        return self.found / max(self.found + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Share of the sentence ends that were predicted."""
        return self.found / max(self.found + self.missed, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _f1(self.found, self.wrong, self.missed)

    def row(self) -> dict[str, Any]:
        """Return all fields and the three scores as a dictionary for JSON."""
        values = {name: getattr(self, name) for name in ("precision", "recall", "f1")}
        return {**vars(self), **values}


@dataclass(frozen=True)
class Comparison:
    """Results of every method, and the size of the text they were measured on.

    Attributes:
        model: name of the byte model.
        counts: numbers of documents, bytes, sentence ends and blanks, by part.
        certain_words: number of different words of the part ``report`` with at most one successor,
            whose bigram entropy is therefore 0.
        words: number of different words of the part ``report``.
        methods: results in the order of the table.
    """

    model: str
    counts: dict[str, dict[str, int]]
    certain_words: int
    words: int
    methods: list[Method]


Scores = list[NDArray[np.float64]]
"""A score for every candidate position, one array per document."""


@dataclass(frozen=True)
class _Candidates:
    """Candidate positions of all documents, and which of them are sentence ends."""

    documents: list[AnnotatedText]
    where: str
    positions: list[list[int]]

    @property
    def truth(self) -> list[NDArray[np.bool_]]:
        return [
            np.array([place in document.ends for place in positions], dtype=bool)
            for document, positions in zip(self.documents, self.positions, strict=True)
        ]


def compare(documents: list[AnnotatedText], model: ByteAnalyser) -> Comparison:
    """Measure every method on the documents.

    Args:
        documents: documents of both parts, from :func:`bytelatent.graph.endings.read_documents`.
        model: the byte model.

    Raises:
        ValueError: spaCy or its English model is not installed.
    """
    splitters = {"rules": _rules(), "parser": _parser()}
    signs = _Candidates(documents, SIGNS, [after_signs(document.text) for document in documents])
    blanks = _Candidates(documents, BLANKS, [at_blanks(document.text) for document in documents])
    bigrams = {part: WordBigrams(_of_part(documents, part)) for part in ("tuning", "report")}
    measured = [
        signals(document.text, positions, model)
        for document, positions in zip(documents, blanks.positions, strict=True)
    ]
    scores = {
        "byte_odds": ("byte model, log odds of an end", [m.log_odds for m in measured]),
        "byte_entropy_at": ("byte model, entropy at the blank", [m.entropy_at for m in measured]),
        "byte_entropy_after": ("byte model, entropy after it", [m.entropy_after for m in measured]),
        "word_entropy": (
            "word bigrams, entropy",
            [
                bigrams[document.part].scores(document.text, positions)
                for document, positions in zip(documents, blanks.positions, strict=True)
            ],
        ),
    }
    everywhere = [np.ones(len(positions)) for positions in signs.positions]
    methods = [_by_threshold("every_sign", "every . ? and !", signs, everywhere)]
    for key, (label, values) in scores.items():
        methods.append(_by_threshold(f"{key}_signs", label, signs, _at(signs, blanks, values)))
    for key, (label, values) in scores.items():
        methods.append(_by_threshold(f"{key}_blanks", label, blanks, values))
    for key, splitter in splitters.items():
        methods.append(_by_splitter(f"spacy_{key}", f"spaCy, {key}", documents, splitter))
    report = bigrams["report"]
    return Comparison(model.name, _counts(blanks), report.certain, len(report.entropy), methods)


def _of_part(documents: list[AnnotatedText], part: str) -> list[str]:
    return [document.text for document in documents if document.part == part]


def _at(signs: _Candidates, blanks: _Candidates, values: Scores) -> Scores:
    """Select from the values at all blanks those at blanks after a sentence-final mark."""
    pairs = zip(signs.positions, blanks.positions, values, strict=True)
    return [scores[np.isin(of_all, some)] for some, of_all, scores in pairs]


def _by_threshold(key: str, label: str, candidates: _Candidates, scores: Scores) -> Method:
    parts = [document.part for document in candidates.documents]
    truth = candidates.truth
    tuning = [number for number, part in enumerate(parts) if part == "tuning"]
    threshold = best_threshold(
        np.concatenate([scores[number] for number in tuning]),
        np.concatenate([truth[number] for number in tuning]),
    )
    outcomes = [
        _outcome(
            set(np.flatnonzero(scores[number] >= threshold)), set(np.flatnonzero(truth[number]))
        )
        for number, part in enumerate(parts)
        if part == "report"
    ]
    shown = None if key == "every_sign" else threshold
    return _method(key, label, candidates.where, shown, outcomes)


def best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the threshold with the best F1: the midpoint of the two scores that it separates."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + truth.sum())
    last_of_ties = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.argmax(np.where(last_of_ties, f1, -1)))
    below = ranked[best + 1] if best + 1 < len(ranked) else ranked[best]
    return float(ranked[best] + below) / 2


def _by_splitter(
    key: str, label: str, documents: list[AnnotatedText], splitter: Callable[[str], list[int]]
) -> Method:
    outcomes = [
        _outcome(_ends(document.text, splitter), document.ends)
        for document in documents
        if document.part == "report"
    ]
    return _method(key, label, "its own", None, outcomes)


def _ends(text: str, splitter: Callable[[str], list[int]]) -> set[int]:
    """Return the predicted ends inside paragraphs; every splitter gets one paragraph at a time."""
    ends: set[int] = set()
    start = 0
    for paragraph in text.split("\n\n"):
        ends |= {start + end for end in splitter(paragraph) if end < len(paragraph)}
        start += len(paragraph) + 2
    return ends


def _outcome(guessed: set[Any], there: Iterable[Any]) -> tuple[int, int, int]:
    ends = set(there)
    return len(guessed & ends), len(guessed - ends), len(ends - guessed)


def _method(
    key: str, label: str, where: str, threshold: float | None, outcomes: list[tuple[int, int, int]]
) -> Method:
    hits, wrong, missed = (int(number) for number in np.sum(outcomes, axis=0))
    draw = np.random.default_rng(0)
    chosen = draw.integers(len(outcomes), size=(RESAMPLES, len(outcomes)))
    again = [_f1(*sums) for sums in np.array(outcomes)[chosen].sum(axis=1)]
    low, high = (float(value) for value in np.quantile(again, (0.025, 0.975)))
    return Method(key, label, where, threshold, hits, wrong, missed, low, high)


def _f1(hits: int, wrong: int, missed: int) -> float:
    return float(2 * hits / max(2 * hits + wrong + missed, 1))


def _counts(blanks: _Candidates) -> dict[str, dict[str, int]]:
    counts = {part: Counter[str]() for part in ("tuning", "report")}
    for document, positions in zip(blanks.documents, blanks.positions, strict=True):
        size = len(document.text.encode())
        signs = len(after_signs(document.text))
        counts[document.part].update(
            documents=1, bytes=size, ends=len(document.ends), signs=signs, blanks=len(positions)
        )
    return {part: dict(numbers) for part, numbers in counts.items()}


def _rules() -> Callable[[str], list[int]]:
    pipeline = _spacy().blank("en")
    pipeline.add_pipe("sentencizer")
    return lambda text: [sentence.end_char for sentence in pipeline(text).sents]


def _parser() -> Callable[[str], list[int]]:
    if reason := unavailable():
        raise ValueError(reason)
    pipeline = _spacy().load(model_name(), exclude=["ner", "lemmatizer"])
    return lambda text: [sentence.end_char for sentence in pipeline(text).sents]


def _spacy() -> Any:
    try:
        return importlib.import_module("spacy")
    except ImportError:
        raise ValueError(f"the comparison of sentences needs spaCy: {INSTALL}") from None


def table(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return the comparison as rows of a table, with the columns :data:`COLUMNS`."""
    return [
        (
            method.label,
            method.places,
            *(f"{value:.3f}" for value in (method.precision, method.recall, method.f1)),
            f"{method.low:.3f}–{method.high:.3f}",
        )
        for method in comparison.methods
    ]
