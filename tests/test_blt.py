"""The Byte Latent Transformer: the reference's numbers, a plain formula, causality, bad input."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from bytelatent.architecture.args import TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, HashArgs, LocalArgs
from bytelatent.formats.released_blt import FIXED, RETIRED, flat_args, nested_args
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.model.hashing import ngram_hashes
from bytelatent.tokenizers.constants import EOS_ID
from tests.plain_blt import Plain, ngram_ids_of

LOCAL = {"dim": 24, "n_layers": 2, "n_heads": 2, "multiple_of": 8, "window": 11}


def args_of(**changes) -> ByteLatentTransformerArgs:
    settings = {
        "encoder": {**LOCAL, "cross_attention": "last"},
        "decoder": {**LOCAL, "cross_attention": "all"},
        "global_model": {"dim": 48, "n_layers": 2, "n_heads": 4, "multiple_of": 8},
        "cross_heads": 3,
        "hashes": {"sizes": [2, 3], "buckets": 97, "functions": 1},
    }
    return ByteLatentTransformerArgs.model_validate(settings | changes)


def tiny(**changes) -> ByteLatentTransformer:
    model = ByteLatentTransformer(args_of(**changes))
    model.init_weights()
    return model.eval()


def tokens_of(rows: int, length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(4, 260, (rows, length), generator=torch.Generator().manual_seed(seed))


def lengths_of(rows: int, length: int, seed: int = 0, longest: int = 6) -> torch.Tensor:
    """Random patch lengths of ``length`` bytes and the next, each row with its own."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        row = [1]
        while sum(row) < length + 1:
            row.append(min(int(random.integers(1, longest + 1)), length + 1 - sum(row)))
        found.append(row)
    most = max(map(len, found))
    return torch.tensor([row + [0] * (most - len(row)) for row in found])


VARIANTS = {
    "as released": {},
    "several functions": {"hashes": {"sizes": [1, 4], "buckets": 31, "functions": 3}},
    "no hashes": {"hashes": {"sizes": [], "buckets": 1, "functions": 1}},
    "encoder all": {"encoder": {**LOCAL, "cross_attention": "all"}},
    "encoder first": {"encoder": {**LOCAL, "cross_attention": "first"}},
    "encoder none": {"encoder": {**LOCAL, "cross_attention": "none"}},
    "several poolings": {
        "encoder": {**LOCAL, "cross_attention": "none"},
        "pooling": ["avg", "max", "min"],
    },
    "bytes side by side": {
        "encoder": {**LOCAL, "cross_attention": "none"},
        "pooling": [],
        "patch_bytes": 6,
    },
    "decoder first": {"decoder": {**LOCAL, "cross_attention": "first"}},
    "decoder last": {"decoder": {**LOCAL, "cross_attention": "last"}},
    "no cross-attention": {
        "encoder": {**LOCAL, "cross_attention": "none"},
        "decoder": {**LOCAL, "cross_attention": "none"},
        "pooling": ["avg"],
    },
    "widths differ": {"patch_vectors": 4, "global_model": {"dim": 32, "n_layers": 1, "n_heads": 2}},
    "grouped heads": {
        "encoder": {**LOCAL, "n_kv_heads": 1, "cross_attention": "last"},
        "global_model": {"dim": 48, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2},
    },
    "tied": {"weight_tying": True, "pooling": ["min"]},
    "n-gram tables": {"ngram_vocab_sizes": {3: 50, 4: 60}},
}


@pytest.mark.parametrize("impl", ["auto", "sdpa", "banded"])
def test_logits_of_the_reference(case, impl) -> None:
    model = ByteLatentTransformer.from_pretrained(case.blt)
    tokens, lengths = (torch.from_numpy(case.expected[k]) for k in ("tokens", "patch_lengths"))
    cross_impl = "sdpa" if impl == "sdpa" else "gathered"
    if impl == "banded":
        model.global_transformer.forward = lambda *a, f=model.global_transformer.forward: f(
            *a[:2], "sdpa"
        )
    with torch.no_grad():
        found = model(tokens, lengths, impl=impl, cross_impl=cross_impl)
    np.testing.assert_allclose(found.numpy(), case.expected["logits"], atol=1e-4)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("cross_impl", ["gathered", "sdpa"])
