"""Transformer blocks one position at a time, next to what they do for whole rows.

``TransformerBlock.forward`` sees whole rows; here the new position of every row goes through the
same weights and looks at the row's cache. Queries, keys and values are turned by one product, and
the cache is read by plain matrix products: with one query each, overhead is what costs.

Legend: ``R`` rows that advance, ``D`` width, ``H`` heads, ``G`` key/value heads, ``N = H + 2 G``,
``E`` head width, ``C = E / 2`` pairs, ``T`` places of a cache, ``L`` layers.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bytelatent.generation.caches import Cache
from bytelatent.model.args import TransformerArgs
from bytelatent.model.layers import KeyValue, TransformerBlock, rotary_table, rotate

LARGEST_COPY = 2**30
"""Bytes of weights of one stack that are copied at most."""


class StackStep:
    """The rows that advance by one position: their caches, and angles of their positions."""

    def __init__(self, caches: Sequence[Cache], phase_RNC: Tensor) -> None:
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

    def __init__(self, cache: Cache, phase_SNC: Tensor) -> None:
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


def _read(row_NE: Tensor, heads: int, place_ME: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """What one query reads of ``keys [G, E, T]`` and ``values [G, T, E]``: ``[1, H * E]``."""
    place_ME.copy_(row_NE[heads:])
    q_GQE = row_NE[:heads].view(keys.shape[0], -1, keys.shape[1])
    weight_GQT = torch.bmm(q_GQE, keys).softmax(-1)
    return torch.bmm(weight_GQT, values).view(1, -1)


class Stack:
    """The blocks of one transformer, and how the positions of its rows advance.

    In single precision on a CPU weights are copied (:class:`LaidOut`) unless they are large: a
    stack made before training then goes on with the old ones.

    Args:
        args: their shape.
        blocks: their weights.
        window: positions that a position sees; None for all.
    """

    def __init__(self, args: TransformerArgs, blocks: nn.ModuleList, window: int | None) -> None:
        self.args, self.window = args, window
        given = cast(Sequence[TransformerBlock], list(blocks))
        kind = LaidOut if _worth_copying(given) else Layer
        self.layers = [kind(block) for block in given]
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

    def cache(self) -> Cache:
        """An empty cache of one row."""
        return Cache(
            self.like, (len(self.layers), self.args.kv_heads, self.args.head_width), self.window
        )

    def begin(self, caches: Sequence[Cache]) -> StackStep:
        """Let a row advance by one position for each of ``caches``."""
        phases = [torch.polar(self._size_NC, self._angle_NC * cache.count) for cache in caches]
        phase_RNC = phases[0][None] if len(phases) == 1 else torch.stack(phases)
        return StackStep(caches, phase_RNC.to(torch.complex64))

    def begin_chunk(self, cache: Cache, size: int) -> ChunkStep:
        """Let one row advance by ``size`` positions at once, no more than its window."""
        place_S = torch.arange(cache.count, cache.count + size, device=self.like.device)
        angle_SNC = self._angle_NC * place_S[:, None, None]
        phase_SNC = torch.polar(self._size_NC.expand_as(angle_SNC).contiguous(), angle_SNC)
        return ChunkStep(cache, phase_SNC.to(torch.complex64))

    def run(self, number: int, x_RD: Tensor, step: StackStep | ChunkStep) -> Tensor:
        """Layer ``number``: ``[R, D]`` to ``[R, D]``."""
        layer, heads = self.layers[number], self.args.n_heads
        pairs = layer.qkv(x_RD).float().view(*step.phase_RNC.shape, 2)
        turned = torch.view_as_real(torch.view_as_complex(pairs) * step.phase_RNC).flatten(-2)
        x_RD = layer.add_output(x_RD, step.attend(number, turned.to(x_RD.dtype), heads))
        return layer.add_feed_forward(x_RD)

    def step(self, x_RD: Tensor, caches: Sequence[Cache]) -> Tensor:
        """All layers for the next position of every row: ``[R, D]`` to ``[R, D]``."""
        return self._all(x_RD, self.begin(caches))

    def chunk(self, x_SD: Tensor, cache: Cache) -> Tensor:
        """All layers for the next ``S`` positions of one row: ``[S, D]`` to ``[S, D]``."""
        return self._all(x_SD, self.begin_chunk(cache, x_SD.shape[0]))

    def _all(self, x_RD: Tensor, step: StackStep | ChunkStep) -> Tensor:
        for number in range(len(self.layers)):
            x_RD = self.run(number, x_RD, step)
        return x_RD

    def fill(self, cache: Cache, past: Sequence[KeyValue], begin: int) -> None:
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


class Layer:
    """A block's weights where they are."""

    def __init__(self, block: TransformerBlock) -> None:
        self._block = block

    def qkv(self, x_RD: Tensor) -> Tensor:
        """Queries, keys and values side by side, ``[R, N * E]``, of what the norm makes of x."""
        attention = self._block.attention
        y_RD = self._block.attention_norm(x_RD)
        return torch.cat([attention.wq(y_RD), attention.wk(y_RD), attention.wv(y_RD)], dim=-1)

    def add_output(self, x_RD: Tensor, read_RF: Tensor) -> Tensor:
        """``x`` and what attention has read."""
        return x_RD + cast(Tensor, self._block.attention.wo(read_RF))

    def add_feed_forward(self, x_RD: Tensor) -> Tensor:
        """``x`` and what the feed-forward network makes of it."""
        return x_RD + cast(Tensor, self._block.feed_forward(self._block.ffn_norm(x_RD)))


