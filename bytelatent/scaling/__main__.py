"""``python -m bytelatent.scaling COMMAND config=FILE key.sub=value ...``

    python -m bytelatent.scaling run config=bytelatent/configs/scaling/cpu.yaml
    python -m bytelatent.scaling robustness config=bytelatent/configs/scaling/cpu.yaml
    python -m bytelatent.scaling collect config=bytelatent/configs/scaling/cpu.yaml
    python -m bytelatent.scaling fit config=bytelatent/configs/scaling/cpu.yaml
    python -m bytelatent.scaling report config=bytelatent/configs/scaling/cpu.yaml

``run`` trains the grid, families x budgets x seeds, and writes a record for every run into the
folder ``out``. Runs that have a record are skipped, and one that was stopped goes on from its last
checkpoint: stop it at any time and give the same command again. Given twice at once, on one machine
or on several that share the folders, it shares the runs out. SIGINT, SIGTERM and SIGUSR1 save
first; the exit status is then 75. ``measure`` measures trained models once more, after a change
to the held-out text. ``robustness`` measures trained models on noise, languages and spelling,
``collect`` puts all records into one file, ``fit`` fits power laws to them, and ``report`` does
both and writes what came out into ``scaling_report.json`` and ``docs/scaling.md``.
"""

import sys
from collections.abc import Callable

from bytelatent.command import run_command
from bytelatent.config import load_args
from bytelatent.distributed.allocator import restart_with_huge_pages
from bytelatent.scaling.args import ScalingArgs
from bytelatent.training.stopping import STOPPED, stopping_on_signals


def run(args: ScalingArgs, command: str) -> int:
    """Train what is not trained yet."""
    from bytelatent.scaling.running import Study

    study = Study(args, command)
    with stopping_on_signals(study):
        done = study.run()
    for failure in study.failures:
        print(f"error: {failure.point.name}: {failure.reason}", file=sys.stderr)
    if not done:
        print("stopped and saved; the same command goes on", file=sys.stderr)
        return STOPPED
    print(f"all runs of {args.name} are in {args.out}")
    return 1 if study.failures else 0


def measure(args: ScalingArgs, command: str) -> int:
    """Measure trained models once more."""
    from bytelatent.scaling.records import measure_again

    for name, bits in measure_again(args):
        print(f"{name}: {bits:.4f} bits/byte")
    return 0


def robustness(args: ScalingArgs, command: str) -> int:
    """Measure what is not measured yet."""
    from bytelatent.scaling.robustness import measure_all

    for path in measure_all(args, command):
        print(f"wrote {path}")
    return 0


def collect(args: ScalingArgs, command: str) -> int:
    """Merge the records."""
    from bytelatent.scaling.collecting import collect_records

    print(f"wrote {collect_records(args.out)}")
    return 0


def fit(args: ScalingArgs, command: str) -> int:
    """Fit power laws."""
    from bytelatent.scaling.collecting import write_fits

    print(f"wrote {write_fits(args.out, args.fit)}")
    return 0


def report(args: ScalingArgs, command: str) -> int:
    """Collect, fit, and say what came out."""
    from bytelatent.scaling.reporting import write_report

    for path in write_report(args):
        print(f"wrote {path}")
    return 0


COMMANDS: dict[str, Callable[[ScalingArgs, str], int]] = {
    "run": run,
    "measure": measure,
    "robustness": robustness,
    "collect": collect,
    "fit": fit,
    "report": report,
}


def main(argv: list[str] | None = None) -> int:
    """The command."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return 0 if words else 2
    name, *settings = words
    if name not in COMMANDS:
        print(f"error: {name!r} is none of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    command = " ".join(["python -m bytelatent.scaling", *words])
    return run_command(
        lambda given: COMMANDS[name](load_args(ScalingArgs, given), command),
        settings,
        verbose=True,
        interrupted="stopped; the same command goes on",
    )


if __name__ == "__main__":
    restart_with_huge_pages()
    sys.exit(main())
