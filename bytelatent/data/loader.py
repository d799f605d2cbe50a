"""Batches of weighted sources for one process of a run.

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
"""Bad lines of a run that are logged; all others are only counted."""


class Loader:
    """Endless batches of one split: the rows of the lanes of one process.

    The global batch has ``args.batch_size`` rows; of ``world`` processes, number ``rank`` has the
    rows ``l`` with ``l % world == rank``, in ascending order. What they hold depends neither on
    ``world`` nor on ``args.workers``.

    Args:
        args: sources and sizes.
        split: ``train``, ``valid`` or ``test``.
        rank: number of this process.
        world: processes of the run.
        patcher: cuts patches where documents bring the entropies, or where its rule needs none;
            its entropy model is not used.

    Raises:
        ValueError: a source is missing or empty, the rows cannot be shared out evenly, or packing
            by patches lacks a patcher.
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
        self._fresh = {
            lane: fresh_state(args, self._chunks) for lane in range(rank, args.batch_size, world)
        }
        self._states = deepcopy(self._fresh)
        self._parts: Iterator[list[PartialBatch]] | None = None
        self._named = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """The next batch.

        Raises:
            ValueError: a bad line or a damaged file.
        """
        if self._parts is None:
            self._parts = self._start()
        try:
            found = next(self._parts)
        except BaseException:
            self.close()  # so that another call meets the same error, not the end of the data
            raise
        for part in found:
            self._note(part)
        return collate(found, self._sizes)

    def state_dict(self) -> dict[str, RowStreamState]:
        """What it takes to go on after the last batch: a JSON-able state for each lane.

        The states of all processes together (their union) fit any number of processes.
        """
        return {str(lane): deepcopy(state) for lane, state in self._states.items()}

    def load_state_dict(self, state: Mapping[str, RowStreamState]) -> None:
        """Go on where ``state``, the union of the states of all processes, was taken.

        Raises:
            ValueError: a lane is missing, or the state belongs to other data.
        """
        for lane in self._states:
            if str(lane) not in state:
                raise ValueError(
                    f"the saved state of the data has no lane {lane}, only {', '.join(state)}; "
                    "it needs the states of all processes and the same data.batch_size"
                )
            check_state(state[str(lane)], self.args, self._chunks)
        self.close()
        for lane, fresh in self._fresh.items():
            saved = deepcopy(state[str(lane)])
            known = {
                name: saved["sources"].get(name, new) for name, new in fresh["sources"].items()
            }
            self._states[lane] = {**saved, "sources": known}

    def fixed_batches(self, count: int) -> list[Batch]:
        """The first ``count`` batches of a new start; the loader itself does not move."""
        stream = parts(self.args, self._chunks, self._fresh, self._patcher)
        return [collate([part], self._sizes) for part in islice(stream, count)]

    def counters(self) -> dict[str, dict[str, float]]:
        """For every source: ``documents`` used up, ``bad_lines`` skipped (again in every epoch)
        and ``epochs`` completed (mean over the lanes), of the lanes of this process.
        """
        found: dict[str, Counter[str]] = {name: Counter() for name in self._chunks}
        for state in self._states.values():
            for name, position in state["sources"].items():
                for key in ("documents", "bad", "epoch"):
                    found[name][key] += position[key]
        return {
            name: {
                "documents": count["documents"],
                "bad_lines": count["bad"],
                "epochs": count["epoch"] / len(self._states),
            }
            for name, count in found.items()
        }

    def close(self) -> None:
        """Stop reading ahead; the next batch starts it again."""
        self._parts = None

    def _start(self) -> Iterator[list[PartialBatch]]:
        given = self.args, self._chunks, deepcopy(self._states), self._patcher
        return worker_parts(*given) if self.args.workers else ([part] for part in parts(*given))

    def _note(self, part: PartialBatch) -> None:
        for move in part.moves:
            state = self._states[move.lane]
            state["sequence"] = move.sequence
            state["sources"][move.source].update(vars(move.position))
        for note in part.notes:
            self._named += 1
            if self._named <= NAMED_BAD_LINES:
                logger.warning("skipped %s", note)
            elif self._named == NAMED_BAD_LINES + 1:
                logger.warning("further bad lines are skipped and counted without a message")


def collate(found: Sequence[PartialBatch], sizes: NDArray[np.int64] | None = None) -> Batch:
    """One batch of the rows of all parts, in the order of their lanes.

    ``sizes`` has the bytes of every token id; None where each token is a byte.
    """
    source_of = {move.lane: move.source for part in found for move in part.moves}
    lanes = sorted(source_of)
    places_of = [[lanes.index(move.lane) for move in part.moves] for part in found]

    def joined(arrays: Sequence[NDArray[Any] | None], kind: type[np.generic]) -> Tensor | None:
        known = [array for array in arrays if array is not None]
        if len(known) < len(arrays):
            return None
        columns = max(array.shape[1] for array in known)
        whole = np.zeros((len(lanes), columns), dtype=kind)
        for array, places in zip(known, places_of, strict=True):
            whole[places, : array.shape[1]] = array
        return torch.from_numpy(whole)

    packed = [part.rows for part in found]
    tokens_BS = joined([one.tokens_BS for one in packed], np.int64)
    targets_BS = joined([one.targets_BS for one in packed], np.int64)
    assert tokens_BS is not None and targets_BS is not None
    return Batch(
        tokens_BS=tokens_BS,
        targets_BS=targets_BS,
        sizes_BS=(targets_BS >= OFFSET).to(torch.int64)
        if sizes is None
        else torch.from_numpy(sizes)[targets_BS],
        entropies_BS=joined([one.entropies_BS for one in packed], np.float32),
        patch_lengths_BP=joined([one.lengths_BP for one in packed], np.int64),
        sources=[source_of[lane] for lane in lanes],
    )
