"""datatrove pipeline that measures the shards, and the executors that run it."""

import copy
import importlib.util
import math
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dill
import multiprocess  # type: ignore[import-untyped]
import torch
from datatrove.executor import LocalPipelineExecutor, SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.stats import PipelineStats
from loguru import logger as datatrove_log

from bytelatent.distributed.allocator import keep_freed_memory
from bytelatent.distributed.processes import end_with
from bytelatent.distributed.slurm import activation, directive, shared_path
from bytelatent.files import replacing, write_json, write_text
from bytelatent.preprocess.args import PreprocessArgs
from bytelatent.preprocess.shards import Work, is_done, load_model, measure_shard

LOG_FOLDER = ".preprocess"
"""Folder in the output for logs and statistics of the tasks and for the files of Slurm."""

ARRAY_SIZE = 1000
"""Largest number of jobs in a Slurm array; Slurm's default configuration refuses more."""


class MeasureEntropies(PipelineStep):  # type: ignore[misc]
    """Pipeline step that measures the shards of one task.

    Args:
        args: settings of the run.
        work: all shards of the run; task ``rank`` takes every ``world_size``-th shard.
        threads: number of torch's threads; None keeps the current number.
    """

    name = "entropies"
    type = "BLT"

    def __init__(self, args: PreprocessArgs, work: Sequence[Work], threads: int | None) -> None:
        super().__init__()
        self.args, self.work, self.threads = args, work, threads

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> None:
        """Measure the shards of task ``rank``, except those that an earlier start has done."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        keep_freed_memory()
        model = None
        for work in self.work[rank::world_size]:
            # The launcher has checked earlier shards; later ones were written by this run.
            if work.target.exists() and is_done(work, override=True):
                continue
            model = model or load_model(self.args, rank)
            datatrove_log.info("{}", work.source)
            with self.track_time("shard"):
                counts = measure_shard(work, model, self.args)
            for name, count in counts.items():
                self.stat_update(name, value=count, unit="shard")


class LocalExecutor(LocalPipelineExecutor):  # type: ignore[misc]
    """Executor with processes on this machine, whose datatrove messages only go to log files.

    The processes end when this process ends, even if it is killed. Without that, datatrove's
    workers would finish their shards and its manager process would never end.
    """

    def run(self) -> PipelineStats:
        """Run all tasks, ``workers`` at a time; return their statistics."""
        self._launched = True
        self.save_executor_as_json()
        ranks = range(self.tasks)
        if self.workers == 1:
            task_stats = [copy.deepcopy(self)._run_for_rank(rank) for rank in ranks]
        else:
            context = multiprocess.get_context(self.start_method)
            with context.Pool(self.workers, initializer=end_with, initargs=[os.getpid()]) as pool:
                task_stats = list(pool.imap_unordered(self._run_for_rank, ranks))
        stats = sum(task_stats, start=PipelineStats())
        with self.logging_dir.open("stats.json", "wt") as file:
            stats.save_to_disk(file)
        return stats

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        datatrove_log.disable("datatrove")
        return super()._run_for_rank(rank, local_rank + 1, node_rank)


def run_local(args: PreprocessArgs, work: Sequence[Work]) -> None:
    """Measure the shards of ``work`` on this machine, in ``workers`` processes.

    Raises:
        ValueError: a shard cannot be measured (see
            :func:`~bytelatent.preprocess.shards.measure_shard`).
    """
    tasks = min(args.tasks or len(work), len(work))
    workers = min(args.workers or 1, tasks)
    threads = args.threads
    if threads is None and workers > 1:
        threads = max(1, (os.cpu_count() or 1) // workers)
    _remove_leftovers(work)
    executor = LocalExecutor(
        [MeasureEntropies(args, work, threads)],
        tasks=tasks,
        workers=workers,
        logging_dir=str(args.output / LOG_FOLDER),
        skip_completed=False,  # tasks are numbered anew in every run; what counts is the shards
    )
    with _quiet():
        executor.run()


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress datatrove's messages on the terminal."""
    datatrove_log.disable("datatrove")
    try:
        yield
    finally:
        datatrove_log.enable("datatrove")


def _remove_leftovers(work: Sequence[Work]) -> None:
    """Delete the temporary files of killed runs; the workers of these runs have ended too."""
    for folder in {shard.target.parent for shard in work}:
        if folder.is_dir():
            for path in folder.glob(".*.tmp.arrow"):
                path.unlink()


def write_slurm_job(args: PreprocessArgs, work: Sequence[Work]) -> Path:
    """Write the script of an array job and the files that it needs; return the path of the script.

    Raises:
        ValueError: the path of the output or ``env`` cannot be used.
    """
    folder = args.output / LOG_FOLDER
    try:
        shared_path(folder)
    except ValueError as error:
        raise ValueError(f"output: {error} (got {str(args.output)!r})") from None
    tasks = min(args.tasks or len(work), len(work))
    per_job = max(args.tasks_per_job or 1, math.ceil(tasks / ARRAY_SIZE))
    executor = SlurmPipelineExecutor(
        [MeasureEntropies(args, work, args.threads or args.ncpu)],
        tasks=tasks,
        time=str(args.time),
        partition=args.partition,
        cpus_per_task=args.ncpu,
        gpus_per_task=args.ngpu,
        mem_per_cpu_gb=args.mem_per_cpu,
        workers=args.workers or -1,
        job_name="entropies",
        qos=args.qos,
        sbatch_args={"account": args.account} if args.account else {},
        logging_dir=str(folder),
        skip_completed=False,
        tasks_per_job=per_job,
    )
    job = folder / "executor.pik"
    with replacing(job) as temporary, temporary.open("wb") as file:
        dill.dump(executor, file)
    write_json(folder / "ranks_to_run.json", list(range(tasks)))
    options = executor.get_sbatch_args(math.ceil(tasks / per_job)).items()
    header = [directive(key, value) if value else f"#SBATCH --{key}" for key, value in options]
    package = shlex.quote(str(Path(__file__).parents[2]))
    lines = [
        "#!/bin/bash",
        *header,
        f"export PYTHONPATH={package}${{PYTHONPATH:+:$PYTHONPATH}} PYTHONUNBUFFERED=1",
        activation(args.env),
        f"srun python3 -m datatrove.tools.launch_pickled_pipeline {shlex.quote(str(job))}",
    ]
    script = folder / "submit.slurm"
    write_text(script, "\n".join(lines) + "\n")
    return script


def run_ray(args: PreprocessArgs, work: Sequence[Work]) -> None:
    """Measure the shards of ``work`` on the Ray cluster of ``RAY_ADDRESS``, or on a new one here.

    A task that fails does not stop the other tasks and raises no error.

    Raises:
        ValueError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError("executor: ray is not installed; pip install 'datatrove[ray]'")
    import ray
    from datatrove.executor import RayPipelineExecutor

    tasks = min(args.tasks or len(work), len(work))
    ray.init(ignore_reinit_error=True)
    executor = RayPipelineExecutor(
        [MeasureEntropies(args, work, args.threads or args.ncpu)],
        tasks=tasks,
        workers=args.workers or -1,
        logging_dir=str(args.output / LOG_FOLDER),
        skip_completed=False,
        cpus_per_task=args.ncpu,
        gpus_per_task=args.ngpu,
        mem_per_cpu_gb=args.mem_per_cpu,
        tasks_per_job=args.tasks_per_job or 1,
        time=None if args.time is None else 60 * args.time,
    )
    with _quiet():
        executor.run()
