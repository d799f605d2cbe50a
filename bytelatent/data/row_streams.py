"""Lanes: the rows of the global batch, each an endless sequence of rows of its own.

Lane ``l`` gives row ``l`` of every batch, on whatever process it runs, so that batches do not
depend on the number of processes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bytelatent.data.args import DataArgs
from bytelatent.data.documents import Vocabulary, vocabulary
from bytelatent.data.packing import Rows, can_cut, pack
from bytelatent.data.sources import Source, find_chunks
from bytelatent.data.streams import DocumentStream, Draw, Position, TokenStream, random
from bytelatent.patching.patcher import Patcher

RowStreamState = dict[str, Any]
"""``sequence``: rows so far; ``sources``: position in every source; what must stay the same."""

Chunks = Mapping[str, Sequence[Path]]
"""Files of every source."""


@dataclass(frozen=True)
class StateUpdate:
    """What a row changes in the state of its lane.

    Attributes:
        lane: number of the lane.
        sequence: rows of the lane so far, this one included.
        source: that the row came from.
        position: in the source, after the row.
    """

    lane: int
    sequence: int
    source: str
    position: Position


@dataclass(frozen=True)
class PartialBatch:
    """The rows of some lanes in one batch.

    Attributes:
        rows: one for each of ``moves``.
        moves: where their lanes stand now.
        notes: messages about bad lines.
    """

    rows: Rows
    moves: list[StateUpdate]
    notes: list[str]


def find_all_chunks(args: DataArgs, split: str) -> dict[str, list[Path]]:
    """The chunks of every source with a weight.

    Raises:
        ValueError: a source is missing or holds nothing.
    """
    chunks = {name: find_chunks(args.root_dir, split, name) for name in args.used_sources()}
    for name, paths in chunks.items():
        Source(name, paths, args, open_files=1).check()
    return chunks


def fresh_state(args: DataArgs, chunks: Chunks) -> RowStreamState:
    """A lane that has given no row."""
    return {
        "sequence": 0,
        "seed": args.seed,
        "shuffle_block": args.shuffle_block,
        "lanes": args.batch_size,
        "sources": {
            name: {"chunks": len(paths), **asdict(Position())} for name, paths in chunks.items()
        },
    }


def check_state(state: RowStreamState, args: DataArgs, chunks: Chunks) -> None:
    """Refuse a state that belongs to other data.

    Raises:
        ValueError: says what has changed.
    """
    now = fresh_state(args, chunks)
    for key, option in (("seed",) * 2, ("shuffle_block",) * 2, ("lanes", "batch_size")):
        if state[key] != now[key]:
            raise ValueError(
                f"data.{option}: the saved state was made with {state[key]}, now it is {now[key]}; "
                "the order of documents depends on it"
            )
    for name in now["sources"].keys() & state["sources"].keys():
        before, found = state["sources"][name]["chunks"], now["sources"][name]["chunks"]
        if before != found:
            raise ValueError(
                f"data.sources: {name!r} had {before} files when the state was saved, now {found}"
            )


class RowStream:
    """One row after the other.

    Args:
        number: of the lane.
        args: of the data.
        sources: that it reads.
        state: where it goes on; sources that are not in it begin anew.
        notes: takes messages about bad lines.
        words: makes tokens of documents.
    """

    def __init__(
        self,
        number: int,
        args: DataArgs,
        sources: Sequence[Source],
        state: RowStreamState,
        *,
        notes: list[str],
        words: Vocabulary,
    ) -> None:
        self.number, self.args = number, args
        self.sequence = int(state["sequence"])
        self._names = [source.name for source in sources]
        shares = args.used_sources()
        self._edges = np.cumsum([shares[name] for name in self._names])
        self._streams: list[TokenStream] = []
        for source in sources:
            fields = dict(state["sources"].get(source.name, {}))
            fields.pop("chunks", None)
            position = Position(**fields)
            documents = DocumentStream(source, number, args.batch_size, position, notes)
            self._streams.append(TokenStream(documents, position.offset, words))

    def draw(self) -> tuple[str, TokenStream]:
        """The source of the next row and the lane's stream of it."""
        rng = random(self.args.seed, Draw.SOURCE, self.number, self.sequence)
        choice = int(np.searchsorted(self._edges[:-1], rng.random(), side="right"))
        return self._names[choice], self._streams[choice]


def parts(
    args: DataArgs,
    chunks: Chunks,
    states: Mapping[int, RowStreamState],
    patcher: Patcher | None,
) -> Iterator[PartialBatch]:
    """Endless parts of batches: the rows of the lanes in ``states``.

    Raises:
        ValueError: a bad line or file, or rows that cannot be packed as asked.
    """
    notes: list[str] = []
    sources = [Source(n, p, args, open_files=len(states) + 1) for n, p in chunks.items()]
    words = vocabulary(args.tokenizer)
    lanes = [
        RowStream(number, args, sources, state, notes=notes, words=words)
        for number, state in states.items()
    ]
    try:
        while True:
            rows, moves = _draw_rows(lanes, args, patcher)
            yield PartialBatch(rows, moves, notes.copy())
            notes.clear()
    finally:
        for source in sources:
            source.close()


def _draw_rows(
    lanes: Sequence[RowStream], args: DataArgs, patcher: Patcher | None
) -> tuple[Rows, list[StateUpdate]]:
    """The next row of every lane."""
    drawn = [lane.draw() for lane in lanes]
    peeked = [stream.peek(args.seq_len + 1) for _, stream in drawn]
    tokens_BT = np.stack([row for row, _ in peeked])
    known = [one[:-1] for _, one in peeked if one is not None]
    entropies_BS = np.stack(known) if len(known) == len(lanes) else None
    if args.max_patches and patcher and not can_cut(patcher, entropies_BS is not None):
        lacking = next(i for i, (_, one) in enumerate(peeked) if one is None)
        raise ValueError(
            f"data.pack_by: source {drawn[lacking][0]!r} brings no entropies, which patching mode "
            f"{patcher.mode.value!r} needs; pack by bytes, or measure them with "
            "python -m bytelatent.preprocess.entropies"
        )
    rows = pack(tokens_BT, entropies_BS, patcher, args.max_patches)
    moves = []
    for lane, (name, stream), used in zip(lanes, drawn, rows.used_B, strict=True):
        stream.advance(int(used))
        lane.sequence += 1
        moves.append(StateUpdate(lane.number, lane.sequence, name, stream.position))
    return rows, moves
