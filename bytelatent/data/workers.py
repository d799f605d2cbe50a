"""Parts of batches made ahead of time in other processes."""

import atexit
import os
import signal
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from bytelatent.data.args import DataArgs
from bytelatent.data.row_streams import Chunks, PartialBatch, RowStreamState, parts
from bytelatent.distributed.processes import end_with
from bytelatent.patching.patcher import Patcher

PREFETCHED = 4
"""Parts that every worker makes ahead."""


class _PartsOfWorker(IterableDataset[PartialBatch | str]):
    """Endless parts of the lanes of this worker: every ``n``-th of those of the process."""

    def __init__(
        self,
        args: DataArgs,
        chunks: Chunks,
        states: Mapping[int, RowStreamState],
        patcher: Patcher | None,
    ) -> None:
        self.given = args, chunks, patcher
        self.states = states

    def __iter__(self) -> Iterator[PartialBatch | str]:
        """Parts; a message instead ends them, so that an error keeps its words."""
        args, chunks, patcher = self.given
        worker = get_worker_info()
        assert worker is not None, "runs in a worker only"
        mine = list(self.states)[worker.id :: worker.num_workers]
        try:
            yield from parts(args, chunks, {lane: self.states[lane] for lane in mine}, patcher)
        except ValueError as error:
            yield str(error)


def worker_parts(
    args: DataArgs,
    chunks: Chunks,
    states: Mapping[int, RowStreamState],
    patcher: Patcher | None,
) -> Iterator[list[PartialBatch]]:
    """All parts of batch after batch, one of each of ``args.workers`` processes.

    The processes end with the iterator, or a second after a parent that was killed.

    Raises:
        ValueError: as :func:`bytelatent.data.row_streams.parts`.
    """
    workers = min(args.workers, len(states))
    with warnings.catch_warnings():
        # As many workers as were asked for, on a machine of fewer cores too.
        warnings.filterwarnings("ignore", message="This DataLoader will create")
        loader = DataLoader(
            _PartsOfWorker(args, chunks, states, patcher),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=PREFETCHED,
            collate_fn=_unchanged,
            worker_init_fn=_prepare,
        )
        running = [iter(loader)]
    # Dropping the iterator ends the workers. At the end of the program multiprocessing would
    # send them SIGTERM, which they ignore, and wait; this comes before.
    stop = running.clear
    atexit.register(stop)
    try:
        while True:
            yield [_next_part(running[0]) for _ in range(workers)]  # the workers take turns
    finally:
        atexit.unregister(stop)
        stop()


def _next_part(items: Iterator[PartialBatch | str]) -> PartialBatch:
    part = next(items)
    if isinstance(part, str):
        raise ValueError(part)
    return part


def _unchanged(part: Any) -> Any:
    """Keeps numpy arrays as they are."""
    return part


def _prepare(_: int) -> None:
    """Signals for a whole job must not end a worker: the parent saves, and then ends it."""
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    # DataLoader sees to that too, but then waits for ever to hand over what it has made.
    end_with(os.getppid())
