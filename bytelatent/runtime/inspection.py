"""Internal values of a BLT for one text, for display.

Legend: ``S`` tokens (BOS first), ``P`` complete patches, ``N`` hash tables, ``K`` vectors per
patch, ``H`` heads, ``R`` layers of the encoder with cross-attention, ``X`` layers of the decoder
with cross-attention.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bytelatent.runtime.numpy_kv_cache import Floats
from bytelatent.runtime.numpy_rows import Seen
from bytelatent.runtime.onnx_format import BltShape
from bytelatent.runtime.scores import log_softmax, top
from bytelatent.runtime.steps import StepModel
from bytelatent.tokenizers.blt_tokenizer import bytes_of_id
from bytelatent.tokenizers.constants import BOS_ID, OFFSET

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PatchView:
    """One patch of a text.

    Attributes:
        position: number of the patch, which is its position in the global transformer; the global
            transformer has not yet run on the last patch of a text if that patch is not complete.
        begin, end: range of its tokens, ``tokens[begin:end]``.
        data: bytes of these tokens, without special tokens.
        complete: whether the global transformer has run on the patch.
    """

    position: int
    begin: int
    end: int
    data: bytes
    complete: bool


@dataclass(frozen=True)
class HashTable:
    """One table of hash n-gram embeddings.

    Attributes:
        size: number of bytes of an n-gram.
        function: number of the hash function.
    """

    size: int
    function: int


@dataclass(frozen=True)
class Inspection:
    """Internal values of a BLT for a text of ``S - 1`` bytes.

    Attributes:
        tokens: token ids ``[S]``, BOS first.
        entropies: entropies in nats ``[S]`` of the prediction at each token; None if the patching
            rule uses no entropy model.
        patch_lengths: numbers of bytes ``[P + 1]`` with the sum ``S + 1``: the next byte, which is
            not in the text, is counted too.
        encoder_patch: for each token the patch that contains it, ``[S]``; ``P`` for the open patch.
        decoder_patch: for each token the patch from whose latent the token after it is predicted,
            ``[S]``: the latest complete patch, which precedes the patch of the token.
        hash_ids: bucket of the n-gram that ends at each token, ``[S, N]``.
        hash_tables: description of the ``N`` tables.
        encoder_weights: cross-attention weights ``[R, S, K, H]`` of the ``K`` vectors of each patch
            over its tokens; for each head the sum over the tokens of a patch is 1. They are 0 in
            the open patch.
        decoder_weights: cross-attention weights ``[X, S, K, H]`` of each token over the ``K``
            vectors of its decoder patch; for each head the sum over the vectors is 1.
        nats: surprisal ``-ln p`` of every byte in nats, ``[S - 1]``.
        top_ids, top_probabilities: most likely next tokens and their probabilities, ``[S, k]``, in
            descending order.
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
        """All patches that contain tokens; the last of them may be open."""
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
        """Mean of ``encoder_weights`` over all heads, ``[R, S, K]``."""
        return np.asarray(self.encoder_weights.mean(-1))

    @property
    def mean_decoder_weights(self) -> Floats:
        """Mean of ``decoder_weights`` over all heads, ``[X, S, K]``."""
        return np.asarray(self.decoder_weights.mean(-1))


def inspect(model: StepModel, data: bytes, *, top_k: int = 0) -> Inspection:
    """Run ``model`` over ``data``; see :meth:`bytelatent.runtime.BltRuntime.inspect`.

    Args:
        model: the model.
        data: bytes of the text.
        top_k: number of most likely next tokens to return for every position.
    """
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
    entropies = [value for value in seen.entropies if value is not None]
    return np.array(entropies, dtype=np.float32) if entropies else None


def _hash_tables(shape: BltShape) -> tuple[HashTable, ...]:
    return tuple(
        HashTable(size, function)
        for function in range(shape.hash_functions)
        for size in shape.hash_sizes
    )


def _encoder_weights(seen: Seen, shape: BltShape, size: int) -> Floats:
    """Concatenate the weights of all complete patches; the open patch gets zeros."""
    layers = len(shape.encoder_cross)
    whole = np.zeros((layers, size, shape.patch_vectors, shape.cross_heads), np.float32)
    if seen.encoder_weights:
        weights = np.concatenate(seen.encoder_weights, axis=1)
        whole[:, : weights.shape[1]] = weights
    return whole


def _decoder_weights(seen: Seen, shape: BltShape, size: int) -> Floats:
    if seen.decoder_weights:
        return np.concatenate(seen.decoder_weights, axis=1)
    return np.zeros((0, size, shape.patch_vectors, shape.cross_heads), np.float32)
