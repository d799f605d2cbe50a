"""A BLT on ONNX graphs, byte by byte; :mod:`bytelatent.generation.run` generates with it.

The counterpart for torch is ``generation.torch_backend.incremental``. A row runs over chunks of new
bytes: a part of a prompt, the next byte, or a draft to verify.
:class:`bytelatent.runtime.row_steps.RowStepModel` steps several rows together.

Legend: ``S`` new bytes, ``P`` patches, ``J`` encoder layers whose states patches use, ``D`` local
width, ``F`` width of a latent, ``V`` vocabulary, ``M`` bytes of the longest patch, ``N`` hash
tables.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytelatent.architecture.ngrams import next_buckets
from bytelatent.generation.boundaries import Boundaries
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.runtime.entropy_graph import EntropyGraph
from bytelatent.runtime.numpy_kv_cache import Floats, NumpyKVCache
from bytelatent.runtime.numpy_rows import NumpyOpenPatch, NumpyRow, Seen
from bytelatent.runtime.onnx_format import BltShape, EntropyShape
from bytelatent.runtime.sessions import Session

CHUNK = 256
"""Largest number of bytes of a prompt in one call; it limits memory and does not change results."""

MAX_PADDED_BYTES = 16_384
"""Largest padded number of bytes in one global call: patches times the length of the longest."""

MAX_PATCH_SCORES = 2**20
"""Largest number of attention scores between patches in one call; it limits memory."""


@dataclass(frozen=True)
class Sessions:
    """Sessions of the graphs of ``onnx_format``.

    Attributes:
        encoder, globals, decoder: sessions of the three graphs of a BLT.
        entropy: session of the entropy model; None if the patching rule uses none.
    """

    encoder: Session
    globals: Session
    decoder: Session
    entropy: Session | None


class StepModel:
    """A BLT as graphs, with its entropy model and its patching rule; each row runs by itself.

    Args:
        sessions: sessions of the graphs.
        shape: dimensions of the BLT.
        entropy_shape: dimensions of the entropy model; None if there is none.
        patcher_args: the patching rule.

    Raises:
        ValueError: the rule cannot be decided byte by byte, or it needs an entropy model that is
            missing or has another vocabulary.
    """

    def __init__(
        self,
        sessions: Sessions,
        shape: BltShape,
        entropy_shape: EntropyShape | None,
        patcher_args: PatcherArgs,
    ) -> None:
        self.boundaries = Boundaries(patcher_args)
        self.shape, self.entropy_shape, self.sessions = shape, entropy_shape, sessions
        self.vocab_size, self.eos_id = shape.vocab_size, shape.eos_id
        self.patch_bytes = shape.patch_bytes
        stacks = [shape.encoder, shape.decoder]
        stacks += [] if entropy_shape is None else [entropy_shape.stack]
        windows = [stack.window for stack in stacks if stack.window is not None]
        self.longest_draft = min(windows)
        self.entropy_graph: EntropyGraph | None = None
        if sessions.entropy is not None and entropy_shape is not None:
            self.entropy_graph = EntropyGraph(sessions.entropy, entropy_shape)
        measuring = 1 if self.entropy_graph is None else self.entropy_graph.longest_ngram
        self._longest_ngram = max(1, measuring, *shape.hash_sizes)
        if self.boundaries.needs_entropy and entropy_shape is None:
            raise ValueError(
                f"patching mode {self.boundaries.mode.value!r} needs an entropy model; give one, "
                "or a mode that looks at bytes alone"
            )
        if entropy_shape is not None and entropy_shape.vocab_size != shape.vocab_size:
            raise ValueError(
                f"vocab_size: the entropy model has {entropy_shape.vocab_size}, the BLT "
                f"{shape.vocab_size}; they must be equal"
            )

    def inference_context(self) -> AbstractContextManager[Any]:
        """Return a context that does nothing; only the torch backend needs one."""
        return nullcontext()

    def stacked(self, logits: Sequence[Any]) -> Floats:
        """Stack the logits ``[V]`` of several rows into one array ``[R, V]``."""
        return np.stack(logits)

    def begin(self) -> NumpyRow:
        """Return a new row without bytes."""
        shape = self.shape
        return NumpyRow(
            recent=deque(maxlen=self._longest_ngram),
            entropy_cache=None
            if self.entropy_shape is None
            else NumpyKVCache(self.entropy_shape.stack),
            encoder_cache=NumpyKVCache(shape.encoder),
            global_cache=NumpyKVCache(shape.global_model),
            decoder_cache=NumpyKVCache(shape.decoder),
            open_patch=NumpyOpenPatch(len(shape.read_layers), shape.dim),
        )

    def prefill(self, tokens: Sequence[int]) -> NumpyRow:
        """Run the model over the prompt ``tokens``, BOS first, and return the new row.

        Raises:
            ValueError: a patch has more bytes than the model can concatenate.
        """
        *_, row = self.prefill_parts(tokens)
        assert row is not None
        return row

    def prefill_parts(self, tokens: Sequence[int]) -> Iterator[NumpyRow | None]:
        """Run the model over ``tokens``; yield None after each chunk but the last, then the row.

        Raises:
            ValueError: a patch has more bytes than the model can concatenate.
        """
        row, chunks = self.begin(), list(self.chunks(tokens))
        for number, chunk in enumerate(chunks, start=1):
            self.advance(row, chunk)
            yield row if number == len(chunks) else None

    def chunks(self, tokens: Sequence[int]) -> Iterator[Sequence[int]]:
        """Yield ``tokens`` in chunks for :meth:`advance`; a chunk ends where a document ends."""
        begin = 0
        while begin < len(tokens):
            end = min(begin + CHUNK, len(tokens))
            stop = next((p for p in range(begin, end) if tokens[p] == self.eos_id), end - 1)
            yield tokens[begin : stop + 1]
            begin = stop + 1

    def step(self, rows: Sequence[NumpyRow], tokens: Sequence[int]) -> None:
        """Advance each row by its next token.

        Raises:
            ValueError: a patch has more bytes than the model can concatenate.
        """
        for row, token in zip(rows, tokens, strict=True):
            self.advance(row, [token])

    def advance(self, row: NumpyRow, tokens: Sequence[int], seen: Seen | None = None) -> None:
        """Advance ``row`` by its next tokens; an end of document may only be the last of them.

        Args:
            row: the row; it is changed.
            tokens: token ids.
            seen: gets internal values for display.

        Raises:
            ValueError: a patch has more bytes than the model can concatenate.
        """
        nats = self.measure(row, tokens, list(row.recent))
        closes = [
            self.boundaries.push(row.boundary, token, value)
            for token, value in zip(tokens, nats, strict=True)
        ]
        ends = tokens[-1] == self.eos_id
        before = row.open_patch.size
        states_SD = self._encode(row, tokens, seen)
        latents = self._complete(row, before, closes, ends=ends, seen=seen)
        patch_S = np.cumsum(closes, dtype=np.int64)
        if row.latent is not None:
            latents = [row.latent, *latents]
        else:  # BOS alone is the first patch
            patch_S -= 1
        logits_SV = self._decode(row, states_SD, latents, patch_S, seen)
        row.latent, row.logits_V = latents[-1], logits_SV[-1]
        row.entropy, row.starts = nats[-1], closes[-1]
        if ends:
            row.encoder_cache.reset()
            row.decoder_cache.reset()
        if seen is not None:
            seen.entropies += nats
            seen.closes += closes
            seen.logits.append(logits_SV)

    def measure(
        self, row: NumpyRow, tokens: Sequence[int], before: Sequence[int]
    ) -> list[float | None]:
        """Run the entropy model and return the entropy in nats after each token.

        An entropy is None if the patching rule uses no entropy model.

        Args:
            row: the row whose entropy cache takes in the tokens.
            tokens: token ids.
            before: token ids that precede them.
        """
        graph = self.entropy_graph
        if row.entropy_cache is None or graph is None:
            return [None] * len(tokens)
        (nats_S,) = graph.run(row.entropy_cache, tokens, before, "entropies")
        if graph.shape.separates_documents and tokens[-1] == self.eos_id:
            row.entropy_cache.reset()
        entropies: list[float | None] = nats_S.tolist()
        return entropies

    def draft(self, row: NumpyRow, token: int) -> tuple[Any, Any]:
        """Run encoder and decoder over ``token``; return state ``[1, D]`` and logits ``[V]``."""
        state_1D = self._encode(row, [token])
        logits_1V = self._decode(row, state_1D, [row.latent], np.zeros(1, np.int64))
        return state_1D, logits_1V[0]

    def decode(self, row: NumpyRow, states: Sequence[Any], latents: Sequence[Any]) -> list[Any]:
        """Run the decoder over states from :meth:`draft`, each with its latent; return logits."""
        own_S = np.arange(len(states), dtype=np.int64)
        return list(self._decode(row, np.concatenate(states), latents, own_S))

    def encode_patches(
        self, row: NumpyRow, edges: Sequence[int], seen: Seen | None = None
    ) -> list[Any]:
        """Run the global transformer over the patches that ``edges`` delimits; return the latents.

        The open patch, which holds the bytes of these patches, is not changed.

        Args:
            row: the row whose global cache takes in the patches.
            edges: byte index in the open patch where the first patch begins, then where each patch
                ends, ``P + 1`` numbers.
            seen: gets the cross-attention weights.

        Raises:
            ValueError: a patch has more bytes than the model can concatenate.
        """
        latents: list[Any] = []
        most = max(1, MAX_PATCH_SCORES // (row.global_cache.count + len(edges)))
        for begin, end in _groups(edges, most):
            latents += self._close_group(row, edges[begin : end + 1], seen)
        return latents

    def patch_inputs(
        self, begin_P: NDArray[np.int64], end_P: NDArray[np.int64]
    ) -> dict[str, NDArray[np.generic]]:
        """Return the inputs of the global graph that say which bytes each patch has.

        Args:
            begin_P, end_P: index of the first byte of each patch, and of the byte after its last.

        Raises:
            ValueError: a patch has more bytes than the model can concatenate.
        """
        longest = int((end_P - begin_P).max())
        patch_bytes = self.shape.patch_bytes
        if patch_bytes is not None and longest > patch_bytes:
            raise ValueError(
                f"patch_lengths: a patch holds {longest} bytes, "
                f"concatenation has room for {patch_bytes}"
            )
        index_PM = begin_P[:, None] + np.arange(patch_bytes or longest)
        room_PM = np.where(index_PM < end_P[:, None], np.float32(0), np.float32(-np.inf))
        return {"index": np.minimum(index_PM, end_P[:, None] - 1), "room": room_PM}

    def fits(self, count: int, longest: int) -> bool:
        """Return whether ``count`` patches of up to ``longest`` bytes fit into one global call."""
        return count * longest <= MAX_PADDED_BYTES

    def keep(self, row: NumpyRow, begin: int, end: int) -> None:
        """Keep only the bytes ``begin`` to ``end`` (exclusive) of the open patch."""
        row.open_patch.keep(begin, end)

    def _complete(
        self, row: NumpyRow, before: int, closes: Sequence[bool], *, ends: bool, seen: Seen | None
    ) -> list[Any]:
        """Compute the latents of the patches that end with the new bytes.

        The open patch had ``before`` bytes before the new bytes; ``ends`` says whether the last new
        byte ends a document.
        """
        edges = [0, *(before + index + 1 for index, close in enumerate(closes) if close)]
        latents: list[Any] = []
        if row.open_patch.ends_document and len(edges) > 1:
            latents = self.encode_patches(row, edges[:2], seen)
            row.global_cache.reset()
            row.open_patch.ends_document = False
            edges = edges[1:]
        latents += self.encode_patches(row, edges, seen)
        row.open_patch.keep(edges[-1], row.open_patch.size)
        if ends and closes[-1]:
            row.global_cache.reset()
        row.open_patch.ends_document |= ends and not closes[-1]
        return latents

    def _encode(self, row: NumpyRow, tokens: Sequence[int], seen: Seen | None = None) -> Floats:
        """Encode bytes and add the states that patches use to the open patch; return ``[S, D]``."""
        shape = self.shape
        hashes_SN = next_buckets(
            tokens, row.recent, shape.hash_sizes, shape.hash_functions, shape.hash_buckets
        )
        row.recent.extend(tokens)
        feed = row.encoder_cache.inputs(len(tokens))
        feed |= {"tokens": np.array(tokens), "hashes": hashes_SN}
        states_SD, read_JSD, new = self.sessions.encoder.run(["states", "read", "new"], feed)
        row.encoder_cache.take(new[0])
        row.open_patch.add(read_JSD)
        if seen is not None:
            seen.hashes.append(hashes_SN)
        return np.asarray(states_SD)

    def _decode(
        self,
        row: NumpyRow,
        states_SD: Floats,
        latents: Sequence[Any],
        patch_S: NDArray[np.int64],
        seen: Seen | None = None,
    ) -> Floats:
        feed = row.decoder_cache.inputs(len(states_SD))
        feed |= {"states": states_SD, "latents": np.stack(latents), "patch": patch_S}
        outputs = ["logits", "new"]
        look = seen is not None and bool(self.shape.decoder_cross)
        logits_SV, new, *weights = self.sessions.decoder.run(outputs + ["weights"] * look, feed)
        row.decoder_cache.take(new[0])
        if seen is not None:
            seen.decoder_weights += weights
        return np.asarray(logits_SV)

    def _close_group(self, row: NumpyRow, edges: Sequence[int], seen: Seen | None) -> list[Any]:
        begin_P, end_P = np.array(edges[:-1]), np.array(edges[1:])
        feed = row.global_cache.inputs(len(begin_P))
        feed |= self.patch_inputs(begin_P, end_P) | {"read": row.open_patch.states()}
        outputs = ["latents", "new"]
        look = seen is not None and bool(self.shape.encoder_cross)
        latents_PF, new, *weights = self.sessions.globals.run(outputs + ["weights"] * look, feed)
        row.global_cache.take(new[0])
        if seen is not None and look:
            for number, (begin, end) in enumerate(pairwise(edges)):
                seen.encoder_weights.append(weights[0][:, number, : end - begin])
        return list(latents_PF)


def _groups(edges: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Yield groups of patches for one call each, by first and last index in ``edges``.

    A group has at most ``most`` patches, and its padded bytes fit into :data:`MAX_PADDED_BYTES`,
    unless it is a single patch.
    """
    begin, longest = 0, 0
    for number, (first, after) in enumerate(pairwise(edges)):
        longest = max(longest, after - first)
        count = number + 1 - begin
        if count > 1 and (count > most or count * longest > MAX_PADDED_BYTES):
            yield begin, number
            begin, longest = number, after - first
    if begin < len(edges) - 1:
        yield begin, len(edges) - 1
