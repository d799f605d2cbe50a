"""Transformer blocks one position at a time, next to what they do for whole rows.

``TransformerBlock.forward`` sees whole rows; here the new position of every row goes through the
same weights and looks at the row's cache. Queries, keys and values are turned by one product, and
the cache is read by plain matrix products: with one query each, overhead is what costs.

Legend: ``R`` rows that advance, ``D`` width, ``H`` heads, ``G`` key/value heads, ``N = H + 2 G``,
``E`` head width, ``C = E / 2`` pairs, ``T`` places of a cache, ``L`` layers.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn

from bytelatent.architecture.args import TransformerArgs
from bytelatent.generation.torch_backend.kv_cache import KVCache
from bytelatent.generation.torch_backend.matrices import Weights
from bytelatent.generation.torch_backend.packed_weights import Layer, PackedLayer, should_pack
from bytelatent.model.layers import KeyValue, TransformerBlock, rotary_table, rotate

BLOCK = 16
"""Positions whose angles are found at once."""

BLOCKS = 64
"""Such blocks that are kept, for rows that stand at different positions."""


class StackStep:
    """The rows that advance by one position: their caches, and angles of their positions."""

    def __init__(self, caches: Sequence[KVCache], phase_RNC: Tensor) -> None:
        self.phase_RNC = phase_RNC
        self._rows = [cache.place_next() for cache in caches]

    def attend(self, layer: int, turned_RNE: Tensor, heads: int) -> Tensor:
        """Write keys and values of the new positions, and read with its query: ``[R, H * E]``."""
        out = [
            _read(row_NE, heads, write[layer], keys[layer], values[layer])
            for row_NE, (write, keys, values) in zip(turned_RNE.unbind(0), self._rows, strict=True)
        ]
        return out[0] if len(out) == 1 else torch.cat(out)


class ChunkStep:
    """One row that advances by several positions at once.

    Each sees those before it among them, and of the cache what its window leaves.
    """

    def __init__(self, cache: KVCache, phase_SNC: Tensor) -> None:
        size, self._cache = phase_SNC.shape[0], cache
        cache.make_room(size)
        self.phase_RNC = phase_SNC
        self._places_S, self._filled = cache.places(size), cache.filled
        new_S = torch.arange(cache.count, cache.count + size, device=phase_SNC.device)
        distance_ST = new_S[:, None] - torch.cat([cache.positions(), new_S])
        seen_ST = distance_ST >= 0
        if cache.window is not None:
            seen_ST &= distance_ST < cache.window
        self._hidden_ST = ~seen_ST
        cache.count += size

    def attend(self, layer: int, turned_RNE: Tensor, heads: int) -> Tensor:
        """As :meth:`StackStep.attend`, the ``R`` positions all of one row."""
        store_MTE, kept = self._cache.store_LNTE[layer], self._cache.heads
        new_MSE = turned_RNE[:, heads:].transpose(0, 1)
        both_MTE = torch.cat([store_MTE[:, : self._filled], new_MSE], dim=1)
        size, _, width = turned_RNE.shape
        q_GQE = (
            turned_RNE[:, :heads].reshape(size, kept, -1, width).permute(1, 2, 0, 3).flatten(1, 2)
        )
        score_GQT = torch.bmm(q_GQE, both_MTE[:kept].transpose(1, 2))
        hidden_QT = self._hidden_ST.repeat(heads // kept, 1)
        weight_GQT = score_GQT.masked_fill(hidden_QT, float("-inf")).softmax(-1)
        out_GQE = torch.bmm(weight_GQT, both_MTE[kept:])
        store_MTE.index_copy_(1, self._places_S, new_MSE)
        out_GQSE = out_GQE.view(kept, heads // kept, size, width)
        return out_GQSE.permute(2, 0, 1, 3).reshape(size, heads * width)


class FixedStep:
    """One row that advances by one position, told by a tensor.

    Whatever the position, the same operations run on the same memory, and none waits for a number:
    so they can be recorded once and run again. All places of the cache are read, and those that are
    not in use weigh nothing.
    """

    def __init__(self, cache: KVCache, count_1: Tensor, phase_1NC: Tensor) -> None:
        self.phase_RNC, self._cache = phase_1NC, cache
        places = cache.store_LNTE.shape[2]
        self._place_1 = count_1 if cache.window is None else count_1 % places
        self._hidden_T = torch.arange(places, device=count_1.device) > count_1

    def attend(self, layer: int, turned_RNE: Tensor, heads: int) -> Tensor:
        """As :meth:`StackStep.attend`, for one row."""
        store_MTE, kept = self._cache.store_LNTE[layer], self._cache.heads
        store_MTE.index_copy_(1, self._place_1, turned_RNE[0, heads:, None])
        q_GQE = turned_RNE[0, :heads].view(kept, heads // kept, -1)
        score_GQT = torch.bmm(q_GQE, store_MTE[:kept].transpose(1, 2))
        weight_GQT = score_GQT.masked_fill(self._hidden_T, float("-inf")).softmax(-1)
        return torch.bmm(weight_GQT, store_MTE[kept:]).view(1, -1)


Step = StackStep | ChunkStep | FixedStep
"""Which positions advance, and what they see."""


def _read(row_NE: Tensor, heads: int, place_ME: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """What one query reads of ``keys [G, E, T]`` and ``values [G, T, E]``: ``[1, H * E]``.

    The strides of vectors, of length 1 or not, decide which kernel a product of a batch runs on;
    these are several times as fast as others.
    """
    place_ME.copy_(row_NE[heads:])
    kept, width, places = keys.shape
    q_GQE = row_NE[:heads].view(kept, -1, width)
    score_GTQ = torch.bmm(keys.transpose(1, 2), q_GQE.transpose(1, 2))
    if heads > kept:
        return torch.bmm(score_GTQ.softmax(1).transpose(1, 2), values).view(1, -1)
    # The last dimension is the fastest for softmax.
    weight_GT = score_GTQ.view(kept, places).softmax(-1)
    return torch.bmm(weight_GT[..., None].transpose(1, 2), values).view(1, -1)


class Stack:
    """The blocks of one transformer, and how the positions of its rows advance.

    In single precision on a CPU weights are copied (:class:`PackedLayer`) unless they are large: a
    stack made before training then goes on with the old ones.

    Args:
        args: their shape.
        blocks: their weights.
        window: positions that a position sees; None for all.
        kind: how weights are kept (:func:`bytelatent.generation.torch_backend.matrices.matrix_of`).
    """

    def __init__(
        self,
        args: TransformerArgs,
        blocks: nn.ModuleList,
        window: int | None,
        kind: Weights = "native",
    ) -> None:
        self.args, self.window = args, window
        given = cast(Sequence[TransformerBlock], list(blocks))
        weights = [weight for block in given for weight in block.parameters()]
        copied = should_pack(weights, kind)
        self.layers = [PackedLayer(block, kind) if copied else Layer(block) for block in given]
        self.like = given[0].attention.wq.weight.new_empty(0)
        heads, kept, width = args.n_heads, args.kv_heads, args.head_width
        pair_C = torch.arange(0, width, 2, dtype=torch.float64, device=self.like.device)
        # Values stand still, queries are divided on the way by the root of their width.
        turns_N = torch.ones(heads + 2 * kept, 1, dtype=torch.float64, device=self.like.device)
        turns_N[heads + kept :] = 0
        size_N = torch.ones_like(turns_N)
        size_N[:heads] = width**-0.5
        self._angle_NC = turns_N * args.rope_theta ** (-pair_C / width)
        self._size_NC = size_N.expand_as(self._angle_NC).contiguous()
        self._phases = lru_cache(maxsize=BLOCKS)(self._block_of_phases)

    def cache(self) -> KVCache:
        """An empty cache of one row."""
        return KVCache(
            self.like, (len(self.layers), self.args.kv_heads, self.args.head_width), self.window
        )

    def begin(self, caches: Sequence[KVCache]) -> StackStep:
        """Let a row advance by one position for each of ``caches``."""
        places = [divmod(cache.count, BLOCK) for cache in caches]
        phases = [self._phases(block)[place] for block, place in places]
        return StackStep(caches, phases[0][None] if len(phases) == 1 else torch.stack(phases))

    def begin_chunk(self, cache: KVCache, size: int) -> ChunkStep:
        """Let one row advance by ``size`` positions at once, no more than its window."""
        return ChunkStep(cache, self._phases_from(cache.count, size))

    def begin_fixed(self, cache: KVCache, count_1: Tensor) -> FixedStep:
        """Let one row advance by the position ``count_1``, of which only the tensor is known.

        The row's cache has room for it, and is told by the caller that it has come.
        """
        return FixedStep(cache, count_1, self._phase(count_1))

    def _phases_from(self, first: int, size: int) -> Tensor:
        """What turns ``size`` positions from ``first`` on, ``[S, N, C]``."""
        return self._phase(torch.arange(first, first + size, device=self.like.device))

    def _phase(self, place_S: Tensor) -> Tensor:
        """What turns these positions, ``[S, N, C]``."""
        angle_SNC = self._angle_NC * place_S[:, None, None]
        phase_SNC = torch.polar(self._size_NC.expand_as(angle_SNC).contiguous(), angle_SNC)
        return phase_SNC.to(torch.complex64)

    def _block_of_phases(self, number: int) -> Tensor:
        return self._phases_from(number * BLOCK, BLOCK)

    def run(self, number: int, x_RD: Tensor, step: Step) -> Tensor:
        """Layer ``number``: ``[R, D]`` to ``[R, D]``."""
        layer, heads = self.layers[number], self.args.n_heads
        pairs_RNC = layer.qkv(x_RD).float().view(torch.complex64).view(step.phase_RNC.shape)
        turned_RNE = (pairs_RNC * step.phase_RNC).view(torch.float32).to(x_RD.dtype)
        x_RD = layer.add_output(x_RD, step.attend(number, turned_RNE, heads))
        return layer.add_feed_forward(x_RD)

    def step(self, x_RD: Tensor, caches: Sequence[KVCache]) -> Tensor:
        """All layers for the next position of every row: ``[R, D]`` to ``[R, D]``."""
        return self.all(x_RD, self.begin(caches))

    def chunk(self, x_SD: Tensor, cache: KVCache) -> Tensor:
        """All layers for the next ``S`` positions of one row: ``[S, D]`` to ``[S, D]``."""
        return self.all(x_SD, self.begin_chunk(cache, x_SD.shape[0]))

    def all(self, x_RD: Tensor, step: Step) -> Tensor:
        """All layers: ``[R, D]`` to ``[R, D]``."""
        for number in range(len(self.layers)):
            x_RD = self.run(number, x_RD, step)
        return x_RD

    def fill(self, cache: KVCache, past: Sequence[KeyValue], begin: int) -> None:
        """Let ``cache`` begin with what a pass over a row has left in every layer.

        Args:
            cache: of the row.
            past: keys, not rotated, and values of the whole row, ``[1, S, G, E]``.
            begin: first position of the document that goes on.
        """
        args, size = self.args, past[0].keys.shape[1]
        if self.window is not None:
            begin = max(begin, size - self.window)
        if begin == size:
            return
        keys_LSGE = torch.stack([layer.keys[0, begin:] for layer in past])
        values_LSGE = torch.stack([layer.values[0, begin:] for layer in past])
        # Counted from the first one kept: only differences of positions matter.
        table = rotary_table(size - begin, args.head_width, args.rope_theta, keys_LSGE.device)
        cache.fill(rotate(keys_LSGE, table), values_LSGE)
