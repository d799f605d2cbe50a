"""Transformer blocks that advance the rows of a KV cache by one or a few positions.

``TransformerBlock.forward`` computes whole rows. Here only the new position of every row goes
through the same weights, and its query attends to the row's KV cache. One product rotates queries,
keys and values together, and plain matrix products read the cache: with one query per row, the
number of operations decides the speed.

Legend: ``R`` rows that advance, ``S`` new positions of one row, ``D`` width, ``H`` heads, ``G``
key/value heads, ``M = 2 G`` keys and values, ``N = H + 2 G``, ``Q`` queries of a key/value head,
``E`` head width, ``C = E / 2`` pairs, ``T`` slots of a cache, ``L`` layers.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn

from bytelatent.architecture.args import TransformerArgs
from bytelatent.generation.torch_backend.kv_cache import TorchKVCache
from bytelatent.generation.torch_backend.matrices import Weights
from bytelatent.generation.torch_backend.packed_weights import Layer, PackedLayer, should_pack
from bytelatent.model.layers import KeyValue, TransformerBlock, rotary_table, rotate

BLOCK = 16
"""Number of consecutive positions whose rotary factors are computed at once."""

BLOCKS = 64
"""Number of such blocks that are kept, because rows may be at different positions."""


class StackStep:
    """A step by which several rows advance by one position each.

    Attributes:
        rotary_RNC: complex rotary factors of the new positions.
    """

    def __init__(self, caches: Sequence[TorchKVCache], rotary_RNC: Tensor) -> None:
        self.rotary_RNC = rotary_RNC
        self._rows = [cache.next_slot() for cache in caches]

    def attend(self, layer: int, rotated_RNE: Tensor, heads: int) -> Tensor:
        """Write the new keys and values to the caches and attend with the new queries.

        Args:
            layer: number of the layer.
            rotated_RNE: rotated queries and keys, and values.
            heads: number of query heads, ``H``.

        Returns:
            The attention output, ``[R, H * E]``.
        """
        out = [
            _read(row_NE, heads, write[layer], keys[layer], values[layer])
            for row_NE, (write, keys, values) in zip(rotated_RNE.unbind(0), self._rows, strict=True)
        ]
        return out[0] if len(out) == 1 else torch.cat(out)


class ChunkStep:
    """A step by which one row advances by several positions at once.

    Each new position attends to the new positions before it, to itself, and to the cached positions
    inside its window.
    """

    def __init__(self, cache: TorchKVCache, rotary_SNC: Tensor) -> None:
        size, self._cache = rotary_SNC.shape[0], cache
        cache.make_room(size)
        self.rotary_RNC = rotary_SNC
        self._slots_S, self._filled = cache.slots(size), cache.filled
        new_S = torch.arange(cache.count, cache.count + size, device=rotary_SNC.device)
        distance_ST = new_S[:, None] - torch.cat([cache.positions(), new_S])
        seen_ST = distance_ST >= 0
        if cache.window is not None:
            seen_ST &= distance_ST < cache.window
        self._hidden_ST = ~seen_ST
        cache.count += size

    def attend(self, layer: int, rotated_RNE: Tensor, heads: int) -> Tensor:
        """Attend as :meth:`StackStep.attend` does; the ``R`` positions all belong to one row."""
        store_MTE, kv_heads = self._cache.store_LNTE[layer], self._cache.heads
        new_MSE = rotated_RNE[:, heads:].transpose(0, 1)
        both_MTE = torch.cat([store_MTE[:, : self._filled], new_MSE], dim=1)
        size, _, width = rotated_RNE.shape
        q_GQE = (
            rotated_RNE[:, :heads]
            .reshape(size, kv_heads, -1, width)
            .permute(1, 2, 0, 3)
            .flatten(1, 2)
        )
        score_GQT = torch.bmm(q_GQE, both_MTE[:kv_heads].transpose(1, 2))
        hidden_QT = self._hidden_ST.repeat(heads // kv_heads, 1)
        weight_GQT = score_GQT.masked_fill(hidden_QT, float("-inf")).softmax(-1)
        out_GQE = torch.bmm(weight_GQT, both_MTE[kv_heads:])
        store_MTE.index_copy_(1, self._slots_S, new_MSE)
        out_GQSE = out_GQE.view(kv_heads, heads // kv_heads, size, width)
        return out_GQSE.permute(2, 0, 1, 3).reshape(size, heads * width)


class FixedStep:
    """A step by which one row advances by one position, whose number is in a tensor.

    The same operations run on the same memory for every position, and no operation waits for a
    value on the host. A CUDA graph can therefore record the step once and replay it. Attention
    reads all slots of the cache; the unused slots get weight zero.
    """

    def __init__(self, cache: TorchKVCache, count_1: Tensor, rotary_1NC: Tensor) -> None:
        self.rotary_RNC, self._cache = rotary_1NC, cache
        slots = cache.store_LNTE.shape[2]
        self._slot_1 = count_1 if cache.window is None else count_1 % slots
        self._hidden_T = torch.arange(slots, device=count_1.device) > count_1

    def attend(self, layer: int, rotated_RNE: Tensor, heads: int) -> Tensor:
        """Attend as :meth:`StackStep.attend` does, for one row."""
        store_MTE, kv_heads = self._cache.store_LNTE[layer], self._cache.heads
        store_MTE.index_copy_(1, self._slot_1, rotated_RNE[0, heads:, None])
        q_GQE = rotated_RNE[0, :heads].view(kv_heads, heads // kv_heads, -1)
        score_GQT = torch.bmm(q_GQE, store_MTE[:kv_heads].transpose(1, 2))
        weight_GQT = score_GQT.masked_fill(self._hidden_T, float("-inf")).softmax(-1)
        return torch.bmm(weight_GQT, store_MTE[kv_heads:]).view(1, -1)


Step = StackStep | ChunkStep | FixedStep
"""A step: which positions advance, and which cached positions they attend to."""


def _read(row_NE: Tensor, heads: int, slot_ME: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Write one row's new key and value, then attend with its query: ``[1, H * E]``.

    The keys are ``[G, E, T]`` and the values ``[G, T, E]``. The strides of vectors, even of length
    1, decide which kernel a batched product uses; with these strides it is several times as fast.
    """
    slot_ME.copy_(row_NE[heads:])
    kv_heads, width, slots = keys.shape
    q_GQE = row_NE[:heads].view(kv_heads, -1, width)
    score_GTQ = torch.bmm(keys.transpose(1, 2), q_GQE.transpose(1, 2))
    if heads > kv_heads:
        return torch.bmm(score_GTQ.softmax(1).transpose(1, 2), values).view(1, -1)
    # The last dimension is the fastest for softmax.
    weight_GT = score_GTQ.view(kv_heads, slots).softmax(-1)
    return torch.bmm(weight_GT[..., None].transpose(1, 2), values).view(1, -1)


