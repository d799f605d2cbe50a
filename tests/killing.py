"""Kill a training run again and again: ``python tests/killing.py CORPUS FOLDER KILLS``.

The parent has imported everything once; every start of the run is a fork of it that is sent
SIGKILL after a random time. Prints how many were killed before the run came to its end.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from bytelatent.trainer import Trainer
from tests.distributed.runs import settings


def start(corpus: Path, folder: Path) -> int:
    """A child that trains to the end; its process number."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        args = settings(corpus, folder, steps=60, checkpoint={"every": 2, "keep": 2})
        status = 0 if Trainer(args, lambda _: None).run() else 1
    finally:
        os._exit(status)


def main() -> int:
    """Kill, then let the last start run to its end."""
    corpus, folder, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    moments, killed = random.Random(0), 0
    while killed < kills:
        child = start(corpus, folder)
        time.sleep(moments.uniform(0.02, 0.6))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    _, status = os.waitpid(start(corpus, folder), 0)
    print(killed)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
