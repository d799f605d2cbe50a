"""What a BLT does with a text, for a person to look at.

Legend: ``S`` tokens (BOS first), ``P`` complete patches, ``N`` hash tables, ``K`` vectors per
patch, ``H`` heads, ``R`` layers of the encoder with cross-attention, ``X`` of the decoder.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bytelatent.runtime.onnx_format import BltShape
from bytelatent.runtime.runtime_rows import Seen
from bytelatent.runtime.scores import log_softmax, top
from bytelatent.runtime.steps import StepModel
from bytelatent.tokenizers.blt_tokenizer import bytes_of_id
from bytelatent.tokenizers.constants import BOS_ID, OFFSET

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PatchView:
    """One patch.

    Attributes:
        position: its number, which is its position in the global model; the last patch of a text,
            which is not complete, has not been there yet.
        begin, end: its tokens, ``tokens[begin:end]``.
        data: their bytes, without special tokens.
        complete: whether the global model has run on it.
    """

    position: int
    begin: int
    end: int
    data: bytes
    complete: bool


@dataclass(frozen=True)
class HashTable:
    """One table of hash n-gram embeddings: bytes of an n-gram, and number of the function."""

    size: int
    function: int


@dataclass(frozen=True)
class Inspection:
    """A pass over a text of ``S - 1`` bytes.

    Attributes:
        tokens: ids ``[S]``, BOS first.
        entropies: nats ``[S]``, of the prediction made at each token; None if the rule needs none.
        patch_lengths: ``[P + 1]``, summing to ``S + 1``: the next, unseen byte counts.
        encoder_patch: patch that a token is read into, ``[S]``; ``P`` for those of the open one.
        decoder_patch: patch that the token after it is predicted from, ``[S]``: the latest complete
            one, which lags behind the token's own.
        hash_ids: bucket of the n-gram that ends at each token, ``[S, N]``.
        hash_tables: what the ``N`` tables are.
        encoder_weights: ``[R, S, K, H]``: how much the ``K`` vectors of a token's encoder patch
            look at it, of each head 1 over the tokens of a patch; 0 in the open patch.
        decoder_weights: ``[X, S, K, H]``: how much a token looks at the ``K`` vectors of its
            decoder patch, of each head 1 over the vectors.
        nats: surprisal ``[S - 1]`` of every byte, ``-ln p``.
        top_ids, top_probabilities: the likeliest next tokens ``[S, k]``, likeliest first.
    """

    tokens: Ints
    entropies: Floats | None
    patch_lengths: Ints
    encoder_patch: Ints
    decoder_patch: Ints
    hash_ids: Ints
    hash_tables: tuple[HashTable, ...]
    encoder_weights: Floats
    decoder_weights: Floats
    nats: Floats
    top_ids: Ints
    top_probabilities: Floats

    @cached_property
    def patches(self) -> list[PatchView]:
        """All patches that hold tokens; the last may be open."""
        ends = np.cumsum(self.patch_lengths)
        size, complete = len(self.tokens), len(ends) - 1
        views = []
        for number, end in enumerate(ends.tolist()):
            begin, end = end - int(self.patch_lengths[number]), min(end, size)
            if begin < end:
                data = b"".join(bytes_of_id(token) for token in self.tokens[begin:end].tolist())
                views.append(PatchView(number, begin, end, data, number < complete))
        return views

    @property
    def mean_encoder_weights(self) -> Floats:
        """``[R, S, K]``, the mean of all heads."""
        return np.asarray(self.encoder_weights.mean(-1))

    @property
    def mean_decoder_weights(self) -> Floats:
        """``[X, S, K]``, the mean of all heads."""
        return np.asarray(self.decoder_weights.mean(-1))


def inspect(model: StepModel, data: bytes, *, top_k: int = 0) -> Inspection:
    """Run ``model`` over ``data``; see :meth:`bytelatent.runtime.BltRuntime.inspect`."""
    tokens = [BOS_ID, *(byte + OFFSET for byte in data)]
    row, seen = model.begin(), Seen()
    for chunk in model.chunks(tokens):
        model.advance(row, chunk, seen)
    size, shape = len(tokens), model.shape
    starts = np.array([True, *seen.closes])
    own = np.cumsum(starts) - 1
    ids = np.array(tokens)
    log_p = log_softmax(np.concatenate(seen.logits))
    top_ids, top_probabilities = top(log_p, min(top_k, model.vocab_size))
    return Inspection(
        tokens=ids,
        entropies=_entropies(seen),
        patch_lengths=np.diff(np.append(np.flatnonzero(starts), size + 1)),
        encoder_patch=own[:-1],
        decoder_patch=own[1:] - 1,
        hash_ids=np.concatenate(seen.hashes),
        hash_tables=_hash_tables(shape),
        encoder_weights=_encoder_weights(seen, shape, size),
        decoder_weights=_decoder_weights(seen, shape, size),
        nats=-log_p[np.arange(size - 1), ids[1:]],
        top_ids=top_ids,
        top_probabilities=top_probabilities,
    )


def _entropies(seen: Seen) -> Floats | None:
    found = [value for value in seen.entropies if value is not None]
    return np.array(found, dtype=np.float32) if found else None


def _hash_tables(shape: BltShape) -> tuple[HashTable, ...]:
    return tuple(
        HashTable(size, function)
        for function in range(shape.hash_functions)
        for size in shape.hash_sizes
    )


def _encoder_weights(seen: Seen, shape: BltShape, size: int) -> Floats:
    """Patches follow one another, so their weights do; nobody has read the open one."""
    layers = len(shape.encoder_cross)
    whole = np.zeros((layers, size, shape.patch_vectors, shape.cross_heads), np.float32)
    if seen.encoder_weights:
        found = np.concatenate(seen.encoder_weights, axis=1)
        whole[:, : found.shape[1]] = found
    return whole


def _decoder_weights(seen: Seen, shape: BltShape, size: int) -> Floats:
    if seen.decoder_weights:
        return np.concatenate(seen.decoder_weights, axis=1)
    return np.zeros((0, size, shape.patch_vectors, shape.cross_heads), np.float32)
