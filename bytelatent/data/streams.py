"""Endless streams of documents and tokens of one source for one row stream.

A source with ``C`` chunks is read by ``L`` row streams. With ``m = min(C, L)``, chunk ``c`` belongs
to the row streams ``l`` with ``l % m == c % m``. Row streams that share chunks divide the records
of every block among themselves, in every epoch in the same way. So every record belongs to exactly
one row stream. A row stream that has used all its records starts a new epoch in a new order.
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
    """Purpose of a random generator; generators with one seed differ by their purpose."""

    SOURCE = 0
    CHUNKS = 1
    ROW_STREAMS = 2
    ORDER = 3


def random(seed: int, draw: Draw, *numbers: int) -> np.random.Generator:
    """Return a random generator that is determined by ``seed``, ``draw`` and ``numbers``."""
    return np.random.default_rng([seed, int(draw), *numbers])


@dataclass(frozen=True)
class Position:
    """Position of a row stream in a source: the next record and counts of the records before it.

    Attributes:
        epoch: number of completed epochs.
        chunk: index of the chunk among the chunks of the row stream, in the order of this epoch.
        block: number of the block in the chunk.
        place: index of the record among the records that the row stream has in the block, in the
            order of this epoch.
        offset: number of tokens of the document that are already used.
        documents: number of documents that are used up.
        bad: number of records that were skipped; they count again in every epoch.
        everything: whether the row stream has no document of its own and so reads the whole
            source.
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
    """Endless stream of the documents of one source for one row stream.

    Args:
        source: source of the documents.
        row_stream: number of the row stream.
        row_streams: number of row streams of the whole run.
        position: position to continue from.
        notes: list to which messages about bad records are appended.
    """

    def __init__(
        self,
        source: Source,
        row_stream: int,
        row_streams: int,
        position: Position,
        notes: list[str],
    ) -> None:
        self.source, self.notes = source, notes
        self.row_stream, self.row_streams = row_stream, row_streams
        self.position = replace(position, offset=0)
        # In this epoch. The document at a saved position counts, even if its file has changed.
        self._has_document = position.documents > 0
        self._chunk_order: tuple[tuple[int, bool], NDArray[np.int64]] | None = None
        self._held: tuple[tuple[int, int, int, bool], list[Record]] | None = None

    def next(self) -> tuple[Position, Document]:
        """Return the position of the next document and the document, and move on.

        Raises:
            ValueError: a record is bad and bad records are errors, or the whole source has no
                document.
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
            self._has_document = True
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
        if self._has_document:
            self.position = replace(here, epoch=here.epoch + 1, chunk=0, block=0, place=0)
        elif not here.everything:
            # There are fewer documents than row streams: two row streams may share a document.
            self.position = Position(bad=here.bad, everything=True)
        else:
            raise ValueError(
                f"data.sources: {self.source.name!r} holds no usable document; "
                f"{here.bad} bad lines were skipped"
            )
        self._has_document = False

    def _share(self) -> tuple[range, int, int]:
        """Return the chunks of the row stream, how many row streams share them, and its index.

        The index is the number of this row stream among those that share the chunks.
        """
        chunks = len(self.source.paths)
        if self.position.everything:
            return range(chunks), 1, 0
        step = min(chunks, self.row_streams)
        first = self.row_stream % step
        sharers = len(range(first, self.row_streams, step))
        return range(first, chunks, step), sharers, self.row_stream // step

    def _chunks(self) -> NDArray[np.int64]:
        """Return the chunks of the row stream in the order of this epoch.

        All row streams that share the chunks have the same order.
        """
        here, source = self.position, self.source
        key = (here.epoch, here.everything)
        if self._chunk_order is None or self._chunk_order[0] != key:
            chunks, _, _ = self._share()
            owner = self.row_stream if here.everything else chunks.start
            rng = random(source.args.seed, Draw.CHUNKS, source.key, owner, here.epoch)
            self._chunk_order = key, rng.permutation(np.asarray(chunks))
        return self._chunk_order[1]

    def _records(self, chunk: int) -> list[Record] | None:
        """Return the records of the row stream in the current block, in the order of this epoch.

        The result is None after the last block. The records are cached, so that row streams that
        are far apart do not read blocks again and again.
        """
        here, seed, source = self.position, self.source.args.seed, self.source.key
        key = (here.epoch, chunk, here.block, here.everything)
        if self._held is None or self._held[0] != key:
            block = self.source.shard(chunk).block(here.block)
            if not block:
                return None
            _, sharers, which = self._share()
            rng = random(seed, Draw.ROW_STREAMS, source, chunk, here.block)
            first = (which - here.block * self.source.args.shuffle_block) % sharers
            own = rng.permutation(len(block))[first::sharers]
            rng = random(seed, Draw.ORDER, source, chunk, here.block, here.epoch, self.row_stream)
            self._held = key, [block[i] for i in rng.permutation(own)]
        return self._held[1]


@dataclass(frozen=True)
class _Segment:
    """Tokenized document with at least one token that is not used yet."""

    position: Position
    tokens: Tokens
    entropies: NDArray[np.float32] | None


class TokenStream:
    """Endless stream of the tokens of documents: BOS, bytes, EOS, BOS, …

    Args:
        documents: stream of documents.
        offset: number of tokens of the first document to leave out.
        vocabulary: conversion of documents to tokens. Only byte tokens have entropies.
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
        """Position of the next token in the source."""
        if not self._segments:
            return replace(self._documents.position, offset=self._offset)
        return replace(self._segments[0].position, offset=self._offset)

    def peek(self, size: int) -> tuple[Tokens, NDArray[np.float32] | None]:
        """Return the next ``size`` tokens and their entropies in nats without moving on.

        The entropies are None unless all documents of the tokens have entropies. The entropy at an
        EOS has no meaning and is 0.

        Raises:
            ValueError: a record is bad, or the source has no document.
        """
        while self._size < size:
            self._append(*self._documents.next())
        tokens: list[Tokens] = []
        entropies: list[NDArray[np.float32] | None] = []
        first, left = self._offset, size
        for segment in self._segments:
            tokens.append(segment.tokens[first : first + left])
            values = segment.entropies
            entropies.append(None if values is None else values[first : first + left])
            left -= len(tokens[-1])
            first = 0
            if not left:
                break
        known = [values for values in entropies if values is not None]
        complete = len(known) == len(entropies)
        return np.concatenate(tokens), np.concatenate(known) if complete else None

    def advance(self, size: int) -> None:
        """Move the stream on by ``size`` tokens, fewer than :meth:`peek` has returned."""
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
        if not self._segments and self._offset >= len(tokens):
            self._offset = self._size = 0  # the file has changed since the position was saved
            return
        self._segments.append(_Segment(position, tokens, entropies))
        self._size += len(tokens)
