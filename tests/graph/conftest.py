"""A model made of seeded numbers."""

from collections.abc import Callable

import numpy as np
import pytest

from bytelatent.runtime.entropy_runtime import ByteAnalysis
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer


class FakeModel:
    """The same bytes always give the same numbers, and patches of about three bytes."""

    name = "fake"
    threshold = 1.5
    max_patch_length: int | None = None

    def analyse(
        self,
        data: bytes,
        *,
        top_k: int = 0,
        chunk: int = 128,
        between: Callable[[], None] | None = None,
    ) -> ByteAnalysis:
        for _ in range(0, len(data) + 1, chunk):
            if between is not None:
                between()
        tokens = np.array(BltTokenizer(add_eos=False).encode_bytes(data))
        draw = np.random.default_rng(len(data))
        return ByteAnalysis(
            tokens=tokens,
            entropies=draw.gamma(2.0, 0.6, len(tokens)).astype(np.float32),
            nats=draw.gamma(1.0, 1.4, len(data)).astype(np.float32),
            top_ids=np.zeros((len(tokens), top_k), dtype=np.int64),
            top_probabilities=np.zeros((len(tokens), top_k), dtype=np.float32),
        )


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()
