"""Small random models, rules and prompts, and what full recomputation makes of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.prefill import prefill
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import calculate_entropies, entropy_function
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET, PAD_ID
from bytelatent.transformer import LMTransformer
from tests.test_blt import LOCAL
from tests.test_blt import VARIANTS as ALL_VARIANTS
from tests.test_blt import tiny as tiny_blt
from tests.test_transformer import tiny as tiny_lm

VARIANTS = {name: args for name, args in ALL_VARIANTS.items() if "ngram_vocab_sizes" not in args}
MODES = ("entropy", "monotonic", "combined", "space", "static", "byte", "bpe")
PAIRS = [
    (variant, MODES[(2 * place + turn) % len(MODES)])
    for place, variant in enumerate(VARIANTS)
    for turn in (0, 1)
]
"""Every variant twice, every rule four times."""

LMS: tuple[dict[str, Any], ...] = (
    {},
    {"weight_tying": True, "n_kv_heads": 2},
    {"sliding_window": 1, "n_layers": 1},
    {"sliding_window": 64},
    {"hashes": {"sizes": [2, 9, 3], "buckets": 40, "functions": 2}},
)


@dataclass
class RandomCase:
    """A BLT with its entropy model and rule, and what a row begins with."""

    blt: ByteLatentTransformer
    entropy_model: LMTransformer
    patcher: PatcherArgs
    tokens: list[int]

    def incremental(self) -> Incremental:
        return Incremental(self.blt, self.entropy_model, self.patcher)

    def engine(self) -> Engine:
        return Engine(self.blt, self.entropy_model, self.patcher)

    @property
    def data(self) -> bytes:
        """The bytes of the tokens: a prompt without its special ids."""
        return bytes(token - OFFSET for token in self.tokens if token >= OFFSET)

    @torch.no_grad()
    def logits(self, tokens: list[int]) -> torch.Tensor:
        """``[S, V]`` by one plain pass."""
        tokens_1S = torch.tensor([tokens])
        patcher = self.patcher.build(entropy_function(self.entropy_model))
        return self.blt(tokens_1S, patcher.patch(tokens_1S)[0])[0]


def lively(model: torch.nn.Module) -> None:
    """Predictions that differ from byte to byte, so that an error shows."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.add_(torch.empty_like(weight).normal_(0, 0.15, generator=generator))


def random_tokens(random: np.random.Generator, size: int) -> list[int]:
    """Letters, spaces, other bytes, ends of document and delimiters."""
    letters, others = random.integers(101, 127, size), random.integers(4, 260, size)
    kinds = random.choice(5, size=size, p=[0.4, 0.2, 0.25, 0.1, 0.05])
    choices = (letters, np.full(size, 36), others, np.full(size, EOS_ID), np.full(size, PAD_ID))
    found: list[int] = np.choose(kinds, choices).tolist()
    return found


def widened(args: dict[str, Any], window: int) -> dict[str, Any]:
    """``args`` of a tiny BLT whose local models have this window."""
    crosses = {"encoder": "last", "decoder": "all"}
    return args | {
        part: {**LOCAL, "cross_attention": cross} | args.get(part, {}) | {"window": window}
        for part, cross in crosses.items()
    }


def random_case(variant: str, mode: str, seed: int, *, window: int | None = None) -> RandomCase:
    """Anything goes, but a rule must not hang on the last digit of an entropy.

    Args:
        variant, mode, seed: what it is made of.
        window: of all windows, which are short when left out.
    """
    random = np.random.default_rng([seed, len(variant), MODES.index(mode)])
    args, lm = VARIANTS[variant], LMS[random.integers(len(LMS))]
    if window is not None:
        args, lm = widened(args, window), lm | {"sliding_window": window}
    blt = tiny_blt(**args | {"seed": seed})
    entropy_model = tiny_lm(**lm, seed=seed)
    lively(blt), lively(entropy_model)
    tokens = [BOS_ID, *random_tokens(random, int(random.choice([0, 1, 5, 17, 40])))]
    longest = [None, 1, 2, 4][random.integers(4)]
    if "patch_bytes" in VARIANTS[variant]:
        longest = int(random.integers(1, 7))
    patcher = PatcherArgs(
        patching_mode="entropy" if mode in MODES[:3] else mode,
        threshold=0.05 if mode == "monotonic" else between(entropy_model, random),
        threshold_add=0.02 if mode == "combined" else None,
        monotonicity=mode == "monotonic",
        patch_size=int(random.integers(1, 6)),
        max_patch_length=longest,
    )
    return RandomCase(blt, entropy_model, patcher, tokens)


def between(entropy_model: LMTransformer, random: np.random.Generator) -> float:
    """A threshold in the middle of the widest gap about the median of some entropies."""
    tokens = torch.tensor([[BOS_ID, *random_tokens(random, 60)]])
    found = calculate_entropies(entropy_model, tokens)[0].sort().values[20:50]
    widest = int((found[1:] - found[:-1]).argmax())
    return float(found[widest : widest + 2].mean())


def followed(model: Incremental, case: RandomCase, tokens: list[int]) -> torch.Tensor:
    """Logits ``[1 + N, V]``: after the prompt, and after each of the ``N`` tokens."""
    row = prefill(model, case.tokens)
    found = [row.logits_V]
    for token in tokens:
        model.step([row], [token])
        found.append(model.kept(row.logits_V))
    return torch.stack(found)
