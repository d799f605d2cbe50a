"""Batches of windows drawn from weighted sources.

Which windows make up batch ``step`` follows from the seed and the step alone, so a resumed run
needs no saved state to go on with exactly the next batch.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from bytelatent.data.documents import Tokens, read_source


class DataArgs(BaseModel):
    """Where text comes from and how it is batched.

    Attributes:
        root_dir: folder with ``train/``, ``valid/`` and ``test/``, each with ``SOURCE.jsonl``.
        sources: weight of every source; the share of windows drawn from it (0: not at all).
        seq_len: bytes that are predicted in a row.
        batch_size: rows of a batch.
        seed: decides the order of documents and the windows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_dir: Path
    sources: dict[str, float] = Field(min_length=1)
    seq_len: int = Field(default=1024, ge=2)
    batch_size: int = Field(default=8, ge=1)
    seed: int = Field(default=777, ge=0)


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
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            raise ValueError(
                f"data.sources: weights must be 0 or more and not all 0, got {args.sources}"
            )
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
