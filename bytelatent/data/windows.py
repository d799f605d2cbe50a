"""Batches of windows drawn from weighted sources.

Which windows make up batch ``step`` follows from the seed and the step alone, so a resumed run
needs no saved state to go on with exactly the next batch.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bytelatent.data.args import DataArgs as DataArgs
from bytelatent.data.documents import Tokens, read_source


class WindowSampler:
    """Draws batches of one split.

    Args:
        args: sources and sizes.
        split: ``train``, ``valid`` or ``test``.

    Raises:
        ValueError: a source is missing, empty, or shorter than one window.
    """

    def __init__(self, args: DataArgs, split: str) -> None:
        self.args = args
        weights = np.array(list(args.sources.values()))
        self.share = weights[weights > 0] / weights.sum()
        self.rows: list[Tokens] = []
        for name, weight in args.sources.items():
            if weight == 0:
                continue
            tokens = read_source(args.root_dir / split / f"{name}.jsonl", seed=args.seed)
            if len(tokens) <= args.seq_len:
                raise ValueError(
                    f"data: source {name!r} has {len(tokens)} tokens in split {split!r}, "
                    f"fewer than a window of {args.seq_len + 1}"
                )
            self.rows.append(tokens)

    @property
    def total_tokens(self) -> int:
        """Tokens of all sources together."""
        return sum(len(row) for row in self.rows)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of ``step``, each ``[batch_size, seq_len]`` int64."""
        random = np.random.default_rng([self.args.seed, step])
        windows = np.stack([self._window(random) for _ in range(self.args.batch_size)])
        tokens = torch.from_numpy(windows)
        return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()

    def _window(self, random: np.random.Generator) -> NDArray[np.int64]:
        row = self.rows[random.choice(len(self.rows), p=self.share)]
        first = random.integers(len(row) - self.args.seq_len)
        return row[first : first + self.args.seq_len + 1].astype(np.int64)
