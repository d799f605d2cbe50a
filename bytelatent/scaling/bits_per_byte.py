"""Bits per byte of models that read bytes, patches or tokens, on the same pieces of text.

Every model predicts every piece by itself after BOS. What counts is the surprisal of all its bytes:
of a model of tokens, the sum over the tokens of the piece. The end of a piece is not predicted, and
bytes are divided by, never tokens. So the same text costs every family the same bytes, and no
family sees more of it than another. Pieces end before a blank where they can: the half of a word
would cost a model of tokens more than others.

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
"""Of a model of tokens at once, padding included."""


@dataclass(frozen=True)
class Piece:
    """Held-out text that is predicted by itself.

    Attributes:
        source, language: where it comes from.
        data: its UTF-8 bytes.
    """

    source: str
    language: str
    data: bytes


@dataclass(frozen=True)
class Cost:
    """What a text costs a model.

    Attributes:
        nats: surprisal of all bytes.
        size: in bytes.
        units: patches or tokens that hold them.
    """

    nats: float
    size: int
    units: int


Scorer = Callable[[Sequence[bytes]], list[Cost]]
"""Costs of texts, each by itself after BOS."""


def test_pieces(args: ScalingArgs) -> list[Piece]:
    """The text that bits per byte are reported on: every source with its share.

    Raises:
        ValueError: the corpus lacks a source.
    """
    wanted = {
        source: max(1, int(share * args.corpus.test_bytes))
        for source, share in args.corpus.shares().items()
    }
    return _pieces(args, wanted, args.row_bytes)


def language_pieces(args: ScalingArgs, language_bytes: int) -> list[Piece]:
    """Equally much text of every language, or what there is of it."""
    shares = args.corpus.shares()
    sources = held_out(args.corpus.root_dir, "test", shares, limit=1)
    counts: dict[str, int] = {}
    for one in sources:
        counts[one.language] = counts.get(one.language, 0) + 1
    wanted = {one.source: language_bytes // counts[one.language] for one in sources}
    return _pieces(args, {name: max(1, size) for name, size in wanted.items()}, args.row_bytes)


def noise_pieces(args: ScalingArgs, noise_bytes: int) -> list[Piece]:
    """Text for noise, in pieces of half a row: noise makes them longer."""
    wanted = {s: max(1, int(share * noise_bytes)) for s, share in args.corpus.shares().items()}
    return _pieces(args, wanted, args.row_bytes // 2)


def load_scorer(folder: Path, entropy_model: str, tokenizer: Path) -> Scorer:
    """What measures the model in ``folder``.

    Args:
        folder: of a model of bytes, patches or tokens.
        entropy_model: cuts the patches of a BLT whose rule needs one.
        tokenizer: vocabulary of a model of tokens.

    Raises:
        ValueError: something is missing or damaged.
    """
    about = BltTokenizerAndPatcher.from_pretrained(folder)
    if about.tokenizer_args.name == "bpe":
        model = LMTransformer.from_pretrained(folder, dtype=torch.float32)
        return token_scorer(model, BpeTokenizer(str(tokenizer), add_eos=False))
    measured = kind_of(folder) is not LMTransformer
    measured = measured and about.patcher_args.mode() in ENTROPY_MODES
    return byte_scorer(folder, entropy_model if measured else None)


def byte_scorer(folder: Path, entropy_model: str | None) -> Scorer:
    """For a model of bytes or patches; a byte is a unit where there are no patches."""
    text_model = load_text_model(str(folder), entropy_model=entropy_model)

    def costs(texts: Sequence[bytes]) -> list[Cost]:
        found = []
        for text, one in zip(texts, score(text_model, texts), strict=True):
            starts_N = None if text_model.is_byte_model else one.starts_N
            units = len(text) if starts_N is None else int(starts_N.sum())
            found.append(Cost(float(one.nats_N.sum(dtype=np.float64)), len(text), units))
        return found

    return costs


def token_scorer(model: LMTransformer, tokenizer: BpeTokenizer) -> Scorer:
    """For a model of tokens; ``tokenizer`` puts BOS in front."""

    @torch.inference_mode()
    def costs(texts: Sequence[bytes]) -> list[Cost]:
        rows = [np.array(tokenizer.encode(text.decode("utf-8")), np.uint16) for text in texts]
        found: dict[int, Cost] = {}
        for batch in length_batches([len(row) for row in rows], BATCH_TOKENS):
            tokens_BT = fill_up([rows[index] for index in batch])
            tokens_BT = F.pad(tokens_BT, (0, 1), value=PAD_ID)  # BOS alone is a row too
            targets_BS = tokens_BT[:, 1:]
            logits_BVS = model(tokens_BT[:, :-1]).transpose(1, 2)
            nats_BS = F.cross_entropy(logits_BVS, targets_BS, reduction="none")
            nats_BS = nats_BS.masked_fill(targets_BS == PAD_ID, 0.0)
            for index, nats in zip(batch, nats_BS.double().sum(1).tolist(), strict=True):
                found[index] = Cost(nats, len(texts[index]), len(rows[index]) - 1)
        return [found[index] for index in range(len(texts))]

    return costs


def summary(costs: Iterable[Cost]) -> dict[str, float]:
    """Sums as JSON has them: bytes, bits per byte, bytes per patch or token."""
    nats, size, units = 0.0, 0, 0
    for cost in costs:
        nats, size, units = nats + cost.nats, size + cost.size, units + cost.units
    return {
        "bytes": size,
        "bits_per_byte": bits_per_byte(nats, max(1, size)),
        "bytes_per_unit": size / max(1, units),
    }


def summaries(pieces: Sequence[Piece], costs: Sequence[Cost]) -> dict[str, Any]:
    """Of all pieces together, by source and by language."""
    found: dict[str, Any] = {"total": summary(costs)}
    for by in ("source", "language"):
        groups: dict[str, list[Cost]] = {}
        for piece, cost in zip(pieces, costs, strict=True):
            groups.setdefault(getattr(piece, by), []).append(cost)
        found[f"{by}s"] = {name: summary(group) for name, group in sorted(groups.items())}
    return found


def _pieces(args: ScalingArgs, wanted: dict[str, int], longest: int) -> list[Piece]:
    found = []
    for source, size in wanted.items():
        (one,) = held_out(args.corpus.root_dir, "test", [source], limit=size)
        found += [
            Piece(source, one.language, piece)
            for document in one.documents
            for piece in cut_pieces(document, longest, at_blanks=True)
        ]
    return found
