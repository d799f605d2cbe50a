"""Our numbers against those of ``transformers.BltForCausalLM``, for many small random models.

The random models go through :func:`bytelatent.convert.transformers.save_transformers`, so each is
also a test of that format. The last tests show where ``transformers`` computes something else than
the reference; there the fixtures (``tests/checkpoints``) decide, and ours follows them.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import BltForCausalLM

from bytelatent.architecture.args import LMTransformerArgs, TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, HashArgs, LocalArgs
from bytelatent.convert.transformers import Bundle, save_transformers
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import entropy
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID
from bytelatent.transformer import LMTransformer
from tests.conftest import CHECKPOINTS, Case

SEEDS = range(36)
ENTROPY_TOLERANCE = 1e-4
LOGIT_TOLERANCE = 2e-4


@dataclass
class Comparison:
    """One model in both libraries, and rows to run it on."""

    ours: Bundle
    theirs: BltForCausalLM
    tokens_BS: Tensor

    @cached_property
    def entropies(self) -> Tensor:
        return entropy(self.ours.entropy_model(self.tokens_BS))

    @cached_property
    def patch_lengths(self) -> Tensor:
        patcher = self.ours.patcher_args.build()
        return patcher.patch(self.tokens_BS, entropies=self.entropies)[0]

    @cached_property
    def logits(self) -> Tensor:
        return self.ours.blt(self.tokens_BS, self.patch_lengths)

    @cached_property
    def their_patches(self) -> tuple[Tensor, Tensor]:
        """Entropies and patch lengths."""
        args = self.ours.patcher_args
        found = self.theirs.model.patcher(
            self.tokens_BS,
            patch_size=self.theirs.config.patch_size,
            threshold=args.threshold,
            max_patch_length=args.max_patch_length,
        )
        return found[0].view(self.tokens_BS.shape), found[1]

    @cached_property
    def their_logits(self) -> Tensor:
        """With patches of their own making."""
        return self.theirs(self.tokens_BS).logits


def compare(ours: Bundle, tokens_BS: Tensor, folder: Path) -> Comparison:
    save_transformers(folder, ours)
    theirs, report = BltForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    return Comparison(ours, theirs.eval(), tokens_BS)


def tokens_of(random: np.random.Generator, rows: int, size: int) -> Tensor:
    tokens_BS = torch.from_numpy(random.integers(4, 260, (rows, size)))
    tokens_BS[:, 0] = BOS_ID
    return tokens_BS


def fill(model: torch.nn.Module, random: np.random.Generator) -> None:
    """Weights that keep the size of states, and leave no norm at its neutral 1."""
    generator = torch.Generator().manual_seed(int(random.integers(2**31)))
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(1 + 0.3 * noise if weight.dim() == 1 else noise * weight.shape[1] ** -0.5)


def stack_of(random: np.random.Generator, heads: int, dim: int, kv_heads: int | None) -> dict:
    return {
        "dim": dim,
        "n_heads": heads,
        "n_kv_heads": kv_heads,
        "n_layers": int(random.integers(1, 4)),
        "norm_eps": float(random.choice([1e-5, 1e-3, 0.1])),
        "rope_theta": float(random.choice([100.0, 10000.0, 500000.0])),
        "multiple_of": int(random.choice([1, 8, 32])),
        "ffn_dim_multiplier": random.choice([None, 1.0, 1.37, 0.7]),
    }


def grouped(random: np.random.Generator, heads: int) -> int | None:
    return random.choice([None, *(n for n in range(1, heads + 1) if heads % n == 0)])


def random_blt(random: np.random.Generator) -> ByteLatentTransformerArgs:
    heads = int(random.choice([1, 2, 3, 4]))
    dim = heads * int(random.choice([4, 6, 8]))
    vectors = int(random.choice([1, 2, 3, 4]))
    window = int(random.choice([2, 5, 16, 512]))
    wide_heads = int(random.choice([1, 2, 4]))
    # As wide as the patch vectors, so that no projection stands before the global model, or not.
    wide = vectors * dim if random.random() < 0.5 else 8 * int(random.integers(2, 8))
    if wide % (2 * wide_heads):
        wide_heads = 1
    sizes = sorted(random.choice(np.arange(1, 10), int(random.integers(1, 5)), replace=False))
    return ByteLatentTransformerArgs(
        encoder=LocalArgs(
            **stack_of(random, heads, dim, None), window=window, cross_attention="last"
        ),
        decoder=LocalArgs(
            **stack_of(random, heads, dim, None),
            window=window,
            cross_attention=random.choice(["first", "all"]),
        ),
        global_model=TransformerArgs(
            **stack_of(random, wide_heads, wide, grouped(random, wide_heads))
        ),
        patch_vectors=vectors,
        cross_heads=heads,
        hashes=HashArgs(
            sizes=tuple(int(size) for size in sizes),
            buckets=int(random.choice([31, 97, 502])),
            functions=int(random.choice([1, 2, 3, 11])),
        ),
        weight_tying=bool(random.random() < 0.2),
    )


def random_entropy_model(random: np.random.Generator) -> LMTransformerArgs:
    heads = int(random.choice([1, 2, 4]))
    window = random.choice([1, 7, 30, 512, None])
    return LMTransformerArgs(
        **stack_of(random, heads, heads * int(random.choice([4, 8])), grouped(random, heads)),
        sliding_window=window,
        attn_bias_type="block_causal" if window is None else "local_block_causal",
        weight_tying=bool(random.random() < 0.2),
    )


def threshold_for(entropies: Tensor, share: float) -> float:
    """About ``share`` of the bytes lie below, and none so near that rounding decides."""
    found = entropies.flatten().sort().values
    gap = found[1:] - found[:-1]
    first = int(share * (len(gap) - 20))
    place = first + int(gap[first : first + 20].argmax())
    return float((found[place] + found[place + 1]) / 2)


@pytest.fixture(scope="module", params=SEEDS)
@torch.no_grad()
def comparison(request: pytest.FixtureRequest, tmp_path_factory) -> Comparison:
    random = np.random.default_rng(request.param)
    blt = ByteLatentTransformer(random_blt(random)).eval()
    entropy_model = LMTransformer(random_entropy_model(random)).eval()
    fill(blt, random)
    fill(entropy_model, random)
    tokens_BS = tokens_of(random, int(random.integers(1, 4)), int(random.integers(30, 90)))
    threshold = threshold_for(entropy(entropy_model(tokens_BS)), random.uniform(0.1, 0.9))
    longest = random.choice([None, None, None, 2, 5])
    ours = Bundle(blt, entropy_model, PatcherArgs(threshold=threshold, max_patch_length=longest))
    return compare(ours, tokens_BS, tmp_path_factory.mktemp("model"))


def assert_close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=0)


@torch.no_grad()
def test_entropies(comparison) -> None:
    assert_close(comparison.entropies, comparison.their_patches[0], ENTROPY_TOLERANCE)


@torch.no_grad()
def test_patch_lengths(comparison) -> None:
    """Theirs leave the byte to come out of the last column, even of rows that end before it."""
    size = comparison.tokens_BS.shape[1]
    for own, other in zip(comparison.patch_lengths, comparison.their_patches[1], strict=True):
        assert starts_of(other, size) == starts_of(own, size)
    assert int(comparison.patch_lengths.max()) > 1


def starts_of(lengths_P: Tensor, size: int) -> list[int]:
    """Where patches start in a row of ``size`` bytes."""
    lengths = [n for n in lengths_P.tolist() if n > 0]
    return [first for first in np.cumsum([0, *lengths[:-1]]).tolist() if first < size]


@torch.no_grad()
def test_logits(comparison) -> None:
    own, lengths = comparison, comparison.patch_lengths
    if own.ours.patcher_args.max_patch_length is None:
        theirs = own.their_logits
    else:  # see test_they_miss_a_start_behind_the_last_byte
        theirs = own.theirs.lm_head(own.theirs.model(own.tokens_BS, lengths).last_hidden_state)
    assert_close(own.logits, theirs, LOGIT_TOLERANCE)


def test_the_random_models_differ_in_everything_that_matters() -> None:
    models = []
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        models.append((random_blt(random), random_entropy_model(random)))
    blts, entropy_models = zip(*models, strict=True)
    seen = {
        "decoder cross-attention": {blt.decoder.cross_attention for blt in blts},
        "encoder layers": {blt.encoder.n_layers for blt in blts},
        "vectors": {blt.patch_vectors for blt in blts},
        "heads": {blt.cross_heads for blt in blts},
        "grouped heads": {blt.global_model.n_kv_heads for blt in blts},
        "windows": {blt.encoder.window for blt in blts},
        "entropy windows": {model.window for model in entropy_models},
        "hash functions": {blt.hashes.functions for blt in blts},
        "hash sizes": {len(blt.hashes.sizes) for blt in blts},
        "projection": {blt.patch_width == blt.global_model.dim for blt in blts},
        "tied": {blt.weight_tying for blt in blts},
    }
    few = {"decoder cross-attention", "projection", "tied"}
    assert {name: len(values) for name, values in seen.items() if len(values) < 3} == dict.fromkeys(
        few, 2
    )


@pytest.fixture
def released() -> Bundle:
    return bundle_of(Case("like-1b"))


def bundle_of(case: Case) -> Bundle:
    return Bundle(
        ByteLatentTransformer.from_pretrained(case.blt),
        LMTransformer.from_pretrained(case.entropy),
        PatcherArgs(threshold=float(case.expected["threshold"])),
    )


@torch.no_grad()
def test_they_look_across_the_end_of_a_document(released, tmp_path) -> None:
    tokens_BS = tokens_of(np.random.default_rng(0), 1, 60)
    tokens_BS[0, 30] = EOS_ID
    both = compare(released, tokens_BS, tmp_path)
    assert_close(both.entropies[:, :30], both.their_patches[0][:, :30], ENTROPY_TOLERANCE)
    assert (both.entropies - both.their_patches[0])[:, 31:].abs().max() > 0.01


@torch.no_grad()
def test_they_miss_a_start_behind_the_last_byte(released, tmp_path) -> None:
    """With a longest patch they forget that the byte to come starts one."""
    tokens_BS = tokens_of(np.random.default_rng(1), 1, 60)
    last = float(entropy(released.entropy_model(tokens_BS))[0, -1])
    args = PatcherArgs(threshold=last - 0.05, max_patch_length=4)
    both = compare(replace(released, patcher_args=args), tokens_BS, tmp_path)
    difference = (both.logits - both.their_logits).abs()
    assert difference[:, :-1].max() < LOGIT_TOLERANCE
    assert difference[:, -1].max() > 0.01


@torch.no_grad()
def test_they_pool_anew_after_each_encoder_layer(tmp_path, monkeypatch) -> None:
    """The fixture of the reference hands the queries on instead; so such a model is not written."""
    case = Case("encoder-all-layers")
    assert case.blt.parent.parent == CHECKPOINTS
    tokens_BS = torch.from_numpy(case.expected["tokens"])
    monkeypatch.setattr("bytelatent.convert.transformers.check_expressible", lambda *_: None)
    both = compare(bundle_of(case), tokens_BS, tmp_path)
    expected = torch.from_numpy(case.expected["logits"])
    assert_close(both.logits, expected, LOGIT_TOLERANCE)
    assert (both.their_logits - expected).abs().max() > 0.1
