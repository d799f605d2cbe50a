"""Steps that are recorded once and then replayed, as CUDA graphs require.

On a GPU a step is about a thousand small operations, and launching each of them takes longer than
its work. A CUDA graph launches all of them with one call. For this the operations must be the same
for every byte and use the same memory. Each row therefore has buffers of its own, whose addresses
stay the same. Everything that changes from byte to byte (its ids, the number of slots in use in
each cache) is in one of these buffers:

    facts (ids, counts) -> measure  -> nats       read by the host, which decides about the boundary
                        -> encode   -> state      also written to the open patch
                        -> close    -> latent     only if a patch is complete
                        -> predict  -> logits     read by the sampler

A byte allocates no memory. A cache or an open patch that is full moves to larger memory, and its
programs are recorded again. Rows advance one after the other, each on its own buffers. Operations
over several positions (prompts, verified drafts) are not recorded and work on the same caches.

Legend: ``R`` rows, ``D`` local width, ``V`` vocabulary, ``F`` facts, ``N`` tables of the BLT.
"""

import threading
import warnings
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.matrices import Weights
from bytelatent.generation.torch_backend.rows import Latent, RowBuffers, TorchRow
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.patch_indices import check_room
from bytelatent.patching.entropies import entropy
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.transformer import LMTransformer

BUFFERS_KEPT = 4
"""Largest number of unused sets of buffers that are kept for later rows."""

WARM_UP = 2
"""Number of runs before a recording, during which libraries allocate the memory that they need."""

COUNTS = 5
ENTROPY, ENCODER, GLOBAL, DECODER, PATCH = range(COUNTS)
"""Indices of the counts: positions in each KV cache, and bytes in the open patch."""

Program = Callable[[], None]


class Recorder(Protocol):
    """Interface of an object that turns a program into a faster one with the same operations."""

    def record(self, program: Program) -> Program:
        """Run ``program`` and return a program that repeats its operations on the same memory.

        Args:
            program: a function that may be called several times; it changes only the values of its
                buffers and waits for no result.
        """
        ...


