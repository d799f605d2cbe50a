"""``python -m bytelatent.train config=FILE key.sub=value ...``: train a model.

    python -m bytelatent.train config=bytelatent/configs/entropy_mini.yaml
    torchrun --nproc-per-node 8 -m bytelatent.train config=bytelatent/configs/blt_1b.yaml

If a run was stopped, the same command continues it from its last checkpoint. After SIGINT, SIGTERM
and SIGUSR1 (the warning of Slurm) the command saves a checkpoint and ends with exit status 75.
"""

import sys
from collections.abc import Sequence

from bytelatent.command import run_command
from bytelatent.distributed.allocator import restart_with_huge_pages
from bytelatent.training.stopping import StopRequest, hold_signals, stopping_on_signals


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return 0 if words else 2
    with stopping_on_signals() as stop:
        return run_command(lambda words: _run(words, stop), words)


def _run(words: Sequence[str], stop: StopRequest) -> int:
    from bytelatent.training.launch import run  # imports torch, while signals are waited for

    return run(words, stop)


if __name__ == "__main__":
    hold_signals()
    restart_with_huge_pages()
    sys.exit(main())
