"""``python -m bytelatent.train config=FILE key.sub=value ...``: train a model.

    python -m bytelatent.train config=bytelatent/configs/entropy_mini.yaml
    torchrun --nproc-per-node 8 -m bytelatent.train config=bytelatent/configs/blt_1b.yaml

If a run was stopped, the same command continues it from its last checkpoint. After SIGINT, SIGTERM
and SIGUSR1 (the warning of Slurm) the command saves a checkpoint and ends with exit status 75.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bytelatent.command import run_command
from bytelatent.config import load_args
from bytelatent.distributed.allocator import restart_with_huge_pages
from bytelatent.distributed.env import World, process_group
from bytelatent.training.args import TrainArgs
from bytelatent.training.checkpoint import sole_run
from bytelatent.training.stopping import STOPPED, stopping_on_signals
from bytelatent.training.trainer import StepReport, Trainer


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


def train(args: TrainArgs, world: World) -> bool:
    """Train to the last step or to a signal that stops the run; return whether it is finished."""
    alone = sole_run(args.dump_dir) if world.is_main else nullcontext()
    with alone, process_group(world, args.device), progress_bar(args.name, args.steps) as report:
        trainer = Trainer(args, report, world)
        with stopping_on_signals(trainer):
            return trainer.run()


def run(words: Sequence[str]) -> int:
    """Train with the settings of the command line and return the exit status.

    Raises:
        ValueError: a setting, the data, a checkpoint or the device cannot be used.
    """
    args, world = load_args(TrainArgs, words), World.from_environment()
    logging.getLogger("bytelatent").setLevel(logging.INFO if world.is_main else logging.WARNING)
    done = train(args, world)
    if world.is_main:
        print(
            f"wrote {args.dump_dir / 'model'}"
            if done
            else "stopped and saved; the same command goes on",
            file=sys.stdout if done else sys.stderr,
        )
    return 0 if done else STOPPED


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return 0 if words else 2
    return run_command(run, words, interrupted="stopped before the first step")


if __name__ == "__main__":
    restart_with_huge_pages()
    sys.exit(main())
