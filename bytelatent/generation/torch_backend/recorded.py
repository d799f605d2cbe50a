"""Steps that are recorded once and then only run again: what CUDA graphs need.

On a GPU a step is a thousand small operations, and telling it of each takes longer than the work.
A recording is told with one call. For this the operations must be the same at every byte, on the
same memory: each row has a *lane* with buffers that stay where they are, and all that changes from
byte to byte (its ids, how many places of each cache are in use) stands in one of them:

    facts (ids, counts) -> measure  -> nats       read by the host, which decides about the boundary
                        -> encode   -> state      kept for the open patch, too
                        -> close    -> latent     only if a patch closes
                        -> predict  -> logits     read by the sampler

Nothing is allocated for a byte; a cache or an open patch that is full moves and is recorded anew.
Rows advance one after the other, on lanes of their own. What several positions do at once (prompts,
verified drafts) is not recorded and works on the same caches.

Legend: ``R`` rows, ``D`` local width, ``V`` vocabulary, ``F`` facts.
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
from bytelatent.generation.torch_backend.rows import Latent, Room, Row
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.patch_indices import check_room
from bytelatent.patching.entropies import entropy
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.transformer import LMTransformer

LANES_KEPT = 4
"""Lanes that wait for the next rows at most."""

WARM_UP = 2
"""Runs before a recording, in which libraries allocate what they need."""

COUNTS = 5
ENTROPY, ENCODER, GLOBAL, DECODER, PATCH = range(COUNTS)
"""What is counted."""

Program = Callable[[], None]


class Recorder(Protocol):
    """Makes programs that do again what was done once."""

    def record(self, program: Program) -> Program:
        """Run ``program`` and return what runs its operations again, on the same memory.

        Args:
            program: may be run several times; that changes nothing but the values of its buffers,
                and does not wait for any.
        """
        ...


class CudaGraphs:
    """Recordings as CUDA graphs. They share memory for what is not in buffers of a lane.

    Args:
        device: where the model is.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        with torch.cuda.device(device):
            self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            self._pool = torch.cuda.graph_pool_handle()
        self._turn = threading.Lock()

    def record(self, program: Program) -> Program:
        """See :class:`Recorder`; warns and returns ``program`` itself where CUDA refuses."""
        with self._turn, torch.cuda.device(self._device):
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
        # Other threads may go on using the GPU meanwhile.
        mode = "thread_local"
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode=mode):
            program()
        return graph.replay


@dataclass(eq=False)
class Lane(Room):
    """A room whose buffers stay where they are, and the programs recorded on them.

    Attributes:
        facts_F: rows of the newest byte in the tables of the BLT, then in those of the entropy
            model, then the counts of :meth:`_counts` before it.
        told_F: the same on the host.
        tables: how many tables the BLT has.
        nats_1, state_1D, logits_1V, latent: what programs leave; good until they run again.
    """

    facts_F: Tensor
    told_F: Tensor
    tables: int
    nats_1: Tensor
    state_1D: Tensor
    logits_1V: Tensor
    latent: Latent
    _programs: dict[str, tuple[list[tuple[int, torch.Size]], Program]] = field(default_factory=dict)

    def ids(self) -> Tensor:
        """``[N]``: where the newest byte stands in each table of the BLT."""
        return self.facts_F[: self.tables]

    def entropy_ids(self) -> Tensor:
        """The same for the entropy model."""
        return self.facts_F[self.tables : -COUNTS]

    def count(self, number: int) -> Tensor:
        """``[1]``: one of the counts."""
        return self.facts_F[-COUNTS:][number : number + 1]

    def _counts(self) -> tuple[int, ...]:
        """Positions in every cache, and bytes of the open patch."""
        return (
            0 if self.entropy_cache is None else self.entropy_cache.count,
            self.encoder_cache.count,
            self.global_cache.count,
            self.decoder_cache.count,
            self.open_patch.size,
        )

    def tell(self, ids: Sequence[int]) -> None:
        """Write down the facts about a byte that comes now."""
        self.told_F.numpy()[:] = [*ids, *self._counts()]
        self.facts_F.copy_(self.told_F)

    def run(
        self, name: str, program: Program, buffers: Sequence[Tensor], recorder: Recorder
    ) -> None:
        """Run a program; record it first if it was not, or if its ``buffers`` have moved since."""
        places = [(buffer.data_ptr(), buffer.shape) for buffer in buffers]
        known = self._programs.get(name)
        if known is None or known[0] != places:
            self._programs.pop(name, None)
            self._programs[name] = (places, recorder.record(program))
        self._programs[name][1]()


