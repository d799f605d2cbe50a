"""Scores of every byte of a text: the numbers on which all evaluation is based.

Legend: ``B`` rows, ``S`` tokens of a row, ``P`` patches, ``N`` bytes of a text, ``V`` vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bytelatent.data.documents import tokenize
from bytelatent.data.ragged import fill_up, length_batches
from bytelatent.loading import TextModel
from bytelatent.patching.entropies import DEFAULT_CHUNK, entropy, stream_logits
from bytelatent.patching.rules import starts_from_lengths
from bytelatent.tokenizers.constants import PAD_ID
from bytelatent.transformer import LMTransformer

BATCH_BYTES = 16_384
"""Number of bytes in a batch, padding included; larger batches need more memory and have less
overhead."""


@dataclass(frozen=True)
class ByteScores:
    """Scores of the ``N`` bytes of a text; each byte is predicted from BOS and the bytes before it.

    Attributes:
        nats_N: surprisal in nats, float32.
        likeliest_N: whether the byte was the most likely next token.
        entropies_N: entropy in nats, float32, of the entropy model's prediction of the byte; a byte
            model is its own entropy model. None without an entropy model.
        entropy_nats_N: surprisal in nats under the entropy model of a BLT; None for a byte model.
        starts_N: whether the byte starts a patch; None without a patcher.
    """

    nats_N: NDArray[np.float32]
    likeliest_N: NDArray[np.bool_]
    entropies_N: NDArray[np.float32] | None
    entropy_nats_N: NDArray[np.float32] | None
    starts_N: NDArray[np.bool_] | None


@dataclass(frozen=True)
class _Predictions:
    """Surprisal, whether it was the most likely token, and entropy for every target of a batch."""

    nats_BS: Tensor
    likeliest_BS: Tensor
    entropies_BS: Tensor


def score(
    text_model: TextModel, texts: Sequence[bytes], *, batch_bytes: int = BATCH_BYTES
) -> list[ByteScores]:
    """Score the bytes of each text; every text is processed by itself and as a whole.

    Texts of similar length share a batch that is padded on the right. Padding does not change the
    scores, because no model looks ahead. A text may have any length for a byte model with a window;
    for a BLT a text and its patches must fit into memory.

    Raises:
        ValueError: the model or its patcher cannot process a text.
    """
    scores: dict[int, ByteScores] = {}
    rows = [tokenize(text)[:-1] for text in texts]
    for batch in length_batches([len(row) for row in rows], batch_bytes):
        tokens_BT = fill_up([rows[index] for index in batch]).to(text_model.device)
        fields = _score_batch(text_model, tokens_BT)
        for row, index in enumerate(batch):
            size = len(texts[index])
            own: dict[str, Any] = {
                name: None if x is None else x[row, :size].copy() for name, x in fields.items()
            }
            scores[index] = ByteScores(**own)
    return [scores[index] for index in range(len(texts))]


@torch.inference_mode()
def _score_batch(text_model: TextModel, tokens_BT: Tensor) -> dict[str, Any]:
    """Compute the fields of :class:`ByteScores`, each ``[B, S]``, for rows of BOS and bytes."""
    model, measuring = text_model.model, text_model.entropy_model
    # If no row contains a byte, the model still runs over BOS, so that the shapes are valid.
    inputs_BS, targets_BS = tokens_BT[:, : max(1, tokens_BT.shape[1] - 1)], tokens_BT[:, 1:]
    targets_BS = F.pad(targets_BS, (0, inputs_BS.shape[1] - targets_BS.shape[1]), value=PAD_ID)
    measured = None if measuring is None else _byte_predictions(measuring, inputs_BS, targets_BS)
    predictions, entropies_BS = measured, None if measured is None else measured.entropies_BS
    lengths_BP = starts_BS = None
    if text_model.patcher is not None:
        lengths_BP, _ = text_model.patcher.patch(inputs_BS, entropies=entropies_BS)
        starts_BS = starts_from_lengths(lengths_BP, inputs_BS.shape[1] + 1)[:, 1:]
    if not isinstance(model, LMTransformer):
        assert lengths_BP is not None
        predictions = _predictions(model(inputs_BS, lengths_BP), targets_BS)
    assert predictions is not None
    fields = {
        "nats_N": predictions.nats_BS,
        "likeliest_N": predictions.likeliest_BS,
        "entropies_N": entropies_BS,
        "entropy_nats_N": None if measured is None or measured is predictions else measured.nats_BS,
        "starts_N": starts_BS,
    }
    return {name: None if x is None else x.cpu().numpy() for name, x in fields.items()}


def _byte_predictions(model: LMTransformer, inputs_BS: Tensor, targets_BS: Tensor) -> _Predictions:
    """Compute the predictions of a byte model; the memory is constant if the model has a window."""
    if model.args.window is None:
        return _predictions(model(inputs_BS), targets_BS)
    # The chunk is as long as the memory allows: longer for a batch of few rows.
    chunk = max(DEFAULT_CHUNK, BATCH_BYTES // len(inputs_BS) // 4)
    parts = [
        _predictions(logits_BCV, targets_BS[:, columns])
        for columns, logits_BCV in stream_logits(model, inputs_BS, chunk=chunk)
    ]
    return _Predictions(
        torch.cat([part.nats_BS for part in parts], dim=1),
        torch.cat([part.likeliest_BS for part in parts], dim=1),
        torch.cat([part.entropies_BS for part in parts], dim=1),
    )


def _predictions(logits_BSV: Tensor, targets_BS: Tensor) -> _Predictions:
    nats_BS = F.cross_entropy(logits_BSV.float().transpose(1, 2), targets_BS, reduction="none")
    return _Predictions(nats_BS, logits_BSV.argmax(-1) == targets_BS, entropy(logits_BSV))
