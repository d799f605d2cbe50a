"""Bits per byte and patches on held-out documents, by source, language and kind of text.

:data:`COUNTING` explains which bytes are counted. Sources of the kind
:data:`~bytelatent.data.held_out.OUTSIDE_KIND` do not belong to the mix: they have their own scores
and are not part of any sum.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bytelatent.data.held_out import OUTSIDE_KIND, HeldOut, cut_pieces
from bytelatent.evaluation.compressors import compressed_sizes
from bytelatent.evaluation.scoring import ByteScores, score
from bytelatent.files import read_json
from bytelatent.loading import TextModel
from bytelatent.metrics import bits_per_byte

BYTE_MODEL, BLT = "byte model", "BLT"

COUNTING = {
    BYTE_MODEL: (
        "Every byte is counted once, BOS and the end of a document not at all. Each document is "
        "predicted by itself after BOS, as a whole."
    ),
    BLT: (
        "Every byte is counted once, BOS and the end of a document not at all. Documents are taken "
        "in pieces of at most max_bytes and of about equal size, cut between characters; each is "
        "predicted by itself after BOS, with patches cut as at inference, and the entropy model "
        "is measured on the same pieces. A piece's last patch ends with the piece."
    ),
}
"""Explanation of the measurement by kind of model. The patch of BOS contains no byte and is not
counted."""

MAX_BYTES = 4096
"""Largest number of bytes of the pieces into which documents are cut for a BLT."""

QUANTILES = (0.1, 0.5, 0.9, 0.99)
"""Quantiles of the patch lengths."""


@dataclass
class Score:
    """Scores of a model, summed over held-out documents.

    Attributes:
        documents, pieces, size: numbers of documents, of pieces cut from them, and of bytes.
        nats: surprisal of all bytes in nats.
        entropy_nats: surprisal in nats under the entropy model that cuts the patches of a BLT; else
            None.
        patch_lengths: number of patches by length in bytes; empty without a patcher.
        compressed: compressed size of the same bytes by compressor; empty if it was not measured.
    """

    documents: int = 0
    pieces: int = 0
    size: int = 0
    nats: float = 0.0
    entropy_nats: float | None = 0.0
    patch_lengths: Counter[int] = field(default_factory=Counter)
    compressed: Counter[str] = field(default_factory=Counter)

    def add_piece(self, scores: ByteScores) -> None:
        """Add the scores of one piece of a document."""
        self.pieces += 1
        self.size += len(scores.nats_N)
        self.nats += float(scores.nats_N.sum(dtype=np.float64))
        if scores.entropy_nats_N is None or self.entropy_nats is None:
            self.entropy_nats = None
        else:
            self.entropy_nats += float(scores.entropy_nats_N.sum(dtype=np.float64))
        if scores.starts_N is not None:
            starts = np.flatnonzero(scores.starts_N)
            lengths = np.diff(starts, append=len(scores.starts_N))
            self.patch_lengths.update(lengths.tolist())

    def add(self, other: "Score") -> None:
        """Add the sums of another score."""
        self.documents += other.documents
        self.pieces += other.pieces
        self.size += other.size
        self.nats += other.nats
        both = self.entropy_nats, other.entropy_nats
        self.entropy_nats = None if None in both else sum(x for x in both if x is not None)
        self.patch_lengths.update(other.patch_lengths)
        self.compressed.update(other.compressed)

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of the model; 0 if there are no bytes."""
        return bits_per_byte(self.nats, max(1, self.size))

    @property
    def entropy_bits_per_byte(self) -> float | None:
        """Bits per byte of the entropy model on the same pieces; None if it was not measured."""
        return (
            None
            if self.entropy_nats is None
            else bits_per_byte(self.entropy_nats, max(1, self.size))
        )

    @property
    def bytes_per_patch(self) -> float | None:
        """Mean length of a patch in bytes; None without patches."""
        patches = self.patch_lengths.total()
        return self.size / patches if patches else None

    def patch_quantiles(self) -> dict[str, int]:
        """Return the :data:`QUANTILES` of the patch lengths in bytes, and the longest length."""
        if not self.patch_lengths:
            return {}
        lengths = sorted(self.patch_lengths)
        below = np.cumsum([self.patch_lengths[length] for length in lengths])
        indices = np.searchsorted(below, np.array(QUANTILES) * below[-1])
        quantiles = {
            f"{q:.0%}": lengths[index] for q, index in zip(QUANTILES, indices, strict=True)
        }
        return {**quantiles, "longest": lengths[-1]}

    def compressors(self) -> dict[str, float]:
        """Return the bits per byte of each compressor.

        See :mod:`bytelatent.evaluation.compressors`.
        """
        return {name: 8 * size / max(1, self.size) for name, size in self.compressed.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the score as a dictionary for JSON, without missing values."""
        fields = {
            "documents": self.documents,
            "pieces": self.pieces,
            "bytes": self.size,
            "bits_per_byte": self.bits_per_byte,
            "entropy_model_bits_per_byte": self.entropy_bits_per_byte,
            "bytes_per_patch": self.bytes_per_patch,
            "patch_bytes": self.patch_quantiles(),
            "compressors": self.compressors(),
        }
        return {key: value for key, value in fields.items() if value not in (None, {})}


@dataclass(frozen=True)
class SourceScore:
    """Score of a model on the held-out documents of one source."""

    source: str
    language: str
    kind: str
    score: Score


def evaluate(
    text_model: TextModel, corpus: Iterable[HeldOut], *, max_bytes: int = MAX_BYTES
) -> Iterator[SourceScore]:
    """Measure a model on held-out text; yield the score of one source after the other.

    :data:`COUNTING` explains which bytes are counted.

    Raises:
        ValueError: the model or its patcher cannot process a text.
    """
    for source in corpus:
        texts = source.documents
        if not text_model.is_byte_model:
            texts = [piece for document in texts for piece in cut_pieces(document, max_bytes)]
        total = Score(documents=len(source.documents))
        for scores in score(text_model, texts):
            total.add_piece(scores)
        total.compressed.update(compressed_sizes(b"".join(source.documents)))
        yield SourceScore(source.source, source.language, source.kind, total)


def combined(scores: Sequence[SourceScore], by: str) -> dict[str, Score]:
    """Sum scores by ``language`` or ``kind``; the names are sorted."""
    sums: dict[str, Score] = {}
    for result in scores:
        sums.setdefault(getattr(result, by), Score()).add(result.score)
    return dict(sorted(sums.items()))


def overall(scores: Iterable[SourceScore]) -> Score:
    """Sum the scores of all sources."""
    total = Score()
    for result in scores:
        total.add(result.score)
    return total


def kind_name(text_model: TextModel) -> str:
    """Return the key of :data:`COUNTING` for a model."""
    return BYTE_MODEL if text_model.is_byte_model else BLT


def describe(text_model: TextModel) -> dict[str, Any]:
    """Describe the model and its patcher as a dictionary for JSON."""
    patcher = text_model.patcher
    return {
        "model": text_model.name,
        "kind": kind_name(text_model),
        "parameters": sum(p.numel() for p in text_model.model.parameters()),
        "entropy_model": None if text_model.is_byte_model else text_model.entropy_name,
        "patcher": None if patcher is None else patcher.args.model_dump(mode="json"),
    }


def as_dict(scores: Sequence[SourceScore]) -> dict[str, Any]:
    """Return all scores by source, with their sums, as a dictionary for JSON.

    The key ``outside`` holds the sources outside the mix, if there are any.
    """
    mix = [result for result in scores if result.kind != OUTSIDE_KIND]
    outside = [result for result in scores if result.kind == OUTSIDE_KIND]
    return {
        "total": overall(mix).as_dict(),
        "sources": _by_source(mix),
        "languages": {name: x.as_dict() for name, x in combined(mix, "language").items()},
        "kinds": {name: x.as_dict() for name, x in combined(mix, "kind").items()},
        **({"outside": _by_source(outside)} if outside else {}),
    }


def _by_source(scores: Iterable[SourceScore]) -> dict[str, dict[str, Any]]:
    return {
        result.source: {"language": result.language, "kind": result.kind} | result.score.as_dict()
        for result in scores
    }


@dataclass(frozen=True)
class Beside:
    """Comparison of a BLT with a byte model that was trained on the same number of bytes.

    Attributes:
        path: path of the result file, as the user gave it.
        trained_bytes: number of bytes that the byte model was trained on.
        prose_bytes: number of bytes of prose on which both models were measured.
        prose, total: bits per byte of the BLT and of the byte model, on the prose and on all text.
    """

    path: Path
    trained_bytes: int
    prose_bytes: int
    prose: tuple[float, float]
    total: tuple[float, float]


def read_beside(path: Path) -> Beside:
    """Read a comparison that ``benchmarks/equal_bytes.py`` has written.

    Raises:
        ValueError: the file is missing or has another content.
    """
    content = read_json(path)
    try:
        blt, byte_model = content["results"]["blt"], content["results"]["byte model"]
        return Beside(
            path,
            int(byte_model["trained_bytes"]),
            int(blt["prose_bytes"]),
            (float(blt["prose"]), float(byte_model["prose"])),
            (float(blt["all"]), float(byte_model["all"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"--beside: {path} is no result of benchmarks/equal_bytes.py ({error!r})"
        ) from None
