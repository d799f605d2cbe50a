"""Endless streams of documents and tokens of one source for one lane.

A source with ``C`` chunks is read by ``L`` lanes. With ``m = min(C, L)``, chunk ``c`` belongs to
the lanes ``l`` with ``l % m == c % m``; lanes that share chunks divide the records of every block
among them, always in the same way. So every record belongs to exactly one lane, and a lane that
is through with its records begins a new epoch in a new order.
"""

from collections import deque
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bytelatent.data.documents import BYTES, Tokens, Vocabulary
from bytelatent.data.readers import BadRecordError, Document, Record
from bytelatent.data.sources import Source


class Draw(IntEnum):
    """What a random generator is for; keeps those of one seed apart."""

    SOURCE = 0
    CHUNKS = 1
    LANES = 2
    ORDER = 3


def random(seed: int, draw: Draw, *numbers: int) -> np.random.Generator:
    """A generator that follows from its arguments alone."""
    return np.random.default_rng([seed, int(draw), *numbers])


@dataclass(frozen=True)
class Position:
    """The next record of a lane in a source, and what the lane has met before it.

    Attributes:
        epoch: passes that are complete.
        chunk: place in this epoch's order of the lane's chunks.
        block: in the chunk.
        place: in this epoch's order of the lane's records of the block.
        offset: tokens of the document that are used already.
        documents: that are used up.
        bad: records that were skipped; again in every epoch.
        everything: the lane has no document of its own and reads all of the source.
    """

    epoch: int = 0
    chunk: int = 0
    block: int = 0
    place: int = 0
    offset: int = 0
    documents: int = 0
    bad: int = 0
    everything: bool = False


class DocumentStream:
    """Endless documents of one source for one lane.

    Args:
        source: where they come from.
        lane: number of the lane.
        lanes: of the whole run.
        position: where to go on.
        notes: a list that takes the messages about bad records.
    """

    def __init__(
        self, source: Source, lane: int, lanes: int, position: Position, notes: list[str]
    ) -> None:
        self.source, self.lane, self.lanes, self.notes = source, lane, lanes, notes
        self.position = replace(position, offset=0)
        self._found = False  # a document in this epoch
        self._chunk_order: tuple[tuple[int, bool], NDArray[np.int64]] | None = None
        self._held: tuple[tuple[int, int, int, bool], list[Record]] | None = None

    def next(self) -> tuple[Position, Document]:
        """The next document, and the position that leads to it again.

        Raises:
            ValueError: a bad record where none are allowed, or no document in the whole source.
        """
        while True:
            here = self.position
            chunks = self._chunks()
            if here.chunk >= len(chunks):
                self._end_epoch()
                continue
            chunk = int(chunks[here.chunk])
            records = self._records(chunk)
            if records is None:
                self.position = replace(here, chunk=here.chunk + 1, block=0, place=0)
                continue
            if here.place >= len(records):
                self.position = replace(here, block=here.block + 1, place=0)
                continue
            document = self._read(chunk, records[here.place])
            if document is None:
                self.position = replace(here, place=here.place + 1, bad=here.bad + 1)
                continue
            self._found = True
            self.position = replace(here, place=here.place + 1, documents=here.documents + 1)
            return here, document

    def _read(self, chunk: int, record: Record) -> Document | None:
        try:
            return self.source.shard(chunk).document(record)
        except BadRecordError as error:
            if self.source.args.on_bad_line == "error":
                raise
            self.notes.append(str(error))
            return None

    def _end_epoch(self) -> None:
        here = self.position
        if self._found:
            self.position = replace(here, epoch=here.epoch + 1, chunk=0, block=0, place=0)
        elif not here.everything:
            # Fewer documents than lanes: better the same text in two lanes than none in one.
            self.position = Position(bad=here.bad, everything=True)
        else:
            raise ValueError(
                f"data.sources: {self.source.name!r} holds no usable document; "
                f"{here.bad} bad lines were skipped"
            )
        self._found = False

    def _share(self) -> tuple[range, int, int]:
        """This lane's chunks, how many lanes share them, and which of these this one is."""
        chunks = len(self.source.paths)
        if self.position.everything:
            return range(chunks), 1, 0
        step = min(chunks, self.lanes)
        first = self.lane % step
        return range(first, chunks, step), len(range(first, self.lanes, step)), self.lane // step

    def _chunks(self) -> NDArray[np.int64]:
        """The lane's chunks in the order of this epoch, the same for all that share them."""
        here, source = self.position, self.source
        key = (here.epoch, here.everything)
        if self._chunk_order is None or self._chunk_order[0] != key:
            chunks, _, _ = self._share()
            whose = self.lane if here.everything else chunks.start
            rng = random(source.args.seed, Draw.CHUNKS, source.key, whose, here.epoch)
            self._chunk_order = key, rng.permutation(np.asarray(chunks))
        return self._chunk_order[1]

    def _records(self, chunk: int) -> list[Record] | None:
        """The lane's records of the current block in this epoch's order; None past the end.

        They are kept, so that lanes that drift apart do not read blocks again and again.
        """
        here, seed, source = self.position, self.source.args.seed, self.source.key
        key = (here.epoch, chunk, here.block, here.everything)
        if self._held is None or self._held[0] != key:
            block = self.source.shard(chunk).block(here.block)
            if not block:
                return None
            _, sharers, which = self._share()
            rng = random(seed, Draw.LANES, source, chunk, here.block)
            first = (which - here.block * self.source.args.shuffle_block) % sharers
            mine = rng.permutation(len(block))[first::sharers]
            rng = random(seed, Draw.ORDER, source, chunk, here.block, here.epoch, self.lane)
            self._held = key, [block[i] for i in rng.permutation(mine)]
        return self._held[1]


