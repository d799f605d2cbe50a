"""What a model makes of every byte of a text: the numbers behind all evaluation.

Legend: ``B`` rows, ``S`` tokens of a row, ``P`` patches, ``N`` bytes of a text, ``V`` vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bytelatent.data.documents import tokenize
from bytelatent.data.ragged import fill_up, length_batches
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.prefill import prefill
from bytelatent.generation.torch_backend.recompute import greedy_tokens
from bytelatent.loading import TextModel
from bytelatent.patching.entropies import DEFAULT_CHUNK, entropy, stream_logits
from bytelatent.patching.rules import PatchingMode, starts_from_lengths
from bytelatent.tokenizers.constants import OFFSET, PAD_ID
from bytelatent.transformer import LMTransformer

BATCH_BYTES = 16_384
"""Bytes, padding included, that are run at once; a trade of memory for overhead."""


@dataclass(frozen=True)
class ByteScores:
    """The ``N`` bytes of a text, each predicted from BOS and the bytes before it.

    Attributes:
        nats_N: surprisal, float32.
        likeliest_N: whether the byte was the likeliest next token.
        entropies_N: nats, float32, of the prediction of the byte by the entropy model, which a byte
            model is itself; None without one.
        entropy_nats_N: surprisal by the entropy model of a BLT; None for a byte model.
        starts_N: whether the byte starts a patch; None without a patcher.
    """

    nats_N: NDArray[np.float32]
    likeliest_N: NDArray[np.bool_]
    entropies_N: NDArray[np.float32] | None
    entropy_nats_N: NDArray[np.float32] | None
    starts_N: NDArray[np.bool_] | None


@dataclass(frozen=True)
class _Predictions:
    """For every target of a batch: surprisal, whether it was the likeliest token, entropy."""

    nats_BS: Tensor
    likeliest_BS: Tensor
    entropies_BS: Tensor


def score(
    text_model: TextModel, texts: Sequence[bytes], *, batch_bytes: int = BATCH_BYTES
) -> list[ByteScores]:
    """Run ``texts``, each by itself and in one piece.

    Texts of similar length share a batch, filled up at the end, which changes nothing for their
    bytes: nothing looks ahead. For a byte model with a window a text may have any length; a BLT
    holds a text and its patches in memory at once.

    Raises:
        ValueError: the model or its patcher cannot run on a text.
    """
    found: dict[int, ByteScores] = {}
    rows = [tokenize(text)[:-1] for text in texts]
    for batch in length_batches([len(row) for row in rows], batch_bytes):
        tokens_BT = fill_up([rows[index] for index in batch]).to(text_model.device)
        fields = _score_batch(text_model, tokens_BT)
        for row, index in enumerate(batch):
            size = len(texts[index])
            own: dict[str, Any] = {
                name: None if x is None else x[row, :size].copy() for name, x in fields.items()
            }
            found[index] = ByteScores(**own)
    return [found[index] for index in range(len(texts))]


@torch.inference_mode()
def _score_batch(text_model: TextModel, tokens_BT: Tensor) -> dict[str, Any]:
    """The fields of :class:`ByteScores` for rows of BOS and ``S`` bytes, each ``[B, S]``."""
    model, measuring = text_model.model, text_model.entropy_model
    # Without a byte in any row, BOS alone is run, for the sake of the shapes.
    inputs_BS, targets_BS = tokens_BT[:, : max(1, tokens_BT.shape[1] - 1)], tokens_BT[:, 1:]
    targets_BS = F.pad(targets_BS, (0, inputs_BS.shape[1] - targets_BS.shape[1]), value=PAD_ID)
    measured = None if measuring is None else _byte_predictions(measuring, inputs_BS, targets_BS)
    found, entropies_BS = measured, None if measured is None else measured.entropies_BS
    lengths_BP = starts_BS = None
    if text_model.patcher is not None:
        lengths_BP, _ = text_model.patcher.patch(inputs_BS, entropies=entropies_BS)
        starts_BS = starts_from_lengths(lengths_BP, inputs_BS.shape[1] + 1)[:, 1:]
    if not isinstance(model, LMTransformer):
        assert lengths_BP is not None
        found = _predictions(model(inputs_BS, lengths_BP), targets_BS)
    assert found is not None
    fields = {
        "nats_N": found.nats_BS,
        "likeliest_N": found.likeliest_BS,
        "entropies_N": entropies_BS,
        "entropy_nats_N": None if measured is None or measured is found else measured.nats_BS,
        "starts_N": starts_BS,
    }
    return {name: None if x is None else x.cpu().numpy() for name, x in fields.items()}


def _byte_predictions(model: LMTransformer, inputs_BS: Tensor, targets_BS: Tensor) -> _Predictions:
    """Predictions of a byte model; in constant memory if it has a window."""
    if model.args.window is None:
        return _predictions(model(inputs_BS), targets_BS)
    # As much at once as the rows allow: few of them, longer chunks.
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


def continuation(text_model: TextModel, prompt: bytes) -> Iterator[int]:
    """The bytes that follow ``prompt`` when the likeliest is taken each time.

    Ends before the first token that is no byte, such as the end of the document.

    Raises:
        ValueError: the model or its patcher cannot run.
    """
    tokens_BS = fill_up([tokenize(prompt)[:-1]]).to(text_model.device)
    for token in _following(text_model, tokens_BS):
        if token < OFFSET:
            return
        yield token - OFFSET


def _following(text_model: TextModel, tokens_BS: Tensor) -> Iterator[int]:
    """The likeliest next tokens of one row, without end."""
    model, patcher = text_model.model, text_model.patcher
    if isinstance(model, LMTransformer):
        return (int(token_B1) for token_B1 in _greedy_tokens(model, tokens_BS))
    assert patcher is not None
    if patcher.args.mode() is PatchingMode.ENTROPY and patcher.args.threshold is None:
        # The rule looks at later bytes: nothing can be kept.
        return (int(token_B1) for token_B1 in greedy_tokens(model, patcher, tokens_BS))
    incremental = Incremental(model, text_model.entropy_model, patcher.args)
    return _steps(incremental, tokens_BS[0].tolist())


def _steps(model: Incremental, tokens: list[int]) -> Iterator[int]:
    """The likeliest next tokens of a BLT byte by byte."""
    row = prefill(model, tokens)
    while True:
        token = int(row.logits_V.argmax())
        yield token
        model.step([row], [token])


@torch.inference_mode()
def _greedy_tokens(model: LMTransformer, tokens_BS: Tensor) -> Iterator[Tensor]:
    """The most likely next tokens ``[B, 1]`` of a byte model, without end."""
    if model.args.window is None:
        while True:
            next_B1 = model(tokens_BS)[:, -1:].argmax(-1)
            tokens_BS = torch.cat([tokens_BS, next_B1], dim=1)
            yield next_B1
    state = model.initial_state(len(tokens_BS))
    while True:
        logits_BSV, state = model.forward_chunk(tokens_BS, state)
        tokens_BS = logits_BSV[:, -1:].argmax(-1)
        yield tokens_BS