class Recorded(Incremental):
    """As ``torch_backend.incremental.Incremental``, with steps that are recorded.

    Logits that ``step`` returns are good until the row's next one.

    Args:
        blt, entropy_model, patcher_args, weights: as there.
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
        self._waiting: list[Lane] = []

    def room(self) -> Room:
        """A lane that is free, or a new one."""
        try:
            lane = self._waiting.pop()
        except IndexError:
            return self._lane()
        lane.clear()
        return lane

    def seat(self, row: Row) -> None:
        """Let the lane wait for the next row when this one is gone."""
        weakref.finalize(row, self._leave, _lane_of(row)).atexit = False

    def _leave(self, lane: Lane) -> None:
        if len(self._waiting) < LANES_KEPT:
            self._waiting.append(lane)

    def _lane(self) -> Lane:
        room, like, args = super().room(), self.encoder.like, self.args
        ids = self._ids([0])
        told_F = torch.zeros(len(ids) + COUNTS, dtype=torch.int64)
        return Lane(
            **vars(room),
            facts_F=told_F.to(like.device, copy=True),
            told_F=told_F,
            tables=len(self.blt.next_ids([0])),
            nats_1=like.new_zeros(1, dtype=torch.float32),
            state_1D=like.new_zeros(1, args.encoder.dim),
            logits_1V=like.new_zeros(1, args.vocab_size),
            latent=self.latent(like.new_zeros(args.global_model.dim)),
        )

    @torch.inference_mode()
    def step(self, rows: Sequence[Row], tokens: Sequence[int]) -> Tensor:
        """One row after the other."""
        found = [
            super(Recorded, self).step([row], [token])
            for row, token in zip(rows, tokens, strict=True)
        ]
        return found[0] if len(found) == 1 else torch.cat(found)

    @staticmethod
    def kept(h: Tensor) -> Tensor:
        """A copy."""
        return h.clone()

    def take(self, row: Row, token: int) -> None:
        """Tell the lane, too."""
        super().take(row, token)
        _lane_of(row).tell(self._ids(row.recent))

    def _ids(self, tokens: Sequence[int]) -> list[int]:
        """Where the newest byte stands in each table of the BLT and of the entropy model."""
        lm = self.entropy_model
        return [*self.blt.next_ids(tokens), *(() if lm is None else lm.next_ids(tokens))]

    def _nats(self, rows: Sequence[Row]) -> list[float]:
        lane, lm, stack = _lane_of(*rows), self.entropy_model, self.entropies
        cache = lane.entropy_cache
        assert lm is not None and stack is not None and cache is not None

        def measure() -> None:
            h_1D = lm.embed_ids(lane.entropy_ids())
            h_1D = stack.all(h_1D, stack.begin_fixed(cache, lane.count(ENTROPY)))
            lane.nats_1.copy_(entropy(self.entropy_output(h_1D)))

        cache.make_room()
        lane.run("measure", measure, [cache.store_LNTE], self._recorder)
        cache.count += 1
        return [lane.nats_1.item()]

    def encode(self, rows: Sequence[Row]) -> Tensor:
        """The state ``[1, D]`` of one row's newest byte."""
        lane = _lane_of(*rows)
        cache, patch = lane.encoder_cache, lane.open_patch

        def encode() -> None:
            step = self.encoder.begin_fixed(cache, lane.count(ENCODER))
            h_1D, states = self.encoded(self.blt.embed_ids(lane.ids()), step)
            lane.state_1D.copy_(h_1D)
            for kept_SD, state_1D in zip(patch.kept, states, strict=True):
                kept_SD.index_copy_(0, lane.count(PATCH), state_1D)

        cache.make_room()
        patch.make_room()
        lane.run("encode", encode, [cache.store_LNTE, *patch.kept], self._recorder)
        cache.count += 1
        patch.size += 1
        return lane.state_1D

    def _latents(self, rows: Sequence[Row]) -> list[Latent]:
        lane = _lane_of(*rows)
        cache, patch = lane.global_cache, lane.open_patch
        if self.args.patch_bytes is not None:
            check_room(patch.size, self.args.patch_bytes)

        def close() -> None:
            # The facts are those before the patch's last byte.
            size_1 = lane.count(PATCH) + 1
            patch_1M = self.blt.local_encoder.read_patch(patch.kept, size_1)
            h_1G = self.blt.global_transformer.project_in(patch_1M)
            h_1G = self.globals.all(h_1G, self.globals.begin_fixed(cache, lane.count(GLOBAL)))
            lane.latent.take(self.latent(h_1G[0]))

        cache.make_room()
        lane.run("close", close, [cache.store_LNTE, *patch.kept], self._recorder)
        cache.count += 1
        return [lane.latent]

    def predict(self, rows: Sequence[Row], bytes_RD: Tensor) -> Tensor:
        """Logits ``[1, V]`` of one row, which :meth:`encode` has just been called for."""
        lane, (row,) = _lane_of(*rows), rows
        cache = lane.decoder_cache
        if row.latent is not lane.latent:
            lane.latent.take(row.latent)
            row.latent = lane.latent

        def predict() -> None:
            step = self.decoder.begin_fixed(cache, lane.count(DECODER))
            lane.logits_1V.copy_(self.decode(lane.state_1D, [lane.latent], step))

        cache.make_room()
        lane.run("predict", predict, [cache.store_LNTE], self._recorder)
        cache.count += 1
        return lane.logits_1V


def _lane_of(row: Row) -> Lane:
    assert isinstance(row.room, Lane)
    return row.room