@dataclass(frozen=True)
class _Segment:
    """A tokenized document of which at least one token is left."""

    position: Position
    tokens: Tokens
    entropies: NDArray[np.float32] | None


class TokenStream:
    """Documents in one endless row: BOS, bytes, EOS, BOS, …

    Args:
        documents: where they come from; the first one begins at ``offset``.
        offset: tokens of the first document to leave out.
        vocabulary: makes tokens of them. Entropies belong to bytes; for other tokens there are
            none.
    """

    def __init__(
        self,
        documents: DocumentStream,
        offset: int = 0,
        vocabulary: Vocabulary = BYTES,
    ) -> None:
        self._documents, self._vocabulary = documents, vocabulary
        self._segments: deque[_Segment] = deque()
        self._offset = offset
        self._size = -offset

    @property
    def position(self) -> Position:
        """Of the next token."""
        if not self._segments:
            return replace(self._documents.position, offset=self._offset)
        return replace(self._segments[0].position, offset=self._offset)

    def peek(self, size: int) -> tuple[Tokens, NDArray[np.float32] | None]:
        """The next ``size`` tokens and their entropies, if all their documents have them.

        The entropy at an EOS predicts nothing in the document and is 0 here.
        """
        while self._size < size:
            self._append(*self._documents.next())
        tokens: list[Tokens] = []
        entropies: list[NDArray[np.float32] | None] = []
        first, left = self._offset, size
        for segment in self._segments:
            tokens.append(segment.tokens[first : first + left])
            one = segment.entropies
            entropies.append(None if one is None else one[first : first + left])
            left -= len(tokens[-1])
            first = 0
            if not left:
                break
        known = [one for one in entropies if one is not None]
        complete = len(known) == len(entropies)
        return np.concatenate(tokens), np.concatenate(known) if complete else None

    def advance(self, size: int) -> None:
        """Go on by ``size`` tokens, fewer than were peeked."""
        assert 0 <= size < self._size, "a stream advances only over what it has shown"
        self._size -= size
        self._offset += size
        while self._offset >= len(self._segments[0].tokens):
            self._offset -= len(self._segments.popleft().tokens)

    def _append(self, position: Position, document: Document) -> None:
        entropies = document.entropies if self._vocabulary.sizes is None else None
        if entropies is not None:
            entropies = entropies.copy()
            entropies[-1] = 0.0
        tokens = self._vocabulary.tokenize(document.data)
        self._segments.append(_Segment(position, tokens, entropies))
        self._size += len(tokens)
