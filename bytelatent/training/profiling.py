"""A trace of a few training steps by torch's profiler."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from torch.profiler import profile, schedule, tensorboard_trace_handler

from bytelatent.distributed.env import World


class ProfileArgs(BaseModel):
    """A trace in ``dump_dir/profile``, for TensorBoard, Perfetto or ``chrome://tracing``.

    Attributes:
        first: steps of this start before it begins.
        steps: how many steps; 0 for no trace.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: int = Field(default=10, ge=1)
    steps: int = Field(default=0, ge=0)


@contextmanager
def profiled(args: ProfileArgs, folder: Path, world: World) -> Iterator[Callable[[], object]]:
    """Run under the profiler, if that is wanted; the function given is to be called every step."""
    if args.steps == 0:
        yield lambda: None
        return
    plan = schedule(wait=args.first - 1, warmup=1, active=args.steps, repeat=1)
    handler = tensorboard_trace_handler(str(folder), worker_name=f"rank{world.rank}")
    with profile(schedule=plan, on_trace_ready=handler) as profiler:
        yield profiler.step
