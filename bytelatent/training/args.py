"""Settings of a training run, composed of the settings of its parts."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.data.args import DataArgs
from bytelatent.distributed.parallel import ParallelArgs
from bytelatent.metrics import SinkArgs
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.training.checkpoint import CheckpointArgs
from bytelatent.training.optim import OptimArgs
from bytelatent.training.profiling import ProfileArgs


class EvalArgs(BaseModel):
    """Settings of the held-out loss that is measured during training.

    Attributes:
        every: number of steps between two measurements.
        batches: number of batches of the validation split in each measurement; they are always the
            same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: int = Field(default=500, ge=1)
    batches: int = Field(default=16, ge=1)


class TrainArgs(BaseModel):
    """Settings of a run of ``python -m bytelatent.train``.

    Attributes:
        name: name of the model that the run trains.
        dump_dir: folder for ``config.yaml``, ``metrics.jsonl``, the checkpoints and the model.
        seed: seed of the initial weights and of dropout.
        steps: total number of optimiser steps.
        log_every: number of steps between two lines of ``metrics.jsonl``.
        dtype: ``bf16`` computes matrix products in bfloat16 by autocast; the weights stay in fp32.
        compile: whether to run the model through ``torch.compile``.
        device: device to train on; ``cuda`` takes one GPU per process.
        micro_batch: number of rows that a process runs at once; null takes the whole share of the
            process in a batch. The gradients of several micro-batches are added up.
        divergence_factor: the run stops if the loss exceeds the lowest loss so far by more than
            this factor. The old name ``explode`` is accepted with a warning.
        init_from: folder or name of a model whose weights the run starts from; null draws fresh
            weights.
        data: sources, rows and batches.
        entropy_model, blt: the model to train; exactly one of the two is set.
        patcher: patching rule of a BLT.
        patcher_model: folder or name of the byte model that measures entropies during training;
            null if the data contain entropies or the patcher needs none.
        optim: optimiser and learning rate.
        distributed: how several processes share the model.
        checkpoint: when checkpoints are written and how many are kept.
        eval: held-out loss during the run.
        metrics: where metrics are sent besides ``metrics.jsonl``.
        profile: steps that torch's profiler records in a trace.
        retired_keys: current name by old name of a setting; files of older runs contain old names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    retired_keys: ClassVar[dict[str, str]] = {"explode": "divergence_factor"}

    name: str
    dump_dir: Path
    seed: int = 42
    steps: int = Field(ge=1)
    log_every: int = Field(default=10, ge=1)
    dtype: Literal["fp32", "bf16"] = "bf16"
    compile: bool = True
    device: str = "cpu"
    micro_batch: int | None = Field(default=None, ge=1)
    divergence_factor: float = Field(default=3.0, gt=1)
    init_from: str | None = None
    data: DataArgs
    entropy_model: LMTransformerArgs | None = None
    blt: ByteLatentTransformerArgs | None = None
    patcher: PatcherArgs | None = None
    patcher_model: str | None = None
    optim: OptimArgs = OptimArgs()
    distributed: ParallelArgs = ParallelArgs()
    checkpoint: CheckpointArgs = CheckpointArgs()
    eval: EvalArgs = EvalArgs()
    metrics: SinkArgs = SinkArgs()
    profile: ProfileArgs = ProfileArgs()

    @model_validator(mode="before")
    @classmethod
    def _accept_old_names(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "explode" not in values:
            return values
        if "divergence_factor" in values:
            raise ValueError("explode is the old name of divergence_factor: give one of the two")
        return {cls.retired_keys.get(key, key): value for key, value in values.items()}

    @model_validator(mode="after")
    def _check(self) -> "TrainArgs":
        if (self.entropy_model is None) == (self.blt is None):
            raise ValueError("give one of entropy_model and blt: the model to train")
        if (self.blt is None) != (self.patcher is None):
            raise ValueError("patcher: a blt needs one, an entropy_model has no use for it")
        if self.blt is not None and self.data.tokenizer.name != "blt":
            raise ValueError(
                f"data.tokenizer: a blt reads bytes, not tokens of {self.data.tokenizer.name!r}"
            )
        if self.patcher_model is not None and self.patcher is None:
            raise ValueError("patcher_model: without a patcher nothing is measured")
        if self.entropy_model and self.data.seq_len > self.entropy_model.max_seqlen:
            raise ValueError(
                f"data.seq_len {self.data.seq_len} exceeds entropy_model.max_seqlen "
                f"{self.entropy_model.max_seqlen}"
            )
        return self

    @property
    def model(self) -> LMTransformerArgs | ByteLatentTransformerArgs:
        """Settings of the model to train."""
        model_args = self.entropy_model or self.blt
        assert model_args is not None
        return model_args
