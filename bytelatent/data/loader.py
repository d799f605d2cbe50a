"""Loader of training and test batches from weighted sources, for one process of a run.

Legend: ``B`` rows of this process, ``S`` tokens of a row, ``P`` patches.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import islice
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bytelatent.data.args import DataArgs
from bytelatent.data.batch import Batch
from bytelatent.data.documents import vocabulary
from bytelatent.data.fingerprints import FILES, changed_files, fingerprints
from bytelatent.data.row_streams import (
    PartialBatch,
    RowStreamState,
    check_state,
    find_all_chunks,
    fresh_state,
    parts,
)
from bytelatent.data.workers import worker_parts
from bytelatent.patching.patcher import Patcher
from bytelatent.tokenizers.constants import OFFSET

logger = logging.getLogger(__name__)

NAMED_BAD_LINES = 3
"""Number of bad lines of a run that are logged; further bad lines are only counted."""


class Loader:
    """Endless iterator over the batches of one split, with the rows of one process.

    The global batch has ``args.batch_size`` rows, one of each row stream (see
    :mod:`bytelatent.data.row_streams`). Process ``rank`` of ``world`` processes has the row streams
    ``l`` with ``l % world == rank``, in ascending order. The content of a row depends neither on
    ``world`` nor on ``args.workers``.

    Args:
        args: settings of the data.
        split: ``train``, ``valid`` or ``test``.
        rank: number of this process.
        world: number of processes of the run.
        patcher: patcher that cuts rows if their documents have entropies or its rule needs none;
            its entropy model is not used. None for no patches.

    Raises:
        ValueError: a source is missing or empty, the batch size is not a multiple of ``world``, or
            packing by patches has no patcher.
    """

    def __init__(
        self,
        args: DataArgs,
        split: str,
        *,
        rank: int = 0,
        world: int = 1,
        patcher: Patcher | None = None,
    ) -> None:
        if args.batch_size % world:
            raise ValueError(
                f"data.batch_size: {args.batch_size} rows cannot be shared evenly by {world} "
                "processes; take a multiple"
            )
        if args.pack_by == "patches" and patcher is None:
            raise ValueError("data.pack_by: packing by patches needs a patcher; pack by bytes")
        self.args, self.split = args, split
        self._patcher = None if patcher is None else Patcher(patcher.args)
        self._sizes = vocabulary(args.tokenizer).sizes
        self._chunks = find_all_chunks(args, split)
        self._fingerprints = fingerprints(self._chunks)
        self._fresh = {
            number: fresh_state(args, self._chunks)
            for number in range(rank, args.batch_size, world)
        }
        self._states = deepcopy(self._fresh)
        self._parts: Iterator[list[PartialBatch]] | None = None
        self._named = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """Return the next batch.

        Raises:
            ValueError: a bad line or a damaged file.
        """
        if self._parts is None:
            self._parts = self._start()
        try:
            batch_parts = next(self._parts)
        except BaseException:
            self.close()  # so that another call raises the same error, not the end of the data
            raise
        for part in batch_parts:
            self._note(part)
        return collate(batch_parts, self._sizes)

    def state_dict(self) -> dict[str, RowStreamState]:
        """Return the state of each row stream after the last batch; it can be stored as JSON.

        The key ``files`` has the fingerprints of the files of every source. The union of the states
        of all processes can be loaded by any number of processes.
        """
        states = {str(number): deepcopy(state) for number, state in self._states.items()}
        return states | {FILES: deepcopy(self._fingerprints)}

    def load_state_dict(self, state: Mapping[str, RowStreamState]) -> None:
        """Continue after the batch at which ``state`` was saved.

        Args:
            state: union of the states of all processes. Without the key ``files``, as older
                versions saved it, changed files are not noticed.

        Raises:
            ValueError: the state of a row stream is missing, or the state belongs to other data.
        """
        for number in self._states:
            if str(number) not in state:
                raise ValueError(
                    f"the saved state of the data has no row stream {number}, only "
                    f"{', '.join(sorted(state.keys() - {FILES}))}; it needs the states of all "
                    "processes and the same "
                    "data.batch_size"
                )
            check_state(state[str(number)], self.args, self._chunks)
        for change in changed_files(state.get(FILES, {}), self._fingerprints, self._chunks):
            if self.args.on_changed_file == "error":
                raise ValueError(
                    f"data.sources: {change}; put the old file back, begin a new run, or go on in "
                    "the new file with data.on_changed_file=warn"
                )
            logger.warning("%s", change)
        self.close()
        for number, fresh in self._fresh.items():
            saved = deepcopy(state[str(number)])
            known = {
                name: saved["sources"].get(name, new) for name, new in fresh["sources"].items()
            }
            self._states[number] = {**saved, "sources": known}

    def fixed_batches(self, count: int) -> list[Batch]:
        """Return the first ``count`` batches of the data; the loader itself does not move on."""
        stream = parts(self.args, self._chunks, self._fresh, self._patcher)
        return [collate([part], self._sizes) for part in islice(stream, count)]

    def counters(self) -> dict[str, dict[str, float]]:
        """Return counts of every source over the row streams of this process.

        ``documents`` is the number of documents that were used up, ``bad_lines`` the number of bad
        lines that were skipped (again in every epoch), ``epochs`` the mean number of completed
        epochs of the row streams.
        """
        counts: dict[str, Counter[str]] = {name: Counter() for name in self._chunks}
        for state in self._states.values():
            for name, position in state["sources"].items():
                for key in ("documents", "bad", "epoch"):
                    counts[name][key] += position[key]
        return {
            name: {
                "documents": count["documents"],
                "bad_lines": count["bad"],
                "epochs": count["epoch"] / len(self._states),
            }
            for name, count in counts.items()
        }

    def close(self) -> None:
        """Stop reading ahead; the next call for a batch starts reading again."""
        self._parts = None

    def _start(self) -> Iterator[list[PartialBatch]]:
        inputs = self.args, self._chunks, deepcopy(self._states), self._patcher
        return worker_parts(*inputs) if self.args.workers else ([part] for part in parts(*inputs))

    def _note(self, part: PartialBatch) -> None:
        for update in part.updates:
            state = self._states[update.row_stream]
            state["sequence"] = update.sequence
            state["sources"][update.source].update(vars(update.position))
        for note in part.notes:
            self._named += 1
            if self._named <= NAMED_BAD_LINES:
                logger.warning("skipped %s", note)
            elif self._named == NAMED_BAD_LINES + 1:
                logger.warning("further bad lines are skipped and counted without a message")


def collate(batch_parts: Sequence[PartialBatch], sizes: NDArray[np.int64] | None = None) -> Batch:
    """Combine partial batches into one batch, with rows in the order of their row streams.

    Args:
        batch_parts: partial batches with different row streams.
        sizes: number of bytes of every token id; None if each token is a byte.
    """
    updates_of = [part.updates for part in batch_parts]
    source_of = {update.row_stream: update.source for part in updates_of for update in part}
    streams = sorted(source_of)
    row_numbers = [[streams.index(update.row_stream) for update in part] for part in updates_of]

    def joined(arrays: Sequence[NDArray[Any] | None], kind: type[np.generic]) -> Tensor | None:
        known = [array for array in arrays if array is not None]
        if len(known) < len(arrays):
            return None
        columns = max(array.shape[1] for array in known)
        whole = np.zeros((len(streams), columns), dtype=kind)
        for array, numbers in zip(known, row_numbers, strict=True):
            whole[numbers, : array.shape[1]] = array
        return torch.from_numpy(whole)

    packed = [part.rows for part in batch_parts]
    tokens_BS = joined([rows.tokens_BS for rows in packed], np.int64)
    targets_BS = joined([rows.targets_BS for rows in packed], np.int64)
    assert tokens_BS is not None and targets_BS is not None
    return Batch(
        tokens_BS=tokens_BS,
        targets_BS=targets_BS,
        sizes_BS=(targets_BS >= OFFSET).to(torch.int64)
        if sizes is None
        else torch.from_numpy(sizes)[targets_BS],
        entropies_BS=joined([rows.entropies_BS for rows in packed], np.float32),
        patch_lengths_BP=joined([rows.lengths_BP for rows in packed], np.int64),
        sources=[source_of[number] for number in streams],
    )
