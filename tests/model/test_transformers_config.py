"""The feed-forward rule behind the widths of a configuration of ``transformers``."""

import numpy as np
import pytest

from bytelatent.architecture.args import TransformerArgs
from bytelatent.convert.transformers_config import feed_forward_rule


@pytest.mark.parametrize("seed", range(20))
def test_a_feed_forward_rule_gives_the_widths_it_was_made_from(seed) -> None:
    random = np.random.default_rng(seed)
    rule = {
        "multiple_of": int(random.choice([1, 3, 16, 256])),
        "ffn_dim_multiplier": random.choice([None, 1.0, 1.3, 0.51, 2.123]),
    }
    dims = [int(dim) for dim in random.integers(4, 3000, int(random.integers(1, 4)))]
    shapes = [(dim, TransformerArgs(dim=dim, n_heads=1, head_dim=2, **rule)) for dim in dims]
    widths = [(dim, args.ffn_hidden_dim()) for dim, args in shapes]
    for group in [widths] if len(widths) == 1 else [widths, *([pair] for pair in widths)]:
        found = feed_forward_rule(group)
        if found is None:  # a rounding that is no power of two, with a multiplier
            assert len(group) > 1
            continue
        for dim, hidden in group:
            args = TransformerArgs(dim=dim, n_heads=1, head_dim=2, **found)
            assert args.ffn_hidden_dim() == hidden


def test_the_feed_forward_rule_of_the_released_models_is_found() -> None:
    shapes = [(1024, 2816), (2048, 5632), (1024, 2816)]
    assert feed_forward_rule(shapes) == {"multiple_of": 256, "ffn_dim_multiplier": None}
    assert feed_forward_rule([(1024, 2816), (2048, 9984)]) is None
    assert feed_forward_rule([(4096, 14336)]) == {"multiple_of": 256, "ffn_dim_multiplier": 1.3}
