"""Transformer blocks one position at a time, next to what they do for whole rows.

``TransformerBlock.forward`` sees whole rows; here the new position of every row goes through the
same weights and looks at the row's cache. Weights that take the same input are laid side by side
once, keys, values and queries are turned by one product, and the cache is read by plain matrix
products: with one query each, overhead is what costs.

Legend: ``R`` rows that advance, ``D`` width, ``H`` heads, ``G`` key/value heads, ``N = H + 2 G``,
``E`` head width, ``C = E / 2`` pairs, ``T`` places of a cache, ``L`` layers.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bytelatent.generation.caches import Cache
from bytelatent.model.args import TransformerArgs
from bytelatent.model.layers import KeyValue, TransformerBlock, rotary_table, rotate


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


def _read(row_NE: Tensor, heads: int, place_ME: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """What one query reads of ``keys [G, E, T]`` and ``values [G, T, E]``: ``[1, H * E]``."""
    place_ME.copy_(row_NE[heads:])
    q_GQE = row_NE[:heads].view(keys.shape[0], -1, keys.shape[1])
    weight_GQT = torch.bmm(q_GQE, keys).softmax(-1)
    return torch.bmm(weight_GQT, values).view(1, -1)


class Stack:
    """The blocks of one transformer, and how the positions of its rows advance.

    Weights that are laid side by side are copies: a stack made before training goes on with the old
    ones.

    Args:
        args: their shape.
        blocks: their weights.
        window: positions that a position sees; None for all.
        join: lay weights side by side; costs their memory once more.
    """

    def __init__(
        self, args: TransformerArgs, blocks: nn.ModuleList, window: int | None, *, join: bool
    ) -> None:
        self.args, self.window = args, window
        self.layers = [Layer(block, join=join) for block in blocks]  # type: ignore[arg-type]
        self.like = self.layers[0].output.new_empty(0)
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

    def run(self, number: int, x_RD: Tensor, step: StackStep) -> Tensor:
        """Layer ``number``: ``[R, D]`` to ``[R, D]``."""
        layer, heads = self.layers[number], self.args.n_heads
        qkv_RN = layer.qkv(F.rms_norm(x_RD, x_RD.shape[-1:], *layer.attention_norm))
        pairs = qkv_RN.float().view(*step.phase_RNC.shape, 2)
        turned = torch.view_as_real(torch.view_as_complex(pairs) * step.phase_RNC).flatten(-2)
        x_RD = x_RD + F.linear(step.attend(number, turned.to(x_RD.dtype), heads), layer.output)
        gate, up = layer.gate_up(F.rms_norm(x_RD, x_RD.shape[-1:], *layer.ffn_norm))
        return x_RD + F.linear(F.silu(gate) * up, layer.down)

    def step(self, x_RD: Tensor, caches: Sequence[Cache]) -> Tensor:
        """All layers for the next position of every row: ``[R, D]`` to ``[R, D]``."""
        step = self.begin(caches)
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
    """The weights of a block as a step uses them."""

    def __init__(self, block: TransformerBlock, *, join: bool) -> None:
        attention, feed_forward = block.attention, block.feed_forward
        self._qkv = [attention.wq.weight, attention.wk.weight, attention.wv.weight]
        self._gate_up = [feed_forward.w1.weight, feed_forward.w3.weight]
        if join:
            with torch.no_grad():
                self._qkv = [torch.cat(list(self._qkv))]
                self._gate_up = [torch.cat(list(self._gate_up))]
        self.output = attention.wo.weight
        self.down = feed_forward.w2.weight
        self.attention_norm = _norm(block.attention_norm)
        self.ffn_norm = _norm(block.ffn_norm)

    def qkv(self, x_RD: Tensor) -> Tensor:
        """Queries, keys and values side by side, ``[R, N * E]``."""
        parts = [F.linear(x_RD, weight) for weight in self._qkv]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def gate_up(self, x_RD: Tensor) -> Sequence[Tensor]:
        """Both halves of SwiGLU's hidden layer."""
        parts = [F.linear(x_RD, weight) for weight in self._gate_up]
        return parts if len(parts) == 2 else parts[0].chunk(2, dim=-1)


def _norm(norm: nn.RMSNorm) -> tuple[Tensor, float | None]:
    return norm.weight, norm.eps
