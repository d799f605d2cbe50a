"""The interface between a generation run and a model, for the torch and onnxruntime backends.

A run passes states, latents and logits from one method of the model to another and does not look
inside them; each backend chooses their type. Only the sampler reads logits.

Legend: ``R`` rows, ``S`` bytes, ``P`` patches, ``V`` vocabulary.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bytelatent.generation.boundaries import Boundaries
from bytelatent.patching.rules import BoundaryState


class KVCache(Protocol):
    """KV cache of one row in one transformer: keys and values of every layer.

    Attributes:
        count: positions of the current document that the cache has taken in.
    """

    count: int

    def checkpoint(self, size: int) -> None:
        """Save the slots that the next ``size`` positions overwrite, for :meth:`rollback`."""

    def rollback(self, count: int) -> None:
        """Remove the positions from ``count`` on; they must have come after :meth:`checkpoint`."""

    def reset(self) -> None:
        """Empty the cache, because a document has ended."""


class OpenPatch(Protocol):
    """Encoder states of the bytes of the open patch, which is the patch that has not ended yet.

    Attributes:
        size: number of bytes in the open patch.
        ends_document: whether one of these bytes is an end-of-document token (EOS).
    """

    size: int
    ends_document: bool


class Row(Protocol):
    """State of one row: everything that the prediction of its next byte depends on.

    Attributes:
        recent: the last token ids of the row, as many as the longest n-gram has bytes.
        boundary: state of the patching rule.
        latent: latent of the latest complete patch, from which the decoder predicts bytes.
        logits_V: logits of the next byte, ``[V]``.
        entropy: entropy in nats of the entropy model's prediction of the next byte; None if the
            patching rule uses no entropy model.
        starts: whether the next byte starts a patch.
    """

    recent: deque[int]
    boundary: BoundaryState
    latent: Any
    logits_V: Any
    entropy: float | None
    starts: bool

    @property
    def entropy_cache(self) -> KVCache | None:
        """KV cache of the entropy model, one entry per byte; None if the rule needs no entropy."""

    @property
    def encoder_cache(self) -> KVCache:
        """KV cache of the local encoder, one entry per byte."""

    @property
    def global_cache(self) -> KVCache:
        """KV cache of the global transformer, one entry per complete patch."""

    @property
    def decoder_cache(self) -> KVCache:
        """KV cache of the local decoder, one entry per byte."""

    @property
    def open_patch(self) -> OpenPatch:
        """The patch that has not ended yet, with the encoder states of its bytes."""


AnyRow = TypeVar("AnyRow", bound=Row)


class ByteModel(Protocol[AnyRow]):
    """Interface of a BLT together with its entropy model and its patching rule."""

    @property
    def boundaries(self) -> Boundaries:
        """The patching rule, which decides token by token where a patch starts."""

    @property
    def vocab_size(self) -> int:
        """Number of token ids, ``V``."""

    @property
    def eos_id(self) -> int:
        """Token id of the end of a document (EOS)."""

    @property
    def patch_bytes(self) -> int | None:
        """Largest number of bytes that a patch may hold; None if there is no limit."""

    @property
    def longest_draft(self) -> int:
        """Largest number of positions that every byte-level KV cache can roll back."""

    def inference_context(self) -> AbstractContextManager[Any]:
        """Return the context in which all other methods must run and all caches must be changed."""

    def stacked(self, logits: Sequence[Any]) -> NDArray[np.float32]:
        """Stack the logits of several rows into one array ``[R, V]``."""

    def prefill(self, tokens: Sequence[int]) -> AnyRow:
        """Run the model over the prompt ``tokens``, BOS first, and return the new row."""

    def prefill_parts(self, tokens: Sequence[int]) -> Iterator[AnyRow | None]:
        """Do the same as :meth:`prefill` in parts, so that other rows can advance in between.

        Yields:
            None after each part but the last, then the row.
        """

    def step(self, rows: Sequence[AnyRow], tokens: Sequence[int]) -> None:
        """Advance each row by its next token."""

    def measure(
        self, row: AnyRow, tokens: Sequence[int], before: Sequence[int]
    ) -> Sequence[float | None]:
        """Run the entropy model and return the entropy in nats after each token.

        An entropy is None if the patching rule uses no entropy model.

        Args:
            row: the row whose entropy cache takes in the tokens.
            tokens: token ids; the encoder may already have run over them.
            before: token ids that precede ``tokens``, as many as ``row.recent`` holds.
        """

    def draft(self, row: AnyRow, token: int) -> tuple[Any, Any]:
        """Run encoder and decoder over ``token``; return its encoder state and the logits after it.

        The token is added to the open patch, even if the patch should have ended before it.
        """

    def encode_patches(self, row: AnyRow, edges: Sequence[int]) -> Sequence[Any]:
        """Run the global transformer over the patches that ``edges`` delimits; return the latents.

        The open patch, which holds the bytes of these patches, is not changed.

        Args:
            row: the row whose global cache takes in the patches.
            edges: byte index in the open patch where the first patch begins, then where each patch
                ends, ``P + 1`` numbers.
        """

    def decode(self, row: AnyRow, states: Sequence[Any], latents: Sequence[Any]) -> Sequence[Any]:
        """Run the decoder over ``states`` from :meth:`draft` and return the logits of each.

        The byte with ``states[i]`` is decoded with ``latents[i]``.
        """

    def keep(self, row: AnyRow, begin: int, end: int) -> None:
        """Keep only the bytes ``begin`` to ``end`` (exclusive) of the open patch."""
