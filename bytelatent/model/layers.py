"""The transformer block of all transformers of BLT.

Legend: ``B`` rows, ``S`` bytes (patches in the global transformer), ``T`` keys, ``D`` width, ``H``
heads, ``G`` key/value heads, ``E`` head width, ``F`` hidden width.

The parameters have the names of the released checkpoints.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bytelatent.architecture.args import TransformerArgs
from bytelatent.model.attention import Plan


class KeyValue(NamedTuple):
    """Keys and values of one attention layer.

    Attributes:
        keys: keys before rotation, ``[B, T, G, E]``.
        values: values, ``[B, T, G, E]``.
    """

    keys: Tensor
    values: Tensor


def rotary_table(length: int, width: int, theta: float, device: torch.device) -> Tensor:
    """Return the cosines and sines of positions 0 to ``length - 1``, ``[T, 1, E / 2, 2]`` in fp32.

    Rotary embeddings are described in arXiv 2104.09864. Attention depends only on differences of
    positions, so the first key of a call may have position 0 wherever it is in the text. Angles are
    computed in double precision, so that this is exact: in fp32 an angle of 1,000 has an error of
    6e-5.

    Args:
        length: number of positions.
        width: ``E``, width of a head.
        theta: base of the rotary angles.
        device: device of the result.
    """
    pair = torch.arange(0, width, 2, dtype=torch.float64, device=device)
    frequency = theta ** (-pair / width)
    angle = torch.arange(length, dtype=torch.float64, device=device)[:, None] * frequency
    return torch.stack([angle.cos().float(), angle.sin().float()], dim=-1)[:, None]


def rotate(x_BTHE: Tensor, table: Tensor) -> Tensor:
    """Rotate the pairs (2i, 2i + 1) of every head by the angles of ``table``, ``[B, T, H, E]``.

    The released weights require these interleaved pairs.
    """
    pairs = x_BTHE.float().reshape(*x_BTHE.shape[:-1], -1, 2)
    if torch.compiler.is_compiling():  # compilers know no complex numbers
        (even, odd), (cos, sin) = pairs.unbind(-1), table.unbind(-1)
        rotated = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    else:
        rotated = torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(table))
    return rotated.flatten(-2).to(x_BTHE.dtype)


def check_tokens(tokens_BS: Tensor, vocab_size: int) -> None:
    """Check that ``tokens_BS`` is a matrix of ids of the vocabulary; compiled code skips the check.

    Raises:
        ValueError: ``tokens_BS`` is not two-dimensional or holds ids outside the vocabulary.
    """
    if tokens_BS.dim() != 2:
        raise ValueError(f"tokens must be [rows, bytes], got shape {tuple(tokens_BS.shape)}")
    if torch.compiler.is_compiling() or tokens_BS.numel() == 0:
        return
    low, high = int(tokens_BS.min()), int(tokens_BS.max())
    if low < 0 or high >= vocab_size:
        raise ValueError(f"token ids must lie in 0 to {vocab_size - 1}, got {low} to {high}")


def side_by_side(x_SD: Tensor, *linears: nn.Linear) -> tuple[Tensor, ...]:
    """Apply every layer of ``linears`` (without biases) to ``x_SD``, ``[..., D]``.

    With gradients enabled the weight matrices are concatenated, so that forward and backward pass
    need one product each, which is faster than several small products.
    """
    if not torch.is_grad_enabled():
        return tuple(linear(x_SD) for linear in linears)
    together = F.linear(x_SD, torch.cat([linear.weight for linear in linears]))
    return torch.split(together, [linear.out_features for linear in linears], dim=-1)


class Attention(nn.Module):
    """Self-attention with rotary embeddings and grouped key/value heads."""

    def __init__(self, args: TransformerArgs) -> None:
        super().__init__()
        self.n_heads, self.n_kv_heads, self.width = args.n_heads, args.kv_heads, args.head_width
        self.wq = nn.Linear(args.dim, self.n_heads * self.width, bias=False)
        self.wk = nn.Linear(args.dim, self.n_kv_heads * self.width, bias=False)
        self.wv = nn.Linear(args.dim, self.n_kv_heads * self.width, bias=False)
        self.wo = nn.Linear(self.n_heads * self.width, args.dim, bias=False)

    def forward(
        self,
        x_BSD: Tensor,
        table: Tensor,
        plan: Plan,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """Apply attention to ``S`` states that follow ``past``.

        Args:
            x_BSD: normed states.
            table: rotary table of all ``T`` keys.
            plan: attention plan.
            past: keys and values of earlier positions; None for none.

        Returns:
            The output ``[B, S, D]``, and the keys and values of all ``T`` positions.
        """
        parts = side_by_side(x_BSD, self.wq, self.wk, self.wv)
        q_BSHE, k_BTGE, v_BTGE = (x.reshape(*x.shape[:-1], -1, self.width) for x in parts)
        first = 0
        if past is not None:
            first = past.keys.shape[1]
            k_BTGE = torch.cat([past.keys, k_BTGE], dim=1)
            v_BTGE = torch.cat([past.values, v_BTGE], dim=1)
        out_BSHE = plan.attend(rotate(q_BSHE, table[first:]), rotate(k_BTGE, table), v_BTGE)
        return self.wo(out_BSHE.flatten(-2)), KeyValue(k_BTGE, v_BTGE)


class FeedForward(nn.Module):
    """Feed-forward layer with SwiGLU (arXiv 2002.05202): ``w2(silu(w1 x) * w3 x)``."""

    def __init__(self, args: TransformerArgs) -> None:
        super().__init__()
        hidden = args.ffn_hidden_dim()
        self.w1 = nn.Linear(args.dim, hidden, bias=False)
        self.w3 = nn.Linear(args.dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, args.dim, bias=False)

    def forward(self, x_BSD: Tensor) -> Tensor:
        """Apply SwiGLU: ``[B, S, D]`` to ``[B, S, D]``."""
        gate_BSF, up_BSF = side_by_side(x_BSD, self.w1, self.w3)
        out_BSD: Tensor = self.w2(F.silu(gate_BSF) * up_BSF)
        return out_BSD


class TransformerBlock(nn.Module):
    """Pre-norm transformer block: attention, then feed-forward, each with a residual."""

    def __init__(self, args: TransformerArgs) -> None:
        super().__init__()
        self.attention = Attention(args)
        self.feed_forward = FeedForward(args)
        self.attention_norm = nn.RMSNorm(args.dim, eps=args.norm_eps)
        self.ffn_norm = nn.RMSNorm(args.dim, eps=args.norm_eps)

    def forward(self, x_BSD: Tensor, table: Tensor, plan: Plan) -> Tensor:
        """Apply the block: ``[B, S, D]`` to ``[B, S, D]``."""
        return self.step(x_BSD, table, plan, None)[0]

    def step(
        self, x_BSD: Tensor, table: Tensor, plan: Plan, past: KeyValue | None
    ) -> tuple[Tensor, KeyValue]:
        """Apply the block to ``S`` states that follow ``past``.

        Args:
            x_BSD: states.
            table: rotary table of all ``T`` keys.
            plan: attention plan.
            past: keys and values of earlier positions; None for none.

        Returns:
            The new states ``[B, S, D]``, and the keys and values of all ``T`` positions.
        """
        attended, present = self.attention(self.attention_norm(x_BSD), table, plan, past)
        x_BSD = x_BSD + attended
        return x_BSD + self.feed_forward(self.ffn_norm(x_BSD)), present
