"""Kill a training run again and again: ``python tests/killing.py CORPUS FOLDER KILLS``.

The parent has imported everything once; every start of the run is a fork of it that is sent
SIGKILL. When is counted in steps, so that it does not hang on the speed of the machine: after 0 to
3 steps of a start and a random part of the time of two more, which meets checkpoints too. Prints
how many were killed before the run came to its end.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from bytelatent.training.trainer import Trainer
from tests.distributed.runs import settings

STEPS = 80


def start(corpus: Path, folder: Path) -> tuple[int, int]:
    """A child that trains to the end: its process number, and where it writes a byte per step."""
    steps, writes = os.pipe()
    child = os.fork()
    if child:
        os.close(writes)
        return child, steps
    status = 1
    try:
        data = {"root_dir": corpus, "sources": {"song": 1}, "seq_len": 48, "batch_size": 4}
        args = settings(
            corpus,
            folder,
            steps=STEPS,
            data=data | {"workers": 1},
            checkpoint={"every": 2, "keep": 2},
            eval={"every": STEPS, "batches": 1},
        )
        status = 0 if Trainer(args, lambda _: os.write(writes, b".")).run() else 1
    finally:
        os._exit(status)


def wait_for(steps: int, moments: random.Random) -> None:
    """Let a random number of steps go by, and a part of one or two more."""
    wanted, took = moments.randint(0, 3), 0.2
    for _ in range(wanted):
        before = time.perf_counter()
        if not os.read(steps, 1):
            return
        took = time.perf_counter() - before
    time.sleep(moments.uniform(0, 2 * took if wanted > 1 else 0.2))


def main() -> int:
    """Kill, then let the last start run to its end."""
    corpus, folder, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    moments, killed = random.Random(0), 0
    while killed < kills:
        child, steps = start(corpus, folder)
        wait_for(steps, moments)
        os.kill(child, signal.SIGKILL)
        os.close(steps)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    child, _ = start(corpus, folder)
    _, status = os.waitpid(child, 0)
    print(killed)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
