"""What a training run is told, put together from the args of its parts."""

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
    """Held-out loss during training.

    Attributes:
        every: steps between measurements.
        batches: batches of the validation split each time; always the same ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: int = Field(default=500, ge=1)
    batches: int = Field(default=16, ge=1)


class TrainArgs(BaseModel):
    """A run of ``python -m bytelatent.train``.

    Attributes:
        name: name of the model that comes out.
        dump_dir: folder for ``config.yaml``, ``metrics.jsonl``, checkpoints and the model.
        seed: of fresh weights and of dropout.
        steps: optimiser steps in all.
        log_every: steps between lines of ``metrics.jsonl``.
        dtype: ``bf16`` runs matrix products in bfloat16 by autocast; weights stay fp32.
        compile: run the model through ``torch.compile``.
        device: where to train; ``cuda`` is one GPU per process.
        micro_batch: rows that a process runs at once; its share of the batch when null. Smaller
            ones add up their gradients.
        divergence_factor: stop when the loss exceeds this many times the lowest so far. Its old
            name ``explode`` is accepted with a warning.
        init_from: a model folder or name whose weights to start from, in place of fresh ones.
        data: sources, rows and batches.
        entropy_model, blt: what to train, one of the two.
        patcher: how a BLT's patches are cut.
        patcher_model: folder or name of the byte model that measures entropies while training;
            null when the data carry them or the patcher needs none.
        optim: optimiser and learning rate.
        distributed: how several processes share the model.
        checkpoint: when checkpoints are written and how many are kept.
        eval: held-out loss during the run.
        metrics: where numbers are sent besides ``metrics.jsonl``.
        profile: steps of which torch's profiler keeps a trace.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    retired_keys: ClassVar[dict[str, str]] = {"explode": "divergence_factor"}
    """Old names of settings, which files of older runs hold, and their names now."""

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
        """The args of the model to train."""
        found = self.entropy_model or self.blt
        assert found is not None
        return found
