"""Row streams: the endless sequences of rows that make up the global batch.

Row stream ``l`` provides row ``l`` of every global batch, whichever process runs it, so that
batches do not depend on the number of processes.
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
"""State of a row stream as it is stored in checkpoints.

``sequence`` is the number of rows so far, ``sources`` has the position in every source, and the
other keys have settings that must not change (``lanes`` is the number of row streams)."""

Chunks = Mapping[str, Sequence[Path]]
"""Chunk files of every source, by its name."""


@dataclass(frozen=True)
class StateUpdate:
    """Change of the state of a row stream by one row.

    Attributes:
        row_stream: number of the row stream.
        sequence: number of rows of the row stream so far, this row included.
        source: name of the source of the row.
        position: position in the source after the row.
    """

    row_stream: int
    sequence: int
    source: str
    position: Position


@dataclass(frozen=True)
class PartialBatch:
    """Rows of some row streams in one batch.

    Attributes:
        rows: packed rows, one for each entry of ``updates``.
        updates: change of the state of the row stream of each row.
        notes: messages about bad lines.
    """

    rows: Rows
    updates: list[StateUpdate]
    notes: list[str]


def find_all_chunks(args: DataArgs, split: str) -> dict[str, list[Path]]:
    """Find the chunk files of every source with a weight above 0.

    Raises:
        ValueError: a source is missing or has no document.
    """
    chunks = {name: find_chunks(args.root_dir, split, name) for name in args.used_sources()}
    for name, paths in chunks.items():
        Source(name, paths, args, open_files=1).check()
    return chunks


def fresh_state(args: DataArgs, chunks: Chunks) -> RowStreamState:
    """Return the state of a row stream before its first row."""
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
    """Check that a saved state belongs to the data of ``args`` and ``chunks``.

    Raises:
        ValueError: the data differs; the message says what has changed.
    """
    now = fresh_state(args, chunks)
    for key, option in (("seed",) * 2, ("shuffle_block",) * 2, ("lanes", "batch_size")):
        if state[key] != now[key]:
            raise ValueError(
                f"data.{option}: the saved state was made with {state[key]}, now it is {now[key]}; "
                "the order of documents depends on it"
            )
    for name in now["sources"].keys() & state["sources"].keys():
        before, count = state["sources"][name]["chunks"], now["sources"][name]["chunks"]
        if before != count:
            raise ValueError(
                f"data.sources: {name!r} had {before} files when the state was saved, now {count}"
            )


class RowStream:
    """Endless sequence of rows with a random source for each row.

    Args:
        number: number of the row stream.
        args: settings of the data.
        sources: sources of the rows.
        state: state to continue from; sources that it does not contain start at their beginning.
        notes: list to which messages about bad lines are appended.
        words: conversion of documents to tokens.
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
        """Choose the source of the next row; return its name and its token stream."""
        rng = random(self.args.seed, Draw.SOURCE, self.number, self.sequence)
        choice = int(np.searchsorted(self._edges[:-1], rng.random(), side="right"))
        return self._names[choice], self._streams[choice]


def parts(
    args: DataArgs,
    chunks: Chunks,
    states: Mapping[int, RowStreamState],
    patcher: Patcher | None,
) -> Iterator[PartialBatch]:
    """Yield partial batches endlessly, with the rows of the row streams in ``states``.

    Args:
        args: settings of the data.
        chunks: chunk files of every source.
        states: state of each row stream to continue from, by its number.
        patcher: patcher that cuts the rows if it can; None for no patches.

    Raises:
        ValueError: a line or a file is bad, or rows cannot be packed by patches.
    """
    notes: list[str] = []
    sources = [Source(n, p, args, open_files=len(states) + 1) for n, p in chunks.items()]
    words = vocabulary(args.tokenizer)
    streams = [
        RowStream(number, args, sources, state, notes=notes, words=words)
        for number, state in states.items()
    ]
    try:
        while True:
            rows, updates = _draw_rows(streams, args, patcher)
            yield PartialBatch(rows, updates, notes.copy())
            notes.clear()
    finally:
        for source in sources:
            source.close()


def _draw_rows(
    streams: Sequence[RowStream], args: DataArgs, patcher: Patcher | None
) -> tuple[Rows, list[StateUpdate]]:
    """Return the next row of every row stream."""
    drawn = [stream.draw() for stream in streams]
    peeked = [tokens.peek(args.seq_len + 1) for _, tokens in drawn]
    tokens_BT = np.stack([row for row, _ in peeked])
    known = [entropies[:-1] for _, entropies in peeked if entropies is not None]
    entropies_BS = np.stack(known) if len(known) == len(streams) else None
    if args.max_patches and patcher and not can_cut(patcher, entropies_BS is not None):
        lacking = next(i for i, (_, entropies) in enumerate(peeked) if entropies is None)
        raise ValueError(
            f"data.pack_by: source {drawn[lacking][0]!r} brings no entropies, which patching mode "
            f"{patcher.mode.value!r} needs; pack by bytes, or measure them with "
            "python -m bytelatent.preprocess.entropies"
        )
    rows = pack(tokens_BT, entropies_BS, patcher, args.max_patches)
    updates = []
    for stream, (name, tokens), used in zip(streams, drawn, rows.used_B, strict=True):
        tokens.advance(int(used))
        stream.sequence += 1
        updates.append(StateUpdate(stream.number, stream.sequence, name, tokens.position))
    return rows, updates
