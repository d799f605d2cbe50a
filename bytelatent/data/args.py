"""Settings of the data loader."""

import math
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bytelatent.tokenizers.build import TokenizerArgs


class DataArgs(BaseModel):
    """Settings of the sources of text and of its batches.

    Attributes:
        root_dir: folder with ``train/``, ``valid/`` and ``test/``, each with the files of every
            source (see :func:`bytelatent.data.sources.find_chunks`).
        sources: weight of every source; the share of rows from a source is proportional to its
            weight. A source with weight 0 is not used.
        seq_len: number of tokens of a row; the same number of tokens is predicted.
        batch_size: number of rows of a step, over all processes together.
        seed: seed of the order of documents and of the choice of the source of every row.
        shuffle_block: number of documents that are shuffled together; a resumed run reads one such
            block again for every open file.
        on_bad_line: ``skip`` counts and logs lines without a usable document, ``error`` stops.
        on_changed_file: ``error`` refuses to resume a run if a file of its text is not the one that
            the checkpoint was made with, ``warn`` goes on in the new file.
        pack_by: ``bytes`` fills every row; ``patches`` ends a row after ``max_patches`` patches
            or ``seq_len`` bytes, whichever comes first.
        max_patches: largest number of patches of a row; only with ``pack_by: patches``.
        workers: number of processes that read ahead; 0 reads in the training process itself.
        text_key: field or column that contains the text.
        tokenizer: settings of the tokenizer; ``blt`` produces bytes. ``seq_len`` is a number of
            its tokens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_dir: Path
    sources: dict[str, float] = Field(min_length=1)
    seq_len: int = Field(default=1024, ge=2)
    batch_size: int = Field(default=8, ge=1)
    seed: int = Field(default=777, ge=0)
    shuffle_block: int = Field(default=4096, ge=1)
    on_bad_line: Literal["skip", "error"] = "error"
    on_changed_file: Literal["warn", "error"] = "error"
    pack_by: Literal["bytes", "patches"] = "bytes"
    max_patches: int | None = Field(default=None, ge=2)
    workers: int = Field(default=0, ge=0)
    text_key: str = Field(default="text", min_length=1)
    tokenizer: TokenizerArgs = TokenizerArgs()

    @field_validator("sources")
    @classmethod
    def _check_weights(cls, sources: dict[str, float]) -> dict[str, float]:
        weights = sources.values()
        if not (all(math.isfinite(w) and w >= 0 for w in weights) and sum(weights) > 0):
            raise ValueError(f"weights must be 0 or more and not all 0, got {sources}")
        return sources

    @model_validator(mode="after")
    def _check_packing(self) -> Self:
        if (self.pack_by == "patches") != (self.max_patches is not None):
            raise ValueError(
                f"max_patches goes with pack_by 'patches': got pack_by {self.pack_by!r} and "
                f"max_patches {self.max_patches}"
            )
        return self

    def used_sources(self) -> dict[str, float]:
        """Return the share of every source with a weight above 0; the shares sum to 1."""
        total = sum(self.sources.values())
        return {name: weight / total for name, weight in self.sources.items() if weight > 0}
