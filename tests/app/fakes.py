"""A model that needs no file: entropies follow from the bytes alone, so results are repeatable."""

import time
from dataclasses import dataclass, field

import numpy as np

from bytelatent.runtime import ByteAnalysis
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer

ENCODE = BltTokenizer(add_bos=True, add_eos=False).encode_bytes


@dataclass
class FakeModel:
    """Unsure of what follows a space, sure of everything else; expects the byte that comes."""

    name: str = "fake"
    threshold: float = 1.5
    pause: float = 0.0
    asked: list[bytes] = field(default_factory=list)

    def analyse(self, data: bytes, *, top_k: int = 0, between=None) -> ByteAnalysis:
        self.asked.append(data)
        until = time.monotonic() + self.pause
        while time.monotonic() < until:
            time.sleep(min(0.02, self.pause))
            if between:
                between()
        tokens = np.array(ENCODE(data), dtype=np.int64)
        places = np.arange(len(tokens))
        before = tokens - 4
        low = 0.05 + ((before * 37 + places * 11) % 97) / 97
        entropies = np.where((before < 0) | (before == 0x20), 2.2 + low, low).astype(np.float32)
        after = np.append(tokens[1:], 2)
        ids = (after[:, None] - 4 + np.arange(top_k)) % 256 + 4
        shape = (len(tokens), top_k)
        probabilities = np.broadcast_to(0.5 ** np.arange(1, top_k + 1), shape)
        return ByteAnalysis(
            tokens=tokens,
            entropies=entropies,
            nats=np.full(len(data), np.log(2), dtype=np.float32),
            top_ids=ids,
            top_probabilities=probabilities.astype(np.float32),
        )
