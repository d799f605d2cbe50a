"""Ways to find sentence boundaries, measured on text with known ones.

The byte model (:mod:`bytelatent.graph.endings`), the word bigrams that the predecessor of this
project took entropies from, spaCy's rules, and spaCy's parser. Each threshold is the one with the
best F1 on the part ``tuning``; precision, recall and F1 are those of the part ``report``.
"""

import importlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.graph.bigrams import WordBigrams
from bytelatent.graph.endings import ByteModel, Document, after_signs, at_blanks, signals
from bytelatent.graph.entities import INSTALL, model_name, unavailable

RESAMPLES = 1000
SIGNS, BLANKS = "after a sign", "at any blank"
COLUMNS = ("method", "where", "precision", "recall", "F1", "95 % of F1")


@dataclass(frozen=True)
class Method:
    """How well a way to find sentences did on the part ``report``.

    Attributes:
        key, label: its name, for programs and for people.
        places: where it may find an end.
        threshold: chosen on the part ``tuning``; None where there is none to choose.
        found: ends that it found and that are there.
        wrong: ends that it found and that are not there.
        missed: ends that it did not find.
        low, high: 95 % of the F1 of resampled documents lie between them.
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
        """Share of the ends found that are there; 0 when none was found."""
        return self.found / max(self.found + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Share of the ends there that were found."""
        return self.found / max(self.found + self.missed, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _f1(self.found, self.wrong, self.missed)

    def row(self) -> dict[str, Any]:
        """All of it, for JSON."""
        values = {name: getattr(self, name) for name in ("precision", "recall", "f1")}
        return {**vars(self), **values}


@dataclass(frozen=True)
class Comparison:
    """Every method, and what it was measured on.

    Attributes:
        model: name of the byte model.
        counts: of documents, bytes, sentence ends and blanks, by part.
        certain_words: of the different words of the part ``report``, those with one successor or
            none, whose bigram entropy is 0.
        words: different words of the part ``report``.
        methods: in the order of the table.
    """

    model: str
    counts: dict[str, dict[str, int]]
    certain_words: int
    words: int
    methods: list[Method]


Scores = list[NDArray[np.float64]]
"""A number for every place of every document."""


@dataclass(frozen=True)
class _Places:
    """Candidate places of all documents, and which of them are ends."""

    documents: list[Document]
    where: str
    places: list[list[int]]

    @property
    def truth(self) -> list[NDArray[np.bool_]]:
        return [
            np.array([place in one.ends for place in places], dtype=bool)
            for one, places in zip(self.documents, self.places, strict=True)
        ]


def compare(documents: list[Document], model: ByteModel) -> Comparison:
    """Measure every method.

    Args:
        documents: of both parts, as :func:`bytelatent.graph.endings.read_documents` gives them.
        model: the byte model.

    Raises:
        ValueError: spaCy or its English model is not installed.
    """
    splitters = {"rules": _rules(), "parser": _parser()}
    signs = _Places(documents, SIGNS, [after_signs(one.text) for one in documents])
    blanks = _Places(documents, BLANKS, [at_blanks(one.text) for one in documents])
    bigrams = {part: WordBigrams(_of_part(documents, part)) for part in ("tuning", "report")}
    measured = [
        signals(one.text, places, model)
        for one, places in zip(documents, blanks.places, strict=True)
    ]
    scores = {
        "byte_odds": ("byte model, log odds of an end", [one.log_odds for one in measured]),
        "byte_entropy_at": ("byte model, entropy at the blank", [m.entropy_at for m in measured]),
        "byte_entropy_after": ("byte model, entropy after it", [m.entropy_after for m in measured]),
        "word_entropy": (
            "word bigrams, entropy",
            [
                bigrams[one.part].scores(one.text, places)
                for one, places in zip(documents, blanks.places, strict=True)
            ],
        ),
    }
    everywhere = [np.ones(len(places)) for places in signs.places]
    methods = [_by_threshold("every_sign", "every . ? and !", signs, everywhere)]
    for key, (label, values) in scores.items():
        methods.append(_by_threshold(f"{key}_signs", label, signs, _at(signs, blanks, values)))
    for key, (label, values) in scores.items():
        methods.append(_by_threshold(f"{key}_blanks", label, blanks, values))
    for key, splitter in splitters.items():
        methods.append(_by_splitter(f"spacy_{key}", f"spaCy, {key}", documents, splitter))
    report = bigrams["report"]
    return Comparison(model.name, _counts(blanks), report.certain, len(report.entropy), methods)


def _of_part(documents: list[Document], part: str) -> list[str]:
    return [one.text for one in documents if one.part == part]


def _at(signs: _Places, blanks: _Places, values: Scores) -> Scores:
    """Of the values at blanks, those that follow a sign."""
    pairs = zip(signs.places, blanks.places, values, strict=True)
    return [scores[np.isin(of_all, some)] for some, of_all, scores in pairs]


def _by_threshold(key: str, label: str, places: _Places, scores: Scores) -> Method:
    parts = [one.part for one in places.documents]
    truth = places.truth
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
    return _method(key, label, places.where, shown, outcomes)


def best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The threshold with the best F1, half-way between the two scores that it divides."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    found = np.cumsum(truth[order])
    f1 = 2 * found / (np.arange(1, len(ranked) + 1) + truth.sum())
    last_of_ties = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.argmax(np.where(last_of_ties, f1, -1)))
    below = ranked[best + 1] if best + 1 < len(ranked) else ranked[best]
    return float(ranked[best] + below) / 2


