"""The body of ``python -m bytelatent.train``: a run with a progress bar and an exit status."""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bytelatent.config import load_args
from bytelatent.distributed.env import World, process_group
from bytelatent.training.args import TrainArgs
from bytelatent.training.checkpoint import sole_run
from bytelatent.training.stopping import STOPPED, StopRequest
from bytelatent.training.trainer import StepReport, Trainer

SAVED = "stopped and saved; the same command goes on"
NOT_BEGUN = "stopped before the first step; the same command goes on"


def run(words: Sequence[str], stop: StopRequest) -> int:
    """Train with the settings of the command line and return the exit status.

    Args:
        words: words of the command line.
        stop: request to save and to exit, which may be set already.

    Raises:
        ValueError: a setting, the data, a checkpoint or the device cannot be used.
    """
    args, world = load_args(TrainArgs, words), World.from_environment()
    logging.getLogger("bytelatent").setLevel(logging.INFO if world.is_main else logging.WARNING)
    # Several processes must agree to stop, or those that have begun would wait for the others.
    left = NOT_BEGUN if stop.requested and world.size == 1 else train(args, world, stop)
    if world.is_main:
        done = f"wrote {args.dump_dir / 'model'}"
        print(left or done, file=sys.stderr if left else sys.stdout)
    return STOPPED if left else 0


def train(args: TrainArgs, world: World, stop: StopRequest) -> str | None:
    """Train to the last step or to a request to stop.

    Args:
        args: settings of the run.
        world: processes that train together.
        stop: request to save and to exit.

    Returns:
        None if the run is finished; otherwise a sentence that says what was saved.
    """
    alone = sole_run(args.dump_dir) if world.is_main else nullcontext()
    with alone, process_group(world, args.device), progress_bar(args.name, args.steps) as report:
        trainer = Trainer(args, report, world, stop)
        before = trainer.step
        if trainer.run():
            return None
        return SAVED if trainer.step > before else NOT_BEGUN


@contextmanager
def progress_bar(name: str, steps: int) -> Iterator[Callable[[StepReport], None]]:
    """Provide a function that shows the report of a step.

    On a terminal it updates a progress bar; otherwise it prints about 100 lines in a run.

    Args:
        name: name of the run.
        steps: number of steps of the run.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn(name),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=steps, note="")

        def show(report: StepReport) -> None:
            note = f"{report.bits_per_byte:.3f} bits/byte, {report.bytes_per_second / 1e3:.1f} kB/s"
            bar.update(task, completed=report.step, note=note)
            if not console.is_terminal and report.step % max(1, steps // 100) == 0:
                left = f"{report.seconds_left / 60:.0f} min left"
                print(f"step {report.step}/{steps}: {note}, {left}", file=sys.stderr, flush=True)

        yield show
