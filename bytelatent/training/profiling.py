"""Traces of a few training steps, recorded by torch's profiler."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from torch.profiler import profile, schedule, tensorboard_trace_handler

from bytelatent.distributed.env import World


class ProfileArgs(BaseModel):
    """Settings of a trace for TensorBoard, Perfetto or ``chrome://tracing``.

    The trace is written to ``dump_dir/profile``.

    Attributes:
        first: number of steps after the start of the run before the trace begins.
        steps: number of steps in the trace; 0 records no trace.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: int = Field(default=10, ge=1)
    steps: int = Field(default=0, ge=0)


@contextmanager
def profiled(args: ProfileArgs, folder: Path, world: World) -> Iterator[Callable[[], object]]:
    """Run the body under the profiler if a trace is configured.

    The context manager gives a function that must be called after every step.
    """
    if args.steps == 0:
        yield lambda: None
        return
    plan = schedule(wait=args.first - 1, warmup=1, active=args.steps, repeat=1)
    handler = tensorboard_trace_handler(str(folder), worker_name=f"rank{world.rank}")
    with profile(schedule=plan, on_trace_ready=handler) as profiler:
        yield profiler.step
