"""Settings of the command that measures entropies ahead of training."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bytelatent.distributed.slurm import Line

ONLY_SLURM = ("partition", "account", "qos", "env")
ONLY_ELSEWHERE = ("time", "tasks_per_job")


class PreprocessArgs(BaseModel):
    """Settings of the conversion from shards of text to shards of text with entropies.

    Attributes:
        input: folder with JSONL (plain, gz, zst), Arrow or parquet shards, also in subfolders.
        output: folder for the Arrow shards, with the subfolders and names of the input shards.
        entropy_model: byte model that measures: a folder, a shipped name, or ``owner/name``.
        text_key: field or column that contains the text.
        on_bad_line: ``skip`` counts and logs lines without a usable document; ``error`` stops.
        dtype: number format in which the model computes.
        device: device of the model; if there are several GPUs, ``cuda`` assigns one to each task in
            turn.
        batch_bytes: number of bytes in a batch, padding included. More than the default gains
            nothing on a CPU; a GPU needs some 100,000.
        threads: number of torch's threads per task. Default: the cores divided by the workers.
        override: overwrite shards in ``output`` that were made from another model or another text.
        dry_run: write only the script of ``executor: slurm``, and start nothing.
        executor: ``local``: processes on this machine; ``slurm``: an array job; ``ray``: a Ray
            cluster.
        tasks: number of parts into which the work is divided. Default: one per shard.
        workers: number of tasks that run at once. Default: one locally, otherwise as many as
            possible.
        tasks_per_job: number of tasks of one Slurm job or Ray actor, which starts only once for
            them.
        ncpu: number of cores per task, for Slurm and Ray.
        ngpu: number of GPUs per task, for Slurm and Ray.
        mem_per_cpu: memory per core in GB, for Slurm and Ray.
        time: time limit of a Slurm or Ray job in minutes.
        partition, account, qos: options of sbatch.
        env: environment of the Slurm jobs, as for ``bytelatent.stool``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Path
    output: Path
    entropy_model: Line = "blt-entropy-mini"
    text_key: str = Field(default="text", min_length=1)
    on_bad_line: Literal["skip", "error"] = "error"
    dtype: Literal["fp32", "bf16"] = "fp32"
    device: str = Field(default="cpu", pattern=r"^(cpu|cuda(:\d+)?)$")
    batch_bytes: int = Field(default=4096, ge=1)
    threads: int | None = Field(default=None, ge=1)
    override: bool = False
    dry_run: bool = False
    executor: Literal["local", "slurm", "ray"] = "local"
    tasks: int | None = Field(default=None, ge=1)
    workers: int | None = Field(default=None, ge=1)
    tasks_per_job: int | None = Field(default=None, ge=1)
    ncpu: int = Field(default=4, ge=1)
    ngpu: int = Field(default=0, ge=0)
    mem_per_cpu: int = Field(default=4, ge=1)
    time: int | None = Field(default=None, ge=1)
    partition: Line | None = None
    account: Line | None = None
    qos: Line | None = None
    env: Line | None = None

    @model_validator(mode="after")
    def _check_executor(self) -> Self:
        executor_settings = self.model_dump(
            include={*ONLY_SLURM, *ONLY_ELSEWHERE}, exclude_none=True
        )
        for key in executor_settings:
            if self.executor == "local" or (self.executor == "ray" and key in ONLY_SLURM):
                raise ValueError(f"{key} means nothing to executor {self.executor!r}; leave it out")
        if self.executor == "slurm" and (self.partition is None or self.time is None):
            raise ValueError("executor 'slurm' needs partition and time (in minutes)")
        return self

    @model_validator(mode="after")
    def _check_folders(self) -> Self:
        if self.output.absolute().is_relative_to(self.input.absolute()):
            raise ValueError(
                f"output {self.output} lies in input {self.input}: the next run would read it"
            )
        return self
