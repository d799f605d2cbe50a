"""A step of one byte of several rows on ONNX graphs: each graph runs once and reads weights once.

The rows may be at different places of different texts, and a patch may end in some of them only:
then the global transformer runs over these rows. A row gets the result that it gets alone, except
for rounding: a product of several rows may add in another order.

Legend: ``R`` rows, ``J`` encoder layers whose states patches use, ``D`` local width, ``F`` width of
a latent, ``V`` vocabulary.
"""

from collections.abc import Sequence

import numpy as np

from bytelatent.architecture.ngrams import last_buckets
from bytelatent.runtime.numpy_kv_batch import NumpyKVBatch
from bytelatent.runtime.numpy_kv_cache import Floats
from bytelatent.runtime.numpy_rows import NumpyRow
from bytelatent.runtime.steps import StepModel

MAX_COPIED_PATCHES = 4096
"""Largest number of patches, of all rows together, whose keys and values one call copies.

Copies of more take longer than a run of each row by itself, which needs no copy.
"""


class RowStepModel(StepModel):
    """A BLT as graphs that steps several rows together; see :class:`.steps.StepModel`."""

    def step(self, rows: Sequence[NumpyRow], tokens: Sequence[int]) -> None:
        """Advance each row by its next token, all rows together as far as they can.

        Raises:
            ValueError: a patch has more bytes than the model can concatenate.
        """
        able: list[tuple[NumpyRow, int]] = []
        rest: list[tuple[NumpyRow, int]] = []
        for row, token in zip(rows, tokens, strict=True):
            (able if self._can_join(row, token) else rest).append((row, token))
        if len(able) > 1:
            self._together([row for row, _ in able], [token for _, token in able])
        else:
            rest += able
        for row, token in rest:
            self.advance(row, [token])

    def _can_join(self, row: NumpyRow, token: int) -> bool:
        """Return whether the next step of ``row``, by ``token``, can run together with other rows.

        The first byte of a row, the end of a document, the patch after it and a patch that may be
        too long to concatenate are steps of one row.
        """
        full = self.patch_bytes is not None and row.open_patch.size >= self.patch_bytes
        ends = row.open_patch.ends_document or token == self.eos_id
        return not (row.latent is None or full or ends)

    def _together(self, rows: Sequence[NumpyRow], tokens: Sequence[int]) -> None:
        for row, token in zip(rows, tokens, strict=True):
            row.recent.append(token)
        self._measure_all(rows, tokens)
        for row, token in zip(rows, tokens, strict=True):
            row.starts = self.boundaries.push(row.boundary, token, row.entropy)
        states_RD = self._encode_all(rows, tokens)
        closing = [row for row in rows if row.starts]
        if closing:
            self._close_all(closing)
        self._decode_all(rows, states_RD)

    def _measure_all(self, rows: Sequence[NumpyRow], tokens: Sequence[int]) -> None:
        """Set the entropy of each row to that of the prediction after its token."""
        graph = self.entropy_graph
        caches = [row.entropy_cache for row in rows if row.entropy_cache is not None]
        if graph is not None and caches:
            entropies = graph.step(caches, tokens, [row.recent for row in rows])
            for row, nats in zip(rows, entropies, strict=True):
                row.entropy = nats

    def _encode_all(self, rows: Sequence[NumpyRow], tokens: Sequence[int]) -> Floats:
        """Encode the newest bytes and add their states to the open patches; return ``[R, D]``."""
        shape, caches = self.shape, [row.encoder_cache for row in rows]
        batch = NumpyKVBatch.shared(caches)
        feed = batch.inputs(caches) | {"tokens": np.array(tokens)}
        recent = [row.recent for row in rows]
        feed["hashes"] = last_buckets(
            recent, shape.hash_sizes, shape.hash_functions, shape.hash_buckets
        )
        states_RD, read_JRD, new = self.sessions.encoder.run(["states", "read", "new"], feed)
        batch.take(caches, new)
        for number, row in enumerate(rows):
            row.open_patch.add(read_JRD[:, number : number + 1])
        return np.asarray(states_RD)

    def _close_all(self, rows: Sequence[NumpyRow]) -> None:
        """Complete the open patch of each row and set its latent."""
        sizes = [row.open_patch.size for row in rows]
        caches = [row.global_cache for row in rows]
        copied = sum(cache.count for cache in caches)
        if len(rows) > 1 and copied <= MAX_COPIED_PATCHES and self.fits(len(rows), max(sizes)):
            ends = np.cumsum(sizes, dtype=np.int64)
            feed = NumpyKVBatch.copied(caches).inputs(caches)
            feed |= self.patch_inputs(ends - sizes, ends)
            feed["read"] = np.concatenate([row.open_patch.states() for row in rows], axis=1)
            latents_RF, new = self.sessions.globals.run(["latents", "new"], feed)
            for number, row in enumerate(rows):
                row.latent = latents_RF[number]
                row.global_cache.take(new[number])
        else:
            for row, size in zip(rows, sizes, strict=True):
                (row.latent,) = self.encode_patches(row, [0, size])
        for row, size in zip(rows, sizes, strict=True):
            row.open_patch.keep(size, size)

    def _decode_all(self, rows: Sequence[NumpyRow], states_RD: Floats) -> None:
        """Run the decoder over the newest bytes and set the logits of the next byte of each row."""
        caches = [row.decoder_cache for row in rows]
        batch = NumpyKVBatch.shared(caches)
        feed = batch.inputs(caches) | {"states": states_RD, "patch": np.arange(len(rows))}
        feed["latents"] = np.stack([row.latent for row in rows])
        logits_RV, new = self.sessions.decoder.run(["logits", "new"], feed)
        batch.take(caches, new)
        for number, row in enumerate(rows):
            row.logits_V = logits_RV[number]
