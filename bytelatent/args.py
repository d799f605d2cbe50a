"""What a training run is told, put together from the args of its parts."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bytelatent.checkpoint import CheckpointArgs
from bytelatent.data.windows import DataArgs
from bytelatent.model.args import LMTransformerArgs
from bytelatent.optim import OptimArgs


class EvalArgs(BaseModel):
    """Held-out loss during training.

    Attributes:
        every: steps between measurements.
        batches: batches of the validation split each time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: int = Field(default=500, ge=1)
    batches: int = Field(default=16, ge=1)


class TrainArgs(BaseModel):
    """A run of ``python -m bytelatent.train``.

    Attributes:
        name: name of the model that comes out.
        dump_dir: folder for ``config.yaml``, ``metrics.jsonl``, checkpoints and the model.
        steps: optimiser steps in all.
        log_every: steps between lines of ``metrics.jsonl``.
        dtype: ``bf16`` runs matrix products in bfloat16 by autocast; weights stay fp32.
        compile: run the model through ``torch.compile``.
        device: where to train.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    dump_dir: Path
    seed: int = 42
    steps: int = Field(ge=1)
    log_every: int = Field(default=10, ge=1)
    dtype: Literal["fp32", "bf16"] = "bf16"
    compile: bool = True
    device: str = "cpu"
    data: DataArgs
    entropy_model: LMTransformerArgs
    optim: OptimArgs = OptimArgs()
    checkpoint: CheckpointArgs = CheckpointArgs()
    eval: EvalArgs = EvalArgs()

    @model_validator(mode="after")
    def _check_lengths(self) -> "TrainArgs":
        if self.data.seq_len > self.entropy_model.max_seqlen:
            raise ValueError(
                f"data.seq_len {self.data.seq_len} exceeds entropy_model.max_seqlen "
                f"{self.entropy_model.max_seqlen}"
            )
        return self
