"""Byte by byte equals a full pass: every variant of the model, every rule, all along the way."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from bytelatent.architecture.ngrams import last_hashes
from bytelatent.generation.boundaries import Boundaries
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.packed_weights import PackedLayer
from bytelatent.generation.torch_backend.prefill import prefill
from bytelatent.generation.torch_backend.recompute import generate_by_recomputation
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.hashing import ngram_hashes
from bytelatent.patching.entropies import entropy_function
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import RULES, BoundaryState, patch_starts
from bytelatent.tokenizers.constants import BOS_ID
from bytelatent.transformer import LMTransformer
from tests.generation.random_cases import (
    MODES,
    PAIRS,
    VARIANTS,
    followed,
    random_case,
    random_tokens,
)
from tests.test_blt import tiny as tiny_blt
from tests.test_transformer import tiny as tiny_lm

SEEDS = range(3)
SIZES = {7: 8, 11: 14, 12: 24}
"""Seeds of greedy texts, and their bytes: fewer than the windows have, and more."""


def test_there_are_two_hundred_cases() -> None:
    assert len(VARIANTS) * len(MODES) * min(len(SEEDS), len(SIZES)) >= 200


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_logit_on_the_way_is_that_of_a_full_pass(variant, mode) -> None:
    for seed in SEEDS:
        case = random_case(variant, mode, seed)
        model = case.incremental()
        tokens = random_tokens(np.random.default_rng(seed), 40)
        found = followed(model, case, tokens)
        expected = case.logits([*case.tokens, *tokens])[len(case.tokens) - 1 :]
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_greedy_text_is_that_of_recomputation(variant, mode) -> None:
    for seed, size in SIZES.items():
        case = random_case(variant, mode, seed)
        patcher = case.patcher.build(entropy_function(case.entropy_model))
        expected = generate_by_recomputation(case.blt, patcher, torch.tensor([case.tokens]), size)
        model = case.incremental()
        row, tokens = prefill(model, case.tokens), list(case.tokens)
        for _ in range(size):
            tokens.append(int(row.logits_V.argmax()))
            model.step([row], tokens[-1:])
        assert tokens == expected[0].tolist()


def test_greedy_text_of_the_reference(case) -> None:
    model = Incremental(
        ByteLatentTransformer.from_pretrained(case.blt),
        LMTransformer.from_pretrained(case.entropy),
        PatcherArgs(threshold=float(case.expected["threshold"])),
    )
    greedy, size = case.expected["greedy"][0].tolist(), int(case.expected["prompt_len"])
    row, tokens = prefill(model, greedy[:size]), greedy[:size]
    while len(tokens) < len(greedy):
        tokens.append(int(row.logits_V.argmax()))
        model.step([row], tokens[-1:])
    assert tokens == greedy


@pytest.mark.parametrize("kind", ["causal", "block_causal"])
def test_entropy_models_without_a_window(kind) -> None:
    entropy_model = tiny_lm(attn_bias_type=kind)
    model = Incremental(tiny_blt(), entropy_model, PatcherArgs(threshold=5.4))
    tokens = [BOS_ID, *random_tokens(np.random.default_rng(1), 150)]
    row, found = prefill(model, tokens[:20]), []
    for token in tokens[20:]:
        found.append(row.entropy)
        model.step([row], [token])
    with torch.no_grad():
        log_p = entropy_model(torch.tensor([tokens])).log_softmax(-1)[0]
    expected = -(log_p.exp() * log_p).sum(-1)[19:-1]
    torch.testing.assert_close(torch.tensor(found), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("variant", "mode"), PAIRS)
def test_rows_of_a_batch_are_what_they_are_alone(variant, mode) -> None:
    seed = PAIRS.index((variant, mode))
    case = random_case(variant, mode, seed)
    model, random = case.incremental(), np.random.default_rng(seed)
    sizes = random.choice([0, 1, 3, 12, 30], size=random.integers(2, 5))
    prompts = [[BOS_ID, *random_tokens(random, size)] for size in sizes]
    after = np.array([random_tokens(random, 20) for _ in prompts])
    rows = [prefill(model, prompt) for prompt in prompts]
    together = [model.step(rows, after[:, n].tolist()) for n in range(20)]
    for place, prompt in enumerate(prompts):
        row = prefill(model, prompt)
        alone = [model.step([row], [token])[0] for token in after[place].tolist()]
        found = torch.stack(together)[:, place]
        torch.testing.assert_close(found, torch.stack(alone), atol=1e-5, rtol=0)
        assert asdict(rows[place].boundary) == pytest.approx(asdict(row.boundary), abs=1e-5)


STEPWISE = [rule for rule in RULES if rule.stepper is not None]


@pytest.mark.parametrize("rule", STEPWISE, ids=lambda rule: rule.name)
@pytest.mark.parametrize("longest", [None, 1, 3])
def test_boundaries_are_those_of_the_rules(rule, longest) -> None:
    args = PatcherArgs(
        patching_mode=rule.mode,
        threshold=0.3 if rule.compares == "rise" else 1.0,
        threshold_add=0.0 if "threshold_add" in rule.needs else None,
        patch_size=3,
        max_patch_length=longest,
    )
    for seed in range(20):
        random = np.random.default_rng(seed)
        tokens = np.array([[BOS_ID, *random_tokens(random, 60)]])
        entropies = random.choice([0.5, 1.0, 1.2, 1.4, 2.0], size=tokens.shape).astype(np.float32)
        boundaries, state = Boundaries(args), BoundaryState()
        found = [
            boundaries.push(state, token, nats)
            for token, nats in zip(tokens[0].tolist(), entropies[0].tolist(), strict=True)
        ]
        expected = patch_starts(args.mode(), tokens, entropies, args.options())
        assert [True, *found] == expected[0].tolist()


def test_hashes_of_the_last_byte() -> None:
    tokens = random_tokens(np.random.default_rng(0), 30)
    sizes = (1, 3, 8)
    for length in (1, 2, 7, 8, 30):
        row = torch.tensor([tokens[:length]])
        expected = [int(ngram_hashes(row, size, 2, 1009)[0, -1]) for size in sizes]
        assert last_hashes(tokens[:length][-8:], sizes, 2, 1009) == expected


def test_what_cannot_be_generated_is_refused() -> None:
    blt, lm = tiny_blt(), tiny_lm()
    with pytest.raises(ValueError, match=r"threshold: top-k patching .* looks at bytes that come"):
        Incremental(blt, lm, PatcherArgs(threshold=None))
    with pytest.raises(ValueError, match="patching mode 'entropy' needs an entropy model"):
        Incremental(blt, None, PatcherArgs())
    with pytest.raises(ValueError, match="the ids of n-gram tables come from outside"):
        Incremental(tiny_blt(ngram_vocab_sizes={3: 50}), lm, PatcherArgs())
    with pytest.raises(ValueError, match="the entropy model has 99, the BLT 260"):
        Incremental(blt, tiny_lm(vocab_size=99), PatcherArgs())
    with pytest.raises(ValueError, match=r"dropout 0\.5 is active; call eval"):
        Incremental(tiny_blt(dropout=0.5).train(), lm, PatcherArgs())
    with pytest.raises(ValueError, match="at least one, BOS"):
        prefill(Incremental(blt, lm, PatcherArgs()), [])


def test_a_patch_too_long_for_its_room_is_refused() -> None:
    case = random_case("bytes side by side", "space", 0)
    patcher = PatcherArgs(patching_mode="space")
    model = Incremental(case.blt, None, patcher)
    row = prefill(model, [BOS_ID])
    for _ in range(9):
        model.step([row], [101])
    with pytest.raises(ValueError, match="a patch holds 10 bytes, concatenation has room for 6"):
        model.step([row], [36])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_other_precisions_run_on_the_weights_themselves(dtype) -> None:
    case = random_case("widths differ", "space", 1)
    case.blt.to(dtype)
    model, tokens = case.incremental(), random_tokens(np.random.default_rng(0), 30)
    found = followed(model, case, tokens)
    expected = case.logits([*case.tokens, *tokens])[len(case.tokens) - 1 :]
    error = (found - expected).float().abs().mean() / expected.float().std()
    assert found.dtype == dtype
    assert error < {torch.float16: 0.02, torch.bfloat16: 0.1}[dtype]


def test_weights_are_not_touched_and_copied_only_if_small(monkeypatch) -> None:
    case = random_case("as released", "entropy", 6)
    tokens = random_tokens(np.random.default_rng(2), 20)
    before = [weight.clone() for weight in case.blt.parameters()]
    copied = followed(case.incremental(), case, tokens)
    monkeypatch.setattr("bytelatent.generation.torch_backend.packed_weights.LARGEST_COPY", 0)
    model = case.incremental()
    assert not any(isinstance(layer, PackedLayer) for layer in model.globals.layers)
    torch.testing.assert_close(followed(model, case, tokens), copied, atol=1e-4, rtol=0)
    assert all(torch.equal(a, b) for a, b in zip(before, case.blt.parameters(), strict=True))


def test_memory_stays_when_windows_are_full() -> None:
    case = random_case("as released", "entropy", 1)
    model = case.incremental()
    row = prefill(model, [BOS_ID])
    sizes = []
    for token in [101] * 300:
        model.step([row], [token])
        caches = (row.entropy_cache, row.encoder_cache, row.decoder_cache)
        sizes.append(sum(cache.store_LNTE.numel() for cache in caches if cache is not None))
    assert len(set(sizes)) == 1
    assert row.global_cache.store_LNTE.shape[2] <= 2 * max(64, row.global_cache.count)
