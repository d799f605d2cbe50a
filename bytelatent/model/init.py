"""Initialisation of weights by normal distributions, truncated at three standard deviations.

| weights                          | standard deviation                                        |
|----------------------------------|-----------------------------------------------------------|
| embeddings                       | ``base`` or ``dim ** -0.5``                                |
| wq, wk, wv, w1, w3, output       | ``base`` or ``dim ** -0.5``                                |
| wo                               | ``base`` or ``dim ** -0.5``, / depth factor                |
| w2                               | ``base`` or ``hidden ** -0.5``, / depth factor             |
| cross-attention, projections     | ``base`` or ``inputs ** -0.5``                             |
| norms                            | 1                                                         |

``base`` is ``init_base_std``. The depth factor of layer ``i`` of ``L`` (counted from 0) is 1 when
``disabled``, ``sqrt(2 (i + 1))`` for ``current_depth``, ``sqrt(2 (L + 1))`` for ``global_depth``,
``dim / 4096`` for ``dim_ratio``.
"""

import math

from torch import Generator, Tensor, nn

from bytelatent.architecture.args import TransformerArgs
from bytelatent.model.layers import TransformerBlock


def truncated_normal(weight: Tensor, std: float, generator: Generator | None = None) -> None:
    """Fill ``weight`` from a normal distribution truncated at three standard deviations."""
    nn.init.trunc_normal_(weight, std=std, a=-3 * std, b=3 * std, generator=generator)


def depth_factor(args: TransformerArgs, layer: int) -> float:
    """Return the divisor of the standard deviation of ``wo`` and ``w2`` in layer ``layer``."""
    return {
        "disabled": 1.0,
        "current_depth": math.sqrt(2 * (layer + 1)),
        "global_depth": math.sqrt(2 * (args.n_layers + 1)),
        "dim_ratio": args.dim / 4096,
    }[args.init_std_factor]


def init_block(
    block: TransformerBlock, args: TransformerArgs, layer: int, generator: Generator | None = None
) -> None:
    """Initialise the weights of one transformer block.

    Args:
        block: the transformer block.
        args: settings of its stack.
        layer: number of the block in the stack, counted from 0.
        generator: source of random numbers; torch's default when None.
    """
    std = args.init_base_std or args.dim**-0.5
    hidden_std = args.init_base_std or args.ffn_hidden_dim() ** -0.5
    factor = depth_factor(args, layer)
    attention, feed_forward = block.attention, block.feed_forward
    for linear in (attention.wq, attention.wk, attention.wv, feed_forward.w1, feed_forward.w3):
        truncated_normal(linear.weight, std, generator)
    truncated_normal(attention.wo.weight, std / factor, generator)
    truncated_normal(feed_forward.w2.weight, hidden_std / factor, generator)
    nn.init.ones_(block.attention_norm.weight)
    nn.init.ones_(block.ffn_norm.weight)


def init_rest(
    module: nn.Module, base: float | None = None, generator: Generator | None = None
) -> None:
    """Initialise all weights outside transformer blocks: embeddings, projections and norms.

    Args:
        module: the model.
        base: standard deviation; by default it follows from the width of each weight.
        generator: source of random numbers; torch's default when None.
    """
    for child in module.children():
        if isinstance(child, nn.Embedding):
            truncated_normal(child.weight, base or child.embedding_dim**-0.5, generator)
        elif isinstance(child, nn.Linear):
            truncated_normal(child.weight, base or child.in_features**-0.5, generator)
        elif isinstance(child, nn.RMSNorm):
            nn.init.ones_(child.weight)
        elif not isinstance(child, TransformerBlock):
            init_rest(child, base, generator)
