"""``python -m bytelatent.scaling COMMAND config=FILE key.sub=value ...``

    python -m bytelatent.scaling run config=bytelatent/configs/scaling/cpu.yaml
    python -m bytelatent.scaling robustness config=bytelatent/configs/scaling/cpu.yaml
    python -m bytelatent.scaling collect config=bytelatent/configs/scaling/cpu.yaml
    python -m bytelatent.scaling fit config=bytelatent/configs/scaling/cpu.yaml
    python -m bytelatent.scaling report config=bytelatent/configs/scaling/cpu.yaml

``run`` trains the grid (families x budgets x seeds) and writes a record of every run to the folder
``out``. It skips runs that have a record, and it resumes a stopped run from its last checkpoint:
you can stop the command at any time and start it again. Several processes, on one machine or on
several machines that share the folders, divide the runs among themselves. SIGINT, SIGTERM and
SIGUSR1 save the state before the command exits with status 75. ``measure`` measures trained models
again, after a change to the held-out text. ``robustness`` measures trained models on noise,
languages and spelling. ``collect`` writes all records to one file, and ``fit`` fits power laws to
them. ``report`` does both and writes the results to ``scaling_report.json`` and
``docs/scaling.md``.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bytelatent.command import run_command
from bytelatent.distributed.allocator import restart_with_huge_pages
from bytelatent.training.stopping import (
    STOPPED,
    StopRequest,
    hold_signals,
    release_signals,
    stopping_on_signals,
)

if TYPE_CHECKING:  # importing the settings imports torch, before which signals must be waited for
    from bytelatent.scaling.args import ScalingArgs


def run(args: "ScalingArgs", command: str, stop: StopRequest | None = None) -> int:
    """Train the runs of a study that are not done yet; return the exit status."""
    from bytelatent.scaling.running import Study

    study = Study(args, command, stop=stop)
    done = study.run()
    for failure in study.failures:
        print(f"error: {failure.point.name}: {failure.reason}", file=sys.stderr)
    if not done:
        print("stopped and saved; the same command goes on", file=sys.stderr)
        return STOPPED
    print(f"all runs of {args.name} are in {args.out}")
    return 1 if study.failures else 0


def measure(args: "ScalingArgs", command: str) -> int:
    """Measure the trained models of a study once more; return the exit status."""
    from bytelatent.scaling.records import measure_again

    for name, bits in measure_again(args):
        print(f"{name}: {bits:.4f} bits/byte")
    return 0


def robustness(args: "ScalingArgs", command: str) -> int:
    """Measure the robustness of a study's models, unless that is done; return the exit status."""
    from bytelatent.scaling.robustness import measure_all

    for path in measure_all(args, command):
        print(f"wrote {path}")
    return 0


def collect(args: "ScalingArgs", command: str) -> int:
    """Merge the records of a study into one file; return the exit status."""
    from bytelatent.scaling.collecting import collect_records

    print(f"wrote {collect_records(args.out)}")
    return 0


def fit(args: "ScalingArgs", command: str) -> int:
    """Fit power laws to the records of a study; return the exit status."""
    from bytelatent.scaling.collecting import write_fits

    print(f"wrote {write_fits(args.out, args.fit)}")
    return 0


def report(args: "ScalingArgs", command: str) -> int:
    """Collect a study's records, fit power laws and write the report; return the exit status."""
    from bytelatent.scaling.reporting import write_report

    for path in write_report(args):
        print(f"wrote {path}")
    return 0


COMMANDS: "dict[str, Callable[[ScalingArgs, str], int]]" = {
    "run": run,
    "measure": measure,
    "robustness": robustness,
    "collect": collect,
    "fit": fit,
    "report": report,
}


def main(argv: list[str] | None = None) -> int:
    """Run the command with ``argv``; return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return 0 if words else 2
    name, *settings = words
    if name not in COMMANDS:
        print(f"error: {name!r} is none of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    command = " ".join(["python -m bytelatent.scaling", *words])
    if name == "run":
        with stopping_on_signals() as stop:
            return _with_settings(partial(run, stop=stop), settings, command)
    release_signals()
    return _with_settings(COMMANDS[name], settings, command)


def _with_settings(
    body: Callable[["ScalingArgs", str], int], settings: Sequence[str], command: str
) -> int:
    def load_and_run(words: Sequence[str]) -> int:
        from bytelatent.config import load_args
        from bytelatent.scaling.args import ScalingArgs

        return body(load_args(ScalingArgs, words), command)

    interrupted = "stopped; the same command goes on"
    return run_command(load_and_run, settings, verbose=True, interrupted=interrupted)


if __name__ == "__main__":
    hold_signals()
    restart_with_huge_pages()
    sys.exit(main())
