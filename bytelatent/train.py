"""``python -m bytelatent.train config=FILE key.sub=value ...``: train a model.

    python -m bytelatent.train config=bytelatent/configs/entropy_mini.yaml

A run that was stopped goes on from its last checkpoint when the same command is given again.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bytelatent.args import TrainArgs
from bytelatent.checkpoint import sole_run
from bytelatent.config import load_args
from bytelatent.metrics import bits_per_byte
from bytelatent.trainer import Progress as StepReport
from bytelatent.trainer import Trainer


@contextmanager
def progress_bar(name: str, steps: int) -> Iterator[Callable[[StepReport], None]]:
    """A function that shows a report: a bar on a terminal, now and then a line elsewhere."""
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
            note = (
                f"{bits_per_byte(report.loss, 1):.3f} bits/byte, "
                f"{report.bytes_per_second / 1e3:.1f} kB/s"
            )
            bar.update(task, completed=report.step, note=note)
            if not console.is_terminal and report.step % max(1, steps // 100) == 0:
                left = f"{report.seconds_left / 60:.0f} min left"
                print(f"step {report.step}/{steps}: {note}, {left}", file=sys.stderr, flush=True)

        yield show


def main(argv: list[str] | None = None) -> int:
    """The command."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("bytelatent").setLevel(logging.INFO)
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return 0 if words else 2
    try:
        args = load_args(TrainArgs, words)
        with sole_run(args.dump_dir), progress_bar(args.name, args.steps) as report:
            trainer = Trainer(args, report)
            trainer.run()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    print(f"wrote {args.dump_dir / 'model'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
