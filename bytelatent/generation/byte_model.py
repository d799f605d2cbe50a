"""What a run asks of a model, be it torch's or onnxruntime's.

States, latents and logits go from one of its methods to another; what they are is its own affair.
Logits can be read by the sampler.

Legend: ``R`` rows, ``V`` vocabulary.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bytelatent.generation.boundaries import Boundaries, BoundaryState


class KVCache(Protocol):
    """Keys and values of a row in one stack of blocks.

    Attributes:
        count: positions so far.
    """

    count: int

    def checkpoint(self, size: int) -> None:
        """Remember what the next ``size`` positions will stand on."""

    def rollback(self, count: int) -> None:
        """Forget the positions from ``count`` on, which came after :meth:`checkpoint`."""

    def reset(self) -> None:
        """The document has ended."""


class OpenPatch(Protocol):
    """States of the bytes of the patch that is not complete.

    Attributes:
        size: bytes so far.
        ends_document: whether one of them is an end of document.
    """

    size: int
    ends_document: bool


class Row(Protocol):
    """All that a row's next byte depends on.

    Attributes:
        recent: the last ids, as many as the longest n-gram has.
        boundary: what the patching rule remembers.
        latent: of the patch that bytes are predicted from.
        logits_V: of the next byte.
        entropy: nats of the prediction of the next byte; None where the rule needs none.
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
        """None where the rule needs no entropies."""

    @property
    def encoder_cache(self) -> KVCache:
        """Of bytes."""

    @property
    def global_cache(self) -> KVCache:
        """Of patches."""

    @property
    def decoder_cache(self) -> KVCache:
        """Of bytes."""

    @property
    def open_patch(self) -> OpenPatch:
        """Which bytes are read into."""


AnyRow = TypeVar("AnyRow", bound=Row)


class ByteModel(Protocol[AnyRow]):
    """A BLT with its entropy model and its patching rule."""

    @property
    def boundaries(self) -> Boundaries:
        """The rule."""

    @property
    def vocab_size(self) -> int:
        """``V``."""

    @property
    def eos_id(self) -> int:
        """The end of document."""

    @property
    def patch_bytes(self) -> int | None:
        """Room for bytes side by side; None where patches have no limit."""

    @property
    def longest_draft(self) -> int:
        """Positions that every cache can take back."""

    def inference_context(self) -> AbstractContextManager[Any]:
        """What must be open around calls, and around changes to caches."""

    def stacked(self, logits: Sequence[Any]) -> NDArray[np.float32]:
        """Logits of several rows as ``[R, V]``."""

    def prefill(self, tokens: Sequence[int]) -> AnyRow:
        """A row that has run over ``tokens``, BOS first."""

    def step(self, rows: Sequence[AnyRow], tokens: Sequence[int]) -> None:
        """Give each row its next token."""

    def measure(
        self, row: AnyRow, tokens: Sequence[int], before: Sequence[int]
    ) -> Sequence[float | None]:
        """Run the entropy model: nats after each token, None where the rule needs none.

        Args:
            row: its entropy cache takes them in.
            tokens: ids; the encoder may have run over them already.
            before: ids in front of them, as many as ``row.recent`` keeps.
        """

    def draft(self, row: AnyRow, token: int) -> tuple[Any, Any]:
        """Run encoder and decoder over ``token``: its state, and logits after it.

        The open patch takes it in, and may grow past where it is complete.
        """

    def encode_patches(self, row: AnyRow, edges: Sequence[int]) -> Sequence[Any]:
        """One global pass over patches cut out of the open one, which stays as it is: latents.

        Args:
            row: its global cache takes them in.
            edges: where the first begins, and where each ends.
        """

    def decode(self, row: AnyRow, states: Sequence[Any], latents: Sequence[Any]) -> Sequence[Any]:
        """Run the decoder over states of :meth:`draft`, each predicted from its latent: logits."""

    def keep(self, row: AnyRow, begin: int, end: int) -> None:
        """Leave only the bytes from ``begin`` to ``end`` in the open patch."""
