"""Entropies of many documents, several at a time.

Legend: ``B`` rows, ``S`` bytes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bytelatent.data.documents import tokenize
from bytelatent.patching.entropies import DEFAULT_CHUNK, calculate_entropies
from bytelatent.tokenizers.constants import PAD_ID
from bytelatent.transformer import LMTransformer


def measure(
    model: LMTransformer, documents: Sequence[bytes], *, batch_bytes: int
) -> list[NDArray[np.float32]]:
    """Nats at each token of BOS + bytes + EOS, for every document.

    Documents of similar length share a batch, filled up on the right. A model that looks only
    back sees none of the filling, so a document's entropies do not depend on its neighbours.
    """
    rows = [tokenize(document) for document in documents]
    found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(rows)
    device = model.tok_embeddings.weight.device
    for batch in _batches([len(row) for row in rows], batch_bytes):
        tokens_BS = _fill_up([rows[index] for index in batch]).to(device)
        # As much at once as the batch allows: a lone long document is cut where it would be alone.
        chunk = max(DEFAULT_CHUNK, batch_bytes // len(batch))
        nats_BS = calculate_entropies(model, tokens_BS, chunk=chunk).cpu().numpy()
        for index, nats_S in zip(batch, nats_BS, strict=True):
            found[index] = nats_S[: len(rows[index])].copy()
    return found


def _batches(lengths: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Indices of rows by length, so many together that the filled batch stays within ``limit``.

    A row that is longer than that is a batch of its own.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[index] > limit:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _fill_up(rows: Sequence[NDArray[np.uint16]]) -> Tensor:
    tokens_BS = torch.full((len(rows), max(map(len, rows))), PAD_ID, dtype=torch.int64)
    for number, row in enumerate(rows):
        tokens_BS[number, : len(row)] = torch.from_numpy(row.astype(np.int64))
    return tokens_BS