class CudaGraphs:
    """Recorder of CUDA graphs; the graphs share one memory pool for intermediate results.

    Args:
        device: device of the model.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        with torch.cuda.device(device):
            self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            self._pool = torch.cuda.graph_pool_handle()
        self._lock = threading.Lock()

    def record(self, program: Program) -> Program:
        """Record ``program`` as a CUDA graph; if CUDA refuses, warn and return ``program``."""
        with self._lock, torch.cuda.device(self._device):
            self._warm_up(program)
            try:
                return self._captured(program)
            except RuntimeError as error:
                warnings.warn(f"a step runs without a CUDA graph: {error}", stacklevel=2)
                return program

    def _warm_up(self, program: Program) -> None:
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UP):
                program()
        current.wait_stream(self._stream)

    def _captured(self, program: Program) -> Program:
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU during the capture.
        mode = "thread_local"
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode=mode):
            program()
        return graph.replay


@dataclass(eq=False)
class RecordedBuffers(RowBuffers):
    """KV caches and open patch of a row at fixed addresses, and the programs recorded on them.

    Attributes:
        facts_F: rows of the newest byte in the tables of the BLT, then in the tables of the entropy
            model, then the counts of :meth:`_counts` before this byte.
        host_facts_F: the same numbers in the memory of the host.
        tables: number of embedding tables of the BLT.
        nats_1, state_1D, logits_1V, latent: outputs of the programs; valid until the programs run
            again.
    """

    facts_F: Tensor
    host_facts_F: Tensor
    tables: int
    nats_1: Tensor
    state_1D: Tensor
    logits_1V: Tensor
    latent: Latent
    _programs: dict[str, tuple[list[tuple[int, torch.Size]], Program]] = field(default_factory=dict)

    def ids(self) -> Tensor:
        """Return the row of the newest byte in each embedding table of the BLT, ``[N]``."""
        return self.facts_F[: self.tables]

    def entropy_ids(self) -> Tensor:
        """Return the row of the newest byte in each embedding table of the entropy model."""
        return self.facts_F[self.tables : -COUNTS]

    def count(self, number: int) -> Tensor:
        """Return one of the counts in ``facts_F``, that with the index ``number``, as ``[1]``."""
        return self.facts_F[-COUNTS:][number : number + 1]

    def _counts(self) -> tuple[int, ...]:
        """Return the number of positions in every cache, and of bytes in the open patch."""
        return (
            0 if self.entropy_cache is None else self.entropy_cache.count,
            self.encoder_cache.count,
            self.global_cache.count,
            self.decoder_cache.count,
            self.open_patch.size,
        )

    def write_facts(self, ids: Sequence[int]) -> None:
        """Write the table rows of the next byte, and the current counts, to ``facts_F``."""
        self.host_facts_F.numpy()[:] = [*ids, *self._counts()]
        self.facts_F.copy_(self.host_facts_F)

    def run(
        self, name: str, program: Program, buffers: Sequence[Tensor], recorder: Recorder
    ) -> None:
        """Run a program; record it first if it is new or if one of its ``buffers`` has moved.

        Args:
            name: name of the program.
            program: the operations.
            buffers: tensors that the program uses and that may move.
            recorder: records the program.
        """
        addresses = [(buffer.data_ptr(), buffer.shape) for buffer in buffers]
        entry = self._programs.get(name)
        if entry is None or entry[0] != addresses:
            self._programs.pop(name, None)
            self._programs[name] = (addresses, recorder.record(program))
        self._programs[name][1]()


class Recorded(Incremental):
    """``torch_backend.incremental.Incremental`` with recorded steps.

    The logits that ``step`` returns are valid until the next step of the row.

    Args:
        blt, entropy_model, patcher_args, weights: as for ``Incremental``.
        recorder: :class:`CudaGraphs` on a GPU.
    """

    def __init__(
        self,
        blt: ByteLatentTransformer,
        entropy_model: LMTransformer | None,
        patcher_args: PatcherArgs,
        weights: Weights = "native",
        *,
        recorder: Recorder,
    ) -> None:
        super().__init__(blt, entropy_model, patcher_args, weights)
        self._recorder = recorder
        self._waiting: list[RecordedBuffers] = []

    def room(self) -> RowBuffers:
        """Return buffers for a new row: those of a row that no longer exists, or else new ones."""
        try:
            buffers = self._waiting.pop()
        except IndexError:
            return self._new_buffers()
        buffers.clear()
        return buffers

    def seat(self, row: TorchRow) -> None:
        """Keep the buffers for a later row when ``row`` no longer exists."""
        weakref.finalize(row, self._leave, _buffers_of(row)).atexit = False

    def _leave(self, buffers: RecordedBuffers) -> None:
        if len(self._waiting) < BUFFERS_KEPT:
            self._waiting.append(buffers)

    def _new_buffers(self) -> RecordedBuffers:
        room, like, args = super().room(), self.encoder.like, self.args
        ids = self._ids([0])
        host_facts_F = torch.zeros(len(ids) + COUNTS, dtype=torch.int64)
        return RecordedBuffers(
            **vars(room),
            facts_F=host_facts_F.to(like.device, copy=True),
            host_facts_F=host_facts_F,
            tables=len(self.blt.next_ids([0])),
            nats_1=like.new_zeros(1, dtype=torch.float32),
            state_1D=like.new_zeros(1, args.encoder.dim),
            logits_1V=like.new_zeros(1, args.vocab_size),
            latent=self.latent(like.new_zeros(args.global_model.dim)),
        )

    @torch.inference_mode()
    def step(self, rows: Sequence[TorchRow], tokens: Sequence[int]) -> Tensor:
        """Advance the rows one after the other; return the logits ``[R, V]``."""
        logits = [
            super(Recorded, self).step([row], [token])
            for row, token in zip(rows, tokens, strict=True)
        ]
        return logits[0] if len(logits) == 1 else torch.cat(logits)

    @staticmethod
    def kept(h: Tensor) -> Tensor:
        """Return a copy of ``h``, because the next step overwrites its buffer."""
        return h.clone()

    def take(self, row: TorchRow, token: int) -> None:
        """Append ``token`` to the recent ids of a row, before any model runs over it.

        The method also writes the new facts to the buffers (:meth:`RecordedBuffers.write_facts`).
        """
        super().take(row, token)
        _buffers_of(row).write_facts(self._ids(row.recent))

    def _ids(self, tokens: Sequence[int]) -> list[int]:
        """Return the id of the newest byte in each table of the BLT and of the entropy model."""
        lm = self.entropy_model
        return [*self.blt.next_ids(tokens), *(() if lm is None else lm.next_ids(tokens))]

    def _nats(self, rows: Sequence[TorchRow]) -> list[float]:
        buffers, lm, stack = _buffers_of(*rows), self.entropy_model, self.entropies
        cache = buffers.entropy_cache
        assert lm is not None and stack is not None and cache is not None

        def measure() -> None:
            h_1D = lm.embed_ids(buffers.entropy_ids())
            h_1D = stack.all(h_1D, stack.begin_fixed(cache, buffers.count(ENTROPY)))
            buffers.nats_1.copy_(entropy(self.entropy_output(h_1D)))

        cache.make_room()
        buffers.run("measure", measure, [cache.store_LNTE], self._recorder)
        cache.count += 1
        return [buffers.nats_1.item()]

    def encode(self, rows: Sequence[TorchRow]) -> Tensor:
        """Return the encoder state ``[1, D]`` of the newest byte of one row."""
        buffers = _buffers_of(*rows)
        cache, patch = buffers.encoder_cache, buffers.open_patch

        def encode() -> None:
            step = self.encoder.begin_fixed(cache, buffers.count(ENCODER))
            h_1D, states = self.encoded(self.blt.embed_ids(buffers.ids()), step)
            buffers.state_1D.copy_(h_1D)
            for kept_SD, state_1D in zip(patch.kept, states, strict=True):
                kept_SD.index_copy_(0, buffers.count(PATCH), state_1D)

        cache.make_room()
        patch.make_room()
        buffers.run("encode", encode, [cache.store_LNTE, *patch.kept], self._recorder)
        cache.count += 1
        patch.size += 1
        return buffers.state_1D

    def _latents(self, rows: Sequence[TorchRow]) -> list[Latent]:
        buffers = _buffers_of(*rows)
        cache, patch = buffers.global_cache, buffers.open_patch
        if self.args.patch_bytes is not None:
            check_room(patch.size, self.args.patch_bytes)

        def close() -> None:
            # The counts do not include the last byte of the patch.
            size_1 = buffers.count(PATCH) + 1
            patch_1M = self.blt.local_encoder.read_patch(patch.kept, size_1)
            h_1G = self.blt.global_transformer.project_in(patch_1M)
            h_1G = self.globals.all(h_1G, self.globals.begin_fixed(cache, buffers.count(GLOBAL)))
            buffers.latent.take(self.latent(h_1G[0]))

        cache.make_room()
        buffers.run("close", close, [cache.store_LNTE, *patch.kept], self._recorder)
        cache.count += 1
        return [buffers.latent]

    def predict(self, rows: Sequence[TorchRow], bytes_RD: Tensor) -> Tensor:
        """Return the logits ``[1, V]`` of one row after its latest call of :meth:`encode`."""
        buffers, (row,) = _buffers_of(*rows), rows
        cache = buffers.decoder_cache
        if row.latent is not buffers.latent:
            buffers.latent.take(row.latent)
            row.latent = buffers.latent

        def predict() -> None:
            step = self.decoder.begin_fixed(cache, buffers.count(DECODER))
            buffers.logits_1V.copy_(self.decode(buffers.state_1D, [buffers.latent], step))

        cache.make_room()
        buffers.run("predict", predict, [cache.store_LNTE], self._recorder)
        cache.count += 1
        return buffers.logits_1V


def _buffers_of(row: TorchRow) -> RecordedBuffers:
    assert isinstance(row.room, RecordedBuffers)
    return row.room