class Stack:
    """The blocks of one transformer, for steps over the positions of its rows.

    In single precision on a CPU the weights are copied (:class:`PackedLayer`) unless they are
    large. A stack that was created before training then still has the old weights.

    Args:
        args: dimensions of the blocks.
        blocks: modules with the weights of the blocks.
        window: number of positions that a position attends to, itself included; None for all.
        kind: how weights are stored
            (:func:`bytelatent.generation.torch_backend.matrices.matrix_of`).
    """

    def __init__(
        self,
        args: TransformerArgs,
        blocks: nn.ModuleList,
        window: int | None,
        kind: Weights = "native",
    ) -> None:
        self.args, self.window = args, window
        modules = cast(Sequence[TransformerBlock], list(blocks))
        weights = [weight for block in modules for weight in block.parameters()]
        copied = should_pack(weights, kind)
        self.layers = [PackedLayer(block, kind) if copied else Layer(block) for block in modules]
        self.like = modules[0].attention.wq.weight.new_empty(0)
        heads, kv_heads, width = args.n_heads, args.kv_heads, args.head_width
        pair_C = torch.arange(0, width, 2, dtype=torch.float64, device=self.like.device)
        # Values are not rotated; queries are also divided by the root of their width.
        rotates_N = torch.ones(
            heads + 2 * kv_heads, 1, dtype=torch.float64, device=self.like.device
        )
        rotates_N[heads + kv_heads :] = 0
        size_N = torch.ones_like(rotates_N)
        size_N[:heads] = width**-0.5
        self._angle_NC = rotates_N * args.rope_theta ** (-pair_C / width)
        self._size_NC = size_N.expand_as(self._angle_NC).contiguous()
        self._rotary_blocks = lru_cache(maxsize=BLOCKS)(self._rotary_block)

    def cache(self) -> TorchKVCache:
        """Return an empty KV cache for one row."""
        return TorchKVCache(
            self.like, (len(self.layers), self.args.kv_heads, self.args.head_width), self.window
        )

    def begin(self, caches: Sequence[TorchKVCache]) -> StackStep:
        """Begin a step by which the row of each cache advances by one position."""
        positions = [divmod(cache.count, BLOCK) for cache in caches]
        rotary = [self._rotary_blocks(block)[offset] for block, offset in positions]
        return StackStep(caches, rotary[0][None] if len(rotary) == 1 else torch.stack(rotary))

    def begin_chunk(self, cache: TorchKVCache, size: int) -> ChunkStep:
        """Begin a step by which one row advances by ``size`` positions, at most its window."""
        return ChunkStep(cache, self._rotary_from(cache.count, size))

    def begin_fixed(self, cache: TorchKVCache, count_1: Tensor) -> FixedStep:
        """Begin a step by which one row advances to the position that the tensor ``count_1`` holds.

        The caller must make room in the cache before the step and increment ``cache.count`` after
        it.
        """
        return FixedStep(cache, count_1, self._rotary(count_1))

    def _rotary_from(self, first: int, size: int) -> Tensor:
        """Return the rotary factors of ``size`` positions from ``first`` on, ``[S, N, C]``."""
        return self._rotary(torch.arange(first, first + size, device=self.like.device))

    def _rotary(self, position_S: Tensor) -> Tensor:
        """Return the rotary factors of the positions ``position_S``, ``[S, N, C]``."""
        angle_SNC = self._angle_NC * position_S[:, None, None]
        rotary_SNC = torch.polar(self._size_NC.expand_as(angle_SNC).contiguous(), angle_SNC)
        return rotary_SNC.to(torch.complex64)

    def _rotary_block(self, number: int) -> Tensor:
        return self._rotary_from(number * BLOCK, BLOCK)

    def run(self, number: int, x_RD: Tensor, step: Step) -> Tensor:
        """Run layer ``number`` for the positions of ``step``: ``[R, D]`` to ``[R, D]``."""
        layer, heads = self.layers[number], self.args.n_heads
        pairs_RNC = layer.qkv(x_RD).float().view(torch.complex64).view(step.rotary_RNC.shape)
        rotated_RNE = (pairs_RNC * step.rotary_RNC).view(torch.float32).to(x_RD.dtype)
        x_RD = layer.add_output(x_RD, step.attend(number, rotated_RNE, heads))
        return layer.add_feed_forward(x_RD)

    def step(self, x_RD: Tensor, caches: Sequence[TorchKVCache]) -> Tensor:
        """Run all layers for the next position of every row: ``[R, D]`` to ``[R, D]``."""
        return self.all(x_RD, self.begin(caches))

    def chunk(self, x_SD: Tensor, cache: TorchKVCache) -> Tensor:
        """Run all layers for the next ``S`` positions of one row: ``[S, D]`` to ``[S, D]``."""
        return self.all(x_SD, self.begin_chunk(cache, x_SD.shape[0]))

    def all(self, x_RD: Tensor, step: Step) -> Tensor:
        """Run all layers for the positions of ``step``: ``[R, D]`` to ``[R, D]``."""
        for number in range(len(self.layers)):
            x_RD = self.run(number, x_RD, step)
        return x_RD

    def fill(self, cache: TorchKVCache, past: Sequence[KeyValue], begin: int) -> None:
        """Fill ``cache`` with the keys and values that a pass over a whole row has computed.

        Args:
            cache: KV cache of the row; its old content is replaced.
            past: unrotated keys, and values, of every layer for the whole row, ``[1, S, G, E]``.
            begin: position where the current document begins.
        """
        args, size = self.args, past[0].keys.shape[1]
        if self.window is not None:
            begin = max(begin, size - self.window)
        if begin == size:
            return
        keys_LSGE = torch.stack([layer.keys[0, begin:] for layer in past])
        values_LSGE = torch.stack([layer.values[0, begin:] for layer in past])
        # Positions count from the first key that is kept: only their differences matter.
        table = rotary_table(size - begin, args.head_width, args.rope_theta, keys_LSGE.device)
        cache.fill(rotate(keys_LSGE, table), values_LSGE)