def _by_splitter(
    key: str, label: str, documents: list[Document], splitter: Callable[[str], list[int]]
) -> Method:
    outcomes = [
        _outcome(_ends(one.text, splitter), one.ends) for one in documents if one.part == "report"
    ]
    return _method(key, label, "its own", None, outcomes)


def _ends(text: str, splitter: Callable[[str], list[int]]) -> set[int]:
    """Ends inside the paragraphs of a text; every splitter is told where paragraphs end."""
    found: set[int] = set()
    start = 0
    for paragraph in text.split("\n\n"):
        found |= {start + end for end in splitter(paragraph) if end < len(paragraph)}
        start += len(paragraph) + 2
    return found


def _outcome(guessed: set[Any], there: Iterable[Any]) -> tuple[int, int, int]:
    ends = set(there)
    return len(guessed & ends), len(guessed - ends), len(ends - guessed)


def _method(
    key: str, label: str, where: str, threshold: float | None, outcomes: list[tuple[int, int, int]]
) -> Method:
    found, wrong, missed = (int(number) for number in np.sum(outcomes, axis=0))
    draw = np.random.default_rng(0)
    chosen = draw.integers(len(outcomes), size=(RESAMPLES, len(outcomes)))
    again = [_f1(*sums) for sums in np.array(outcomes)[chosen].sum(axis=1)]
    low, high = (float(value) for value in np.quantile(again, (0.025, 0.975)))
    return Method(key, label, where, threshold, found, wrong, missed, low, high)


def _f1(found: int, wrong: int, missed: int) -> float:
    return float(2 * found / max(2 * found + wrong + missed, 1))


def _counts(blanks: _Places) -> dict[str, dict[str, int]]:
    counts = {part: Counter[str]() for part in ("tuning", "report")}
    for one, places in zip(blanks.documents, blanks.places, strict=True):
        size = len(one.text.encode())
        signs = len(after_signs(one.text))
        counts[one.part].update(
            documents=1, bytes=size, ends=len(one.ends), signs=signs, blanks=len(places)
        )
    return {part: dict(numbers) for part, numbers in counts.items()}


def _rules() -> Callable[[str], list[int]]:
    pipeline = _spacy().blank("en")
    pipeline.add_pipe("sentencizer")
    return lambda text: [one.end_char for one in pipeline(text).sents]


def _parser() -> Callable[[str], list[int]]:
    if reason := unavailable():
        raise ValueError(reason)
    pipeline = _spacy().load(model_name(), exclude=["ner", "lemmatizer"])
    return lambda text: [one.end_char for one in pipeline(text).sents]


def _spacy() -> Any:
    try:
        return importlib.import_module("spacy")
    except ImportError:
        raise ValueError(f"the comparison of sentences needs spaCy: {INSTALL}") from None


def table(comparison: Comparison) -> list[tuple[str, ...]]:
    """The rows of a table for people, with the columns :data:`COLUMNS`."""
    return [
        (
            one.label,
            one.places,
            *(f"{value:.3f}" for value in (one.precision, one.recall, one.f1)),
            f"{one.low:.3f}–{one.high:.3f}",
        )
        for one in comparison.methods
    ]
