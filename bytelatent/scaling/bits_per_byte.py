"""Bits per byte of models that read bytes, patches or tokens, on the same pieces of text.

Every model predicts every piece by itself after BOS. The measure is the surprisal of all bytes of
the piece; for a model of tokens it is the sum over the tokens of the piece. The end of a piece is
not predicted. The sum is divided by the number of bytes, never by the number of tokens. So all
families are measured on the same bytes with the same context. A piece ends before a blank if
possible, because half a word would cost a model of tokens more than other models.

Legend: ``B`` rows, ``S`` tokens of a row, ``V`` vocabulary.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from bytelatent.data.held_out import cut_pieces, held_out
from bytelatent.data.ragged import fill_up, length_batches
from bytelatent.evaluation.scoring import score
from bytelatent.formats.train_args import BltTokenizerAndPatcher
from bytelatent.loading import kind_of, load_text_model
from bytelatent.metrics import bits_per_byte
from bytelatent.patching.rules import ENTROPY_MODES
from bytelatent.scaling.args import ScalingArgs
from bytelatent.tokenizers.bpe_tokenizer import BpeTokenizer
from bytelatent.tokenizers.constants import PAD_ID
from bytelatent.transformer import LMTransformer

BATCH_TOKENS = 8192
"""Number of tokens in a batch of a model of tokens, padding included."""


@dataclass(frozen=True)
class HeldOutPiece:
    """Piece of held-out text that is predicted by itself.

    Attributes:
        source, language: source and language of the text.
        data: its UTF-8 bytes.
    """

    source: str
    language: str
    data: bytes


@dataclass(frozen=True)
class Cost:
    """Cost of a text for a model.

    Attributes:
        nats: surprisal of all bytes in nats.
        size: length of the text in bytes.
        units: number of patches or tokens of the text.
    """

    nats: float
    size: int
    units: int


Scorer = Callable[[Sequence[bytes]], list[Cost]]
"""Function that returns the costs of texts, each predicted by itself after BOS."""


def test_pieces(args: ScalingArgs) -> list[HeldOutPiece]:
    """Return the text on which bits per byte are reported: every source according to its share.

    Raises:
        ValueError: the corpus lacks a source.
    """
    sizes = {
        source: max(1, int(share * args.corpus.test_bytes))
        for source, share in args.corpus.shares().items()
    }
    return _pieces(args, sizes, args.row_bytes)


def language_pieces(args: ScalingArgs, language_bytes: int) -> list[HeldOutPiece]:
    """Return the same amount of text for every language, or less if the corpus has less."""
    shares = args.corpus.shares()
    sources = held_out(args.corpus.root_dir, "test", shares, limit=1)
    counts: dict[str, int] = {}
    for source in sources:
        counts[source.language] = counts.get(source.language, 0) + 1
    sizes = {source.source: language_bytes // counts[source.language] for source in sources}
    return _pieces(args, {name: max(1, size) for name, size in sizes.items()}, args.row_bytes)


def noise_pieces(args: ScalingArgs, noise_bytes: int) -> list[HeldOutPiece]:
    """Return the text for noise, in pieces of half a row because noise makes them longer."""
    sizes = {s: max(1, int(share * noise_bytes)) for s, share in args.corpus.shares().items()}
    return _pieces(args, sizes, args.row_bytes // 2)


def load_scorer(folder: Path, entropy_model: str, tokenizer: Path) -> Scorer:
    """Load the model in ``folder`` and return its scorer, which returns the costs of texts.

    Args:
        folder: folder of a model of bytes, patches or tokens.
        entropy_model: model that cuts the patches of a BLT whose rule needs entropies.
        tokenizer: file with the vocabulary of a model of tokens.

    Raises:
        ValueError: a file is missing or damaged.
    """
    about = BltTokenizerAndPatcher.from_pretrained(folder)
    if about.tokenizer_args.name == "bpe":
        model = LMTransformer.from_pretrained(folder, dtype=torch.float32)
        return token_scorer(model, BpeTokenizer(str(tokenizer), add_eos=False))
    measured = kind_of(folder) is not LMTransformer
    measured = measured and about.patcher_args.mode() in ENTROPY_MODES
    return byte_scorer(folder, entropy_model if measured else None)


def byte_scorer(folder: Path, entropy_model: str | None) -> Scorer:
    """Return the scorer of a model of bytes or patches, which returns the costs of texts.

    A unit is a patch, or a byte if the model has no patches.
    """
    text_model = load_text_model(str(folder), entropy_model=entropy_model)

    def costs(texts: Sequence[bytes]) -> list[Cost]:
        text_costs = []
        for text, scores in zip(texts, score(text_model, texts), strict=True):
            starts_N = None if text_model.is_byte_model else scores.starts_N
            units = len(text) if starts_N is None else int(starts_N.sum())
            text_costs.append(Cost(float(scores.nats_N.sum(dtype=np.float64)), len(text), units))
        return text_costs

    return costs


def token_scorer(model: LMTransformer, tokenizer: BpeTokenizer) -> Scorer:
    """Return the scorer of a model of tokens; ``tokenizer`` must add BOS."""

    @torch.inference_mode()
    def costs(texts: Sequence[bytes]) -> list[Cost]:
        rows = [np.array(tokenizer.encode(text.decode("utf-8")), np.uint16) for text in texts]
        costs_by_index: dict[int, Cost] = {}
        for batch in length_batches([len(row) for row in rows], BATCH_TOKENS):
            tokens_BT = fill_up([rows[index] for index in batch])
            tokens_BT = F.pad(tokens_BT, (0, 1), value=PAD_ID)  # BOS alone is a row too
            targets_BS = tokens_BT[:, 1:]
            logits_BVS = model(tokens_BT[:, :-1]).transpose(1, 2)
            nats_BS = F.cross_entropy(logits_BVS, targets_BS, reduction="none")
            nats_BS = nats_BS.masked_fill(targets_BS == PAD_ID, 0.0)
            for index, nats in zip(batch, nats_BS.double().sum(1).tolist(), strict=True):
                costs_by_index[index] = Cost(nats, len(texts[index]), len(rows[index]) - 1)
        return [costs_by_index[index] for index in range(len(texts))]

    return costs


def summary(costs: Iterable[Cost]) -> dict[str, float]:
    """Sum costs for JSON: bytes, bits per byte, bytes per patch or token."""
    nats, size, units = 0.0, 0, 0
    for cost in costs:
        nats, size, units = nats + cost.nats, size + cost.size, units + cost.units
    return {
        "bytes": size,
        "bits_per_byte": bits_per_byte(nats, max(1, size)),
        "bytes_per_unit": size / max(1, units),
    }


def summaries(pieces: Sequence[HeldOutPiece], costs: Sequence[Cost]) -> dict[str, Any]:
    """Sum the costs of all pieces, in total, by source and by language."""
    result: dict[str, Any] = {"total": summary(costs)}
    for by in ("source", "language"):
        groups: dict[str, list[Cost]] = {}
        for piece, cost in zip(pieces, costs, strict=True):
            groups.setdefault(getattr(piece, by), []).append(cost)
        result[f"{by}s"] = {name: summary(group) for name, group in sorted(groups.items())}
    return result


def _pieces(args: ScalingArgs, sizes: dict[str, int], longest: int) -> list[HeldOutPiece]:
    pieces = []
    for source, size in sizes.items():
        (source_text,) = held_out(args.corpus.root_dir, "test", [source], limit=size)
        pieces += [
            HeldOutPiece(source, source_text.language, piece)
            for document in source_text.documents
            for piece in cut_pieces(document, longest, at_blanks=True)
        ]
    return pieces
