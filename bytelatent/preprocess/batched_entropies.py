"""Entropies of many documents, measured in batches.

Legend: ``B`` rows, ``S`` bytes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bytelatent.data.documents import tokenize
from bytelatent.data.ragged import fill_up, length_batches
from bytelatent.patching.entropies import DEFAULT_CHUNK, calculate_entropies
from bytelatent.transformer import LMTransformer


def measure(
    model: LMTransformer, documents: Sequence[bytes], *, batch_bytes: int
) -> list[NDArray[np.float32]]:
    """Measure the entropies in nats at each token of BOS + bytes + EOS, for every document.

    Documents of similar length share a batch that is padded on the right. The model looks only
    back, so the entropies of a document depend neither on padding nor on other documents.
    """
    rows = [tokenize(document) for document in documents]
    entropies: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(rows)
    device = model.tok_embeddings.weight.device
    for batch in length_batches([len(row) for row in rows], batch_bytes):
        tokens_BS = fill_up([rows[index] for index in batch]).to(device)
        # The chunk is as long as the memory allows: longer for a batch of few documents.
        chunk = max(DEFAULT_CHUNK, batch_bytes // len(batch))
        nats_BS = calculate_entropies(model, tokens_BS, chunk=chunk).cpu().numpy()
        for index, nats_S in zip(batch, nats_BS, strict=True):
            entropies[index] = nats_S[: len(rows[index])].copy()
    return entropies
