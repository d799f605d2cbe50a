"""What the command that measures entropies ahead of time is told."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bytelatent.distributed.slurm import Line

ONLY_SLURM = ("partition", "account", "qos", "env")
ONLY_ELSEWHERE = ("time", "tasks_per_job")


class PreprocessArgs(BaseModel):
    """Shards of text in, shards of text with entropies out.

    Attributes:
        input: folder with JSONL (plain, gz, zst), Arrow or parquet shards, in subfolders or not.
        output: folder for the Arrow shards, which keep the places and names of the input's.
        entropy_model: the byte model that measures: a folder, a shipped name, or ``owner/name``.
        text_key: field or column that holds the text.
        on_bad_line: ``skip`` counts and names lines without a usable document, ``error`` stops.
        dtype: numbers that the model computes with.
        device: where it runs; of several GPUs, ``cuda`` gives one to each task in turn.
        batch_bytes: bytes, padding included, that are measured at once. More gains nothing on a
            CPU; a GPU wants some 100,000.
        threads: torch's threads per task. Default: a fair share of the cores.
        override: write anew what another model, or another text, left in ``output``.
        dry_run: write nothing but the script of ``executor: slurm``; start nothing.
        executor: ``local``: processes here; ``slurm``: an array job; ``ray``: a Ray cluster.
        tasks: parts that the work is cut into. Default: one per shard.
        workers: tasks at a time. Default: one locally, else as many as there is room for.
        tasks_per_job: tasks that one Slurm job or Ray actor does; they share its start.
        ncpu: cores per task, for Slurm and Ray.
        ngpu: GPUs per task, for Slurm and Ray.
        mem_per_cpu: GB of memory per core, for Slurm and Ray.
        time: minutes until Slurm or Ray ends a job.
        partition, account, qos: as for sbatch.
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
        given = self.model_dump(include={*ONLY_SLURM, *ONLY_ELSEWHERE}, exclude_none=True)
        for key in given:
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
