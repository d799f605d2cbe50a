"""Reading partial batches ahead of time in worker processes."""

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
"""Number of partial batches that every worker reads ahead."""


class _PartsOfWorker(IterableDataset[PartialBatch | str]):
    """Endless partial batches of the row streams of one worker.

    Of ``n`` workers each has every ``n``-th row stream of the process.
    """

    def __init__(
        self,
        args: DataArgs,
        chunks: Chunks,
        states: Mapping[int, RowStreamState],
        patcher: Patcher | None,
    ) -> None:
        self.inputs = args, chunks, patcher
        self.states = states

    def __iter__(self) -> Iterator[PartialBatch | str]:
        """Yield partial batches; after a ValueError yield its message and stop."""
        args, chunks, patcher = self.inputs
        worker = get_worker_info()
        assert worker is not None, "runs in a worker only"
        numbers = list(self.states)[worker.id :: worker.num_workers]
        try:
            yield from parts(args, chunks, {n: self.states[n] for n in numbers}, patcher)
        except ValueError as error:
            yield str(error)


def worker_parts(
    args: DataArgs,
    chunks: Chunks,
    states: Mapping[int, RowStreamState],
    patcher: Patcher | None,
) -> Iterator[list[PartialBatch]]:
    """Yield the partial batches of one batch after the other, one from each worker process.

    There are ``args.workers`` processes. They end with the iterator, or within a second after the
    parent process was killed.

    Args:
        args: settings of the data.
        chunks: chunk files of every source.
        states: state of each row stream to continue from, by its number.
        patcher: patcher that cuts the rows if it can; None for no patches.

    Raises:
        ValueError: a line or a file is bad, or rows cannot be packed by patches.
    """
    workers = min(args.workers, len(states))
    with warnings.catch_warnings():
        # Torch warns if there are more workers than cores; that is allowed here.
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
    """Return ``part``, so that numpy arrays are not converted to tensors."""
    return part


def _prepare(_: int) -> None:
    """Make a worker ignore signals to the whole job: the parent saves and then ends the worker."""
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    # DataLoader watches the parent too, but then waits forever to deliver its last batches.
    end_with(os.getppid())