@torch.no_grad()
def test_every_variant_equals_the_plain_formula(name, cross_impl) -> None:
    model = tiny(**VARIANTS[name])
    tokens, lengths = tokens_of(2, 40), lengths_of(2, 40)
    tokens[0, 13] = tokens[1, 20] = EOS_ID
    found = model(tokens, lengths, ngram_ids_of(model.args, tokens) or None, cross_impl=cross_impl)
    for row in range(2):
        own = [n for n in lengths[row].tolist() if n]
        expected = Plain(model).logits(tokens[row], own)
        torch.testing.assert_close(found[row], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", VARIANTS)
@given(place=st.integers(0, 39), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None)
@torch.no_grad()
def test_a_later_byte_changes_no_earlier_logit(name, place, seed) -> None:
    model = tiny(**VARIANTS[name])
    tokens, lengths = tokens_of(1, 40, seed), lengths_of(1, 40, seed)
    changed = tokens.clone()
    changed[0, place] = (tokens[0, place] - 4 + 1) % 256 + 4
    before, after = (
        model(t, lengths, ngram_ids_of(model.args, t) or None) for t in (tokens, changed)
    )
    torch.testing.assert_close(before[:, :place], after[:, :place], atol=1e-5, rtol=0)
    assert not torch.allclose(before[:, place], after[:, place], atol=1e-6)


@torch.no_grad()
def test_rows_are_independent_and_padding_of_lengths_changes_nothing() -> None:
    model = tiny()
    tokens, lengths = tokens_of(4, 33), lengths_of(4, 33, seed=3)
    together = model(tokens, torch.nn.functional.pad(lengths, (0, 3)))
    for row in range(4):
        own = lengths[row : row + 1, : int((lengths[row] > 0).sum())]
        alone = model(tokens[row : row + 1], own)
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_pass_shows_everything() -> None:
    model = tiny()
    tokens, lengths = tokens_of(1, 20), lengths_of(1, 20)
    seen = model.inspect(tokens, lengths)
    count = lengths.shape[1] - 1
    assert seen.patch_states.shape == (1, count, 48)
    assert seen.patch_inputs.shape == (1, count, 48)
    assert seen.byte_states.shape == (1, 20, 24)
    assert [ids.shape for ids in seen.hash_ids] == [(1, 20)] * 2
    patch = np.repeat(np.arange(count + 1), lengths[0].numpy())
    assert seen.encoder_patch[0].tolist() == patch[:-1].tolist()
    assert seen.decoder_patch[0].tolist() == (patch[1:] - 1).tolist()
    (encoder,), decoder = seen.encoder_weights, seen.decoder_weights
    assert len(decoder) == 2
    torch.testing.assert_close(decoder[0].sum(2), torch.ones(1, 20, 3))
    for p in range(count):
        read = encoder[0, seen.encoder_patch[0] == p].sum(0)
        torch.testing.assert_close(read, torch.ones(2, 3))


def test_cross_attention_weights_agree_with_the_dense_reference() -> None:
    model = tiny()
    tokens, lengths = tokens_of(2, 25), lengths_of(2, 25)
    ours = model.inspect(tokens, lengths, cross_impl="gathered")
    dense = model.inspect(tokens, lengths, cross_impl="sdpa")
    for a, b in zip(
        ours.encoder_weights + ours.decoder_weights,
        dense.encoder_weights + dense.decoder_weights,
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_double_precision_gives_the_same_within_rounding() -> None:
    model = tiny()
    tokens, lengths = tokens_of(2, 30), lengths_of(2, 30)
    single = model(tokens, lengths)
    assert (model.double()(tokens, lengths) - single).abs().max() < 1e-4


def test_gradients_agree_with_the_dense_reference() -> None:
    tokens, lengths = tokens_of(2, 25), lengths_of(2, 25)
    grads = []
    for impl in ("gathered", "sdpa"):
        model = tiny()
        model(tokens, lengths, cross_impl=impl).square().mean().backward()
        grads.append([p.grad for p in model.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_dropout_acts_in_training_only() -> None:
    model = tiny(dropout=0.5)
    tokens, lengths = tokens_of(1, 20), lengths_of(1, 20)
    assert torch.equal(model(tokens, lengths), model(tokens, lengths))
    model.train()
    assert not torch.equal(model(tokens, lengths), model(tokens, lengths))


def test_the_worked_example_of_the_hash() -> None:
    found = ngram_hashes(torch.tensor([[5, 6, 7]]), 2, 0, 10**12)
    prime = 1000000007
    assert found.tolist() == [[5 * prime, 5 + 6 * prime, 6 + 7 * prime]]


def test_hashes_wrap_as_64_bit_integers_do() -> None:
    tokens = torch.full((1, 9), 259)
    total = sum(259 * 1000000007**i for i in range(8))
    wrapped = (total + 2**63) % 2**64 - 2**63
    assert ngram_hashes(tokens, 8, 0, 502)[0, 8] == wrapped % 502


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([[1, 2, 3]], "row 0 sum to 6, not to 5"),
        ([[1, 2, 0, 2]], "hole"),
        ([[1, -1, 5]], "negative"),
        ([[2, 3]], "first patch of every row must hold one token"),
        ([1, 4], "must be"),
    ],
)
def test_bad_patch_lengths_are_refused(lengths, words) -> None:
    with pytest.raises(ValueError, match=words):
        tiny()(tokens_of(1, 4), torch.tensor(lengths))


def test_bad_tokens_and_ngram_ids_are_refused() -> None:
    lengths = torch.tensor([[1, 2]])
    with pytest.raises(ValueError, match="token ids must lie in 0 to 259, got 4 to 260"):
        tiny()(torch.tensor([[4, 260]]), lengths)
    with pytest.raises(ValueError, match="ngram_ids: 0 given, the model has 2"):
        tiny(ngram_vocab_sizes={3: 5, 4: 5})(tokens_of(1, 2), lengths)
    with pytest.raises(ValueError, match="a patch holds 3 bytes, concatenation has room for 2"):
        tiny(**VARIANTS["bytes side by side"] | {"patch_bytes": 2})(
            tokens_of(1, 5), torch.tensor([[1, 3, 2]])
        )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decoder": {**LOCAL, "dim": 48}}, "decoder.dim 48 must equal encoder.dim 24"),
        ({"cross_heads": 5}, "not a multiple of cross_heads 5"),
        ({"pooling": ["max", "avg"]}, "cross-attention in the encoder starts from one"),
        ({"pooling": ["median"]}, "Input should be 'max', 'avg' or 'min'"),
        ({"hashes": {"sizes": [0]}}, "must be 1 or more"),
        ({"poolings": ["max"]}, "Extra inputs"),
        ({"patch_bytes": 3}, "either pooling or"),
    ],
)
def test_impossible_args_are_named(changes, words) -> None:
    with pytest.raises(ValueError, match=words):
        args_of(**changes)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_written_and_read_back_bit_for_bit(name, tmp_path) -> None:
    model = tiny(**VARIANTS[name])
    model.save_pretrained(tmp_path)
    again = ByteLatentTransformer.from_pretrained(tmp_path)
    assert again.args == model.args
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key


