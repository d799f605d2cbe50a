"""A BLT to look into that needs no file: all it shows follows from the bytes and their places."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bytelatent.architecture.ngrams import last_hashes
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.runtime.inspection import HashTable, Inspection
from tests.app.fakes import SHAPES, FakeBlt, FakeModel

VECTORS, HEADS = SHAPES.blt.patch_vectors, SHAPES.blt.cross_heads
SIZES, ROWS = SHAPES.blt.hashes.sizes, SHAPES.blt.hashes.buckets


@dataclass
class FakeInspected(FakeBlt):
    """Cuts where :class:`FakeModel` is unsure: in front of the text and behind each space."""

    patcher: PatcherArgs = field(default_factory=lambda: PatcherArgs(threshold=1.5))
    seen: list[bytes] = field(default_factory=list)

    def inspect(self, data: bytes, *, top_k: int = 0) -> Inspection:
        self.seen.append(data)
        found = FakeModel().analyse(data, top_k=top_k)
        tokens, size = found.tokens, len(found.tokens)
        starts = np.append([True], found.entropies > 1.5)
        starts[1] = True
        own = np.cumsum(starts) - 1
        read = own[:-1]
        prefixes = [tokens[: end + 1].tolist() for end in range(size)]
        return Inspection(
            tokens=tokens,
            entropies=found.entropies,
            patch_lengths=np.diff(np.append(np.flatnonzero(starts), size + 1)),
            encoder_patch=read,
            decoder_patch=own[1:] - 1,
            hash_ids=np.array([last_hashes(prefix, SIZES, 0, ROWS) for prefix in prefixes]),
            hash_tables=tuple(HashTable(size, 0) for size in SIZES),
            encoder_weights=over_patches(numbers(tokens, 1), read, int(own[-1])),
            decoder_weights=over_vectors(numbers(tokens, SHAPES.blt.decoder.n_layers)),
            nats=found.nats,
            top_ids=found.top_ids,
            top_probabilities=found.top_probabilities,
        )


def numbers(tokens: NDArray[np.int64], layers: int) -> NDArray[np.float32]:
    """Something for each layer, token, vector and head, ``[L, S, K, H]``."""
    layer, place, vector, head = np.indices((layers, len(tokens), VECTORS, HEADS))
    mixed = tokens[place] * 7 + place * 3 + vector * 5 + head * 2 + layer
    return np.asarray(1.0 + mixed % 11, dtype=np.float32)


def over_patches(
    score: NDArray[np.float32], patch: NDArray[np.int64], complete: int
) -> NDArray[np.float32]:
    """Shares of the tokens of each complete patch; nobody has read the open one."""
    share = np.zeros_like(score)
    for number in range(complete):
        mine = patch == number
        share[:, mine] = score[:, mine] / score[:, mine].sum(axis=1, keepdims=True)
    return share


def over_vectors(score: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shares of the vectors of a patch."""
    share: NDArray[np.float32] = score / score.sum(axis=2, keepdims=True)
    return share
