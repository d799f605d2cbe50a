"""Entropies of many documents, several at a time.

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
    """Nats at each token of BOS + bytes + EOS, for every document.

    Documents of similar length share a batch, filled up on the right. A model that looks only
    back sees none of the filling, so a document's entropies do not depend on its neighbours.
    """
    rows = [tokenize(document) for document in documents]
    found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(rows)
    device = model.tok_embeddings.weight.device
    for batch in length_batches([len(row) for row in rows], batch_bytes):
        tokens_BS = fill_up([rows[index] for index in batch]).to(device)
        # As much at once as the batch allows: a lone long document is cut where it would be alone.
        chunk = max(DEFAULT_CHUNK, batch_bytes // len(batch))
        nats_BS = calculate_entropies(model, tokens_BS, chunk=chunk).cpu().numpy()
        for index, nats_S in zip(batch, nats_BS, strict=True):
            found[index] = nats_S[: len(rows[index])].copy()
    return found