def test_released_configs_are_understood_and_survive(case, tmp_path) -> None:
    flat = json.loads((case.blt / "config.json").read_text())["args"]
    args = nested_args(flat)
    kept = {key: value for key, value in flat.items() if key not in RETIRED}
    assert flat_args(args) == kept
    model = ByteLatentTransformer.from_pretrained(case.blt)
    model.save_pretrained(tmp_path)
    ours, theirs = (load_file(f / "model.safetensors") for f in (tmp_path, case.blt))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_model_that_flat_keys_cannot_describe_is_written_with_nested_ones(tmp_path) -> None:
    args = ByteLatentTransformerArgs(
        encoder=LocalArgs(dim=16, n_layers=1, n_heads=2, multiple_of=16, window=8),
        decoder=LocalArgs(dim=16, n_layers=2, n_heads=2, multiple_of=16, window=4),
        global_model=TransformerArgs(dim=32, n_layers=1, n_heads=2, multiple_of=32),
        cross_heads=2,
        hashes=HashArgs(sizes=(3,), buckets=10),
        ngram_vocab_sizes={2: 7},
    )
    with pytest.raises(ValueError, match="cannot be written in the released layout"):
        flat_args(args)
    model = ByteLatentTransformer(args)
    model.init_weights()
    model.save_pretrained(tmp_path)
    again = ByteLatentTransformer.from_pretrained(tmp_path)
    assert again.args == args
    for a, b in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"use_rope": False}, "use_rope: False is not supported; accepted: True"),
        ({"cross_atn_k": 2}, "cross_atn_k: unknown key"),
        ({"downsampling_by_pooling": "median"}, "'median' is not supported"),
        ({"dim_global": None}, "dim"),
    ],
)
def test_released_configs_that_mean_another_model_are_refused(case, changes, words) -> None:
    flat = json.loads((case.blt / "config.json").read_text())["args"]
    with pytest.raises(ValueError, match=words):
        nested_args(flat | changes)
    del flat["cross_attn_k"]
    with pytest.raises(ValueError, match="cross_attn_k: missing"):
        nested_args(flat)


def test_no_key_is_of_two_kinds() -> None:
    assert not FIXED.keys() & RETIRED
