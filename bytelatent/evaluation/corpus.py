"""Bits per byte and patches on held-out documents, by source, language and kind of text.

:data:`COUNTING` says what is counted. Sources whose kind is
:data:`~bytelatent.data.held_out.OUTSIDE_KIND` are outside the mix: they stand by themselves, in no
sum.
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
"""What is measured, by kind of model. The patch of BOS holds no byte and is not counted."""

MAX_BYTES = 4096
"""Bytes of the pieces that a BLT takes documents in."""

QUANTILES = (0.1, 0.5, 0.9, 0.99)
"""Of patch lengths."""


@dataclass
class Score:
    """Sums over documents.

    Attributes:
        documents, pieces, size: how many, ``size`` in bytes.
        nats: surprisal of all bytes.
        entropy_nats: the same by the entropy model that cuts patches for a BLT; else None.
        patch_lengths: how many patches have so many bytes; empty without a patcher.
        compressed: bytes that each compressor needs for the same bytes; empty if not measured.
    """

    documents: int = 0
    pieces: int = 0
    size: int = 0
    nats: float = 0.0
    entropy_nats: float | None = 0.0
    patch_lengths: Counter[int] = field(default_factory=Counter)
    compressed: Counter[str] = field(default_factory=Counter)

    def add_piece(self, scores: ByteScores) -> None:
        """Count a piece of a document."""
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
        """Count what another has counted."""
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
        """Of the model; 0 for no bytes."""
        return bits_per_byte(self.nats, max(1, self.size))

    @property
    def entropy_bits_per_byte(self) -> float | None:
        """Of the entropy model on the same pieces."""
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
        """Lengths in bytes that such a share of the patches does not exceed, and the longest."""
        if not self.patch_lengths:
            return {}
        lengths = sorted(self.patch_lengths)
        below = np.cumsum([self.patch_lengths[length] for length in lengths])
        places = np.searchsorted(below, np.array(QUANTILES) * below[-1])
        found = {f"{q:.0%}": lengths[place] for q, place in zip(QUANTILES, places, strict=True)}
        return {**found, "longest": lengths[-1]}

    def compressors(self) -> dict[str, float]:
        """Bits per byte of the compressors; see :mod:`bytelatent.evaluation.compressors`."""
        return {name: 8 * size / max(1, self.size) for name, size in self.compressed.items()}

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = {
            "documents": self.documents,
            "pieces": self.pieces,
            "bytes": self.size,
            "bits_per_byte": self.bits_per_byte,
            "entropy_model_bits_per_byte": self.entropy_bits_per_byte,
            "bytes_per_patch": self.bytes_per_patch,
            "patch_bytes": self.patch_quantiles(),
            "compressors": self.compressors(),
        }
        return {key: value for key, value in found.items() if value not in (None, {})}


@dataclass(frozen=True)
class SourceScore:
    """What was measured on a source."""

    source: str
    language: str
    kind: str
    score: Score


def evaluate(
    text_model: TextModel, corpus: Iterable[HeldOut], *, max_bytes: int = MAX_BYTES
) -> Iterator[SourceScore]:
    """Measure one source after the other; :data:`COUNTING` says how.

    Raises:
        ValueError: the model or its patcher cannot run on a text.
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
    """Scores summed by ``language`` or ``kind``, in the order of their names."""
    found: dict[str, Score] = {}
    for one in scores:
        found.setdefault(getattr(one, by), Score()).add(one.score)
    return dict(sorted(found.items()))


def overall(scores: Iterable[SourceScore]) -> Score:
    """The sum of all."""
    total = Score()
    for one in scores:
        total.add(one.score)
    return total


def kind_name(text_model: TextModel) -> str:
    """A key of :data:`COUNTING`."""
    return BYTE_MODEL if text_model.is_byte_model else BLT


def describe(text_model: TextModel) -> dict[str, Any]:
    """The model and its patcher, for JSON."""
    patcher = text_model.patcher
    return {
        "model": text_model.name,
        "kind": kind_name(text_model),
        "parameters": sum(p.numel() for p in text_model.model.parameters()),
        "entropy_model": None if text_model.is_byte_model else text_model.entropy_name,
        "patcher": None if patcher is None else patcher.args.model_dump(mode="json"),
    }


def as_dict(scores: Sequence[SourceScore]) -> dict[str, Any]:
    """All scores, by source and summed, for JSON; ``outside`` if there is text outside the mix."""
    mix = [one for one in scores if one.kind != OUTSIDE_KIND]
    outside = [one for one in scores if one.kind == OUTSIDE_KIND]
    return {
        "total": overall(mix).as_dict(),
        "sources": _by_source(mix),
        "languages": {name: x.as_dict() for name, x in combined(mix, "language").items()},
        "kinds": {name: x.as_dict() for name, x in combined(mix, "kind").items()},
        **({"outside": _by_source(outside)} if outside else {}),
    }


def _by_source(scores: Iterable[SourceScore]) -> dict[str, dict[str, Any]]:
    return {
        one.source: {"language": one.language, "kind": one.kind} | one.score.as_dict()
        for one in scores
    }


@dataclass(frozen=True)
class Beside:
    """A BLT beside a byte model that has learned from as many bytes.

    Attributes:
        path: the file, as it was given.
        trained_bytes: of the byte model.
        prose_bytes: of prose that both were measured on.
        prose, total: bits per byte of the BLT and of the byte model, on the prose and on all.
    """

    path: Path
    trained_bytes: int
    prose_bytes: int
    prose: tuple[float, float]
    total: tuple[float, float]


def read_beside(path: Path) -> Beside:
    """A comparison as ``benchmarks/equal_bytes.py`` writes it.

    Raises:
        ValueError: the file is missing or holds something else.
    """
    found = read_json(path)
    try:
        blt, byte_model = found["results"]["blt"], found["results"]["byte model"]
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