class LaidOut(Layer):
    """Copies of a block's weights as products of one vector are fastest on a CPU.

    Transposed, which doubles the rate at which weights are read; those of the same input side by
    side; norms multiplied into the weights behind them, so that of a norm only a division is left:
    ``x / rms(x) = sqrt(D) x / hypot(|x|, sqrt(D eps))``.
    """

    def __init__(self, block: TransformerBlock) -> None:
        super().__init__(block)
        attention, feed_forward = block.attention, block.feed_forward
        self._qkv = folded(block.attention_norm, attention.wq, attention.wk, attention.wv)
        self._gate_up = folded(block.ffn_norm, feed_forward.w1, feed_forward.w3)
        self._output = attention.wo.weight.detach().t().contiguous()
        self._down = feed_forward.w2.weight.detach().t().contiguous()
        self._hidden = feed_forward.w1.weight.shape[0]

    def qkv(self, x_RD: Tensor) -> Tensor:
        """Queries, keys and values."""
        return self._qkv(x_RD)

    def add_output(self, x_RD: Tensor, read_RF: Tensor) -> Tensor:
        """``x`` and what attention has read."""
        return torch.addmm(x_RD, read_RF, self._output)

    def add_feed_forward(self, x_RD: Tensor) -> Tensor:
        """``x`` and what the feed-forward network makes of it."""
        both_RF = self._gate_up(x_RD)
        gate_RF, up_RF = both_RF[:, : self._hidden], both_RF[:, self._hidden :]
        return torch.addmm(x_RD, F.silu(gate_RF).mul_(up_RF), self._down)


class Folded:
    """A norm and the linear layers behind it as one product."""

    def __init__(self, norm: nn.RMSNorm, layers: Sequence[nn.Linear]) -> None:
        weight_FD = torch.cat([layer.weight.detach() for layer in layers])
        width = weight_FD.shape[1]
        scale_D = norm.weight.detach() * width**0.5
        self._weight_DF = (weight_FD * scale_D).t().contiguous()
        eps = torch.finfo(weight_FD.dtype).eps if norm.eps is None else norm.eps
        self._least = weight_FD.new_tensor((width * eps) ** 0.5)

    def __call__(self, x_RD: Tensor) -> Tensor:
        """``[R, D]`` to ``[R, F]``."""
        size_R1 = torch.linalg.vector_norm(x_RD, dim=-1, keepdim=True)
        return torch.mm(torch.div(x_RD, torch.hypot(size_R1, self._least)), self._weight_DF)


def folded(norm: nn.RMSNorm, *layers: nn.Linear) -> Folded:
    """``norm`` and then ``layers``, side by side."""
    return Folded(norm, layers)


def _worth_copying(blocks: Sequence[TransformerBlock]) -> bool:
    weights = [weight for block in blocks for weight in block.parameters()]
    size = sum(weight.numel() * weight.element_size() for weight in weights)
    plain = all(w.dtype == torch.float32 and w.device.type == "cpu" for w in weights)
    return plain and size <= LARGEST_COPY
