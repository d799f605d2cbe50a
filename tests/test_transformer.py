"""The byte language model: the reference's numbers, causality, windows, documents, chunks."""

import json
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from bytelatent.architecture.args import HashArgs, LMTransformerArgs
from bytelatent.architecture.ngrams import PRIMES
from bytelatent.patching.entropies import calculate_entropies, entropy
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, PAD_ID
from bytelatent.transformer import LMTransformer


def tiny(**changes) -> LMTransformer:
    """A small model with lively random weights."""
    args = {"dim": 32, "n_layers": 3, "n_heads": 4, "multiple_of": 32, "sliding_window": 9}
    model = LMTransformer(LMTransformerArgs(**{**args, **changes}))
    model.init_weights()
    return model.eval()


def tokens_of(rows: int, length: int, seed: int = 0, *, eos_every: int = 0) -> torch.Tensor:
    tokens = torch.randint(4, 260, (rows, length), generator=torch.Generator().manual_seed(seed))
    if eos_every:
        tokens[:, eos_every - 1 :: eos_every] = EOS_ID
    return tokens


@pytest.mark.parametrize("impl", ["auto", "sdpa", "banded"])
def test_entropies_of_the_reference(case, impl) -> None:
    model = LMTransformer.from_pretrained(case.entropy)
    with torch.no_grad():
        found = entropy(model(torch.from_numpy(case.expected["tokens"]), impl=impl))
    np.testing.assert_allclose(found.numpy(), case.expected["entropies"], atol=1e-4)


def bucket(tokens: list[int], gram: int, function: int, args: LMTransformerArgs) -> int:
    """Bucket of the n-gram that ends with the last token, in Python's own numbers."""
    window = ([0] * gram + tokens)[-gram:]
    total = sum(token * PRIMES[function] ** power for power, token in enumerate(window))
    return ((total + 2**63) % 2**64 - 2**63) % args.hashes.buckets


def plain_logits(model: LMTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """One row, byte by byte and head by head, straight from the formulas; slow, independent."""
    args, weights = model.args, model.state_dict()
    size, width = len(tokens), args.head_width
    ends = (tokens == args.eos_id).long()
    document = ends.cumsum(0) - ends
    angle = torch.arange(size)[:, None] * args.rope_theta ** (-torch.arange(0, width, 2) / width)
    turn = torch.polar(torch.ones_like(angle), angle)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return x / (x.pow(2).mean(-1, keepdim=True) + args.norm_eps).sqrt() * weights[name]

    def rotated(x: torch.Tensor) -> torch.Tensor:
        return torch.view_as_real(torch.view_as_complex(x.reshape(size, -1, 2)) * turn).flatten(1)

    h = weights["tok_embeddings.weight"][tokens]
    if args.hashes is not None:
        tables = product(range(args.hashes.functions), args.hashes.sizes)
        for number, (function, gram) in enumerate(tables):
            rows = [bucket(tokens[: i + 1].tolist(), gram, function, args) for i in range(size)]
            h = h + weights[f"hash_tok_embedding.{number}.weight"][rows]
    for layer in range(args.n_layers):
        at = f"layers.{layer}."
        x = norm(h, at + "attention_norm.weight")
        q, k, v = (x @ weights[f"{at}attention.w{name}.weight"].T for name in "qkv")
        heads = []
        for head in range(args.n_heads):
            kv = head // (args.n_heads // args.kv_heads)
            q_h, k_h = (rotated(y[:, n * width : (n + 1) * width]) for y, n in ((q, head), (k, kv)))
            v_h = v[:, kv * width : (kv + 1) * width]
            rows = []
            for i in range(size):
                near = [
                    j
                    for j in range(i + 1)
                    if (args.window is None or i - j < args.window)
                    and (not args.separates_documents or document[i] == document[j])
                ]
                score = torch.stack([q_h[i] @ k_h[j] for j in near]) / width**0.5
                rows.append(score.softmax(0) @ v_h[near])
            heads.append(torch.stack(rows))
        h = h + torch.cat(heads, 1) @ weights[at + "attention.wo.weight"].T
        x = norm(h, at + "ffn_norm.weight")
        gate, up = (x @ weights[f"{at}feed_forward.{n}.weight"].T for n in ("w1", "w3"))
        h = h + (gate * gate.sigmoid() * up) @ weights[at + "feed_forward.w2.weight"].T
    out = "tok_embeddings.weight" if args.weight_tying else "output.weight"
    return norm(h, "norm.weight") @ weights[out].T


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_kv_heads": 2},
        {"attn_bias_type": "causal"},
        {"attn_bias_type": "block_causal"},
        {"weight_tying": True, "head_dim": 16},
        {"ffn_dim_multiplier": 0.5, "rope_theta": 500.0, "sliding_window": 1},
        {"hashes": {"sizes": [3, 4, 8], "buckets": 50, "functions": 2}},
        {"hashes": {"sizes": [1, 40], "buckets": 500}, "attn_bias_type": "causal"},
    ],
)
@torch.no_grad()
def test_logits_equal_the_plain_formula(changes) -> None:
    model = tiny(**changes)
    tokens = tokens_of(2, 40, eos_every=17)
    found = model(tokens)
    for row in range(2):
        torch.testing.assert_close(found[row], plain_logits(model, tokens[row]), atol=2e-5, rtol=0)


@given(
    window=st.integers(1, 300),
    length=st.integers(1, 500),
    chunk=st.integers(1, 600),
    eos_every=st.sampled_from([0, 1, 7, 100]),
    kv_heads=st.sampled_from([1, 2, 4]),
    sizes=st.none() | st.lists(st.integers(1, 20), max_size=3),
)
@settings(max_examples=40, deadline=None)
@torch.no_grad()
def test_band_and_chunks_equal_the_dense_mask(
    window, length, chunk, eos_every, kv_heads, sizes
) -> None:
    hashes = None if sizes is None else {"sizes": sizes, "buckets": 90}
    model = tiny(sliding_window=window, n_layers=2, n_kv_heads=kv_heads, hashes=hashes)
    tokens = tokens_of(2, length, eos_every=eos_every)
    dense = entropy(model(tokens, impl="sdpa"))
    torch.testing.assert_close(entropy(model(tokens, impl="banded")), dense, atol=1e-4, rtol=0)
    chunked = calculate_entropies(model, tokens, chunk=chunk)
    torch.testing.assert_close(chunked, dense, atol=1e-4, rtol=0)


@given(place=st.integers(0, 59), impl=st.sampled_from(["sdpa", "banded"]))
@settings(deadline=None)
@torch.no_grad()
def test_a_later_byte_changes_no_earlier_logit(place, impl) -> None:
    model = tiny()
    tokens = tokens_of(1, 60)
    changed = tokens.clone()
    changed[0, place] = (tokens[0, place] - 4 + 1) % 256 + 4
    before, after = model(tokens, impl=impl), model(changed, impl=impl)
    torch.testing.assert_close(before[:, :place], after[:, :place], atol=1e-5, rtol=0)
    assert not torch.allclose(before[:, place], after[:, place], atol=1e-5)


@torch.no_grad()
def test_the_window_ends_where_it_should() -> None:
    """With one layer, a byte sees exactly ``sliding_window`` bytes, its own included."""
    model = tiny(n_layers=1, sliding_window=5)
    tokens = tokens_of(1, 20)
    changed = tokens.clone()
    changed[0, 8] = (tokens[0, 8] - 4 + 1) % 256 + 4
    moved = (model(tokens) - model(changed)).abs().amax(-1)[0] > 1e-6
    assert moved.nonzero().flatten().tolist() == [8, 9, 10, 11, 12]


@torch.no_grad()
def test_nothing_is_seen_across_an_end_of_document() -> None:
    model = tiny(sliding_window=50)
    tokens = tokens_of(1, 30)
    tokens[0, 11] = EOS_ID
    alone = model(tokens[:, 12:])
    torch.testing.assert_close(model(tokens)[:, 12:], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_rows_are_independent() -> None:
    model = tiny()
    tokens = tokens_of(3, 50, eos_every=13)
    together = calculate_entropies(model, tokens, chunk=16)
    for row in range(3):
        alone = calculate_entropies(model, tokens[row : row + 1], chunk=16)
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_positions_far_into_a_text_lose_no_precision() -> None:
    """The same bytes after 200,000 others have the same entropies, once the window is past."""
    model = tiny(n_layers=1, sliding_window=8)
    tail = tokens_of(1, 40)
    far = torch.cat([tokens_of(1, 200_000, seed=1), tail], dim=1)
    found = calculate_entropies(model, far, chunk=8192)[:, -20:]
    torch.testing.assert_close(found, entropy(model(tail))[:, -20:], atol=1e-5, rtol=0)


def test_written_and_read_back_bit_for_bit(tmp_path) -> None:
    model = tiny(n_kv_heads=2)
    model.save_pretrained(tmp_path / "m")
    again = LMTransformer.from_pretrained(tmp_path / "m")
    assert again.args == model.args
    assert not again.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert {p.name for p in (tmp_path / "m").iterdir()} == {"config.json", "model.safetensors"}


def test_released_folder_is_written_as_it_was_read(case, tmp_path) -> None:
    LMTransformer.from_pretrained(case.entropy).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    released = json.loads((case.entropy / "config.json").read_text())
    retired = {"rope_use_fp32_in_outer_product"}
    assert config["args"] == {k: v for k, v in released["args"].items() if k not in retired}
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (tmp_path, case.entropy))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors does not exist"),
        (lambda f: (f / "config.json").unlink(), "config.json does not exist"),
        (lambda f: (f / "config.json").write_text("{"), "config.json is no JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "needs an object under"),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"x" * 40),
            "model.safetensors is damaged",
        ),
        (lambda f: change_config(f, dimm=3), "dimm: unknown key; the nearest known one is dim$"),
        (lambda f: change_config(f, n_heads=3), "not a multiple of n_heads 3"),
        (lambda f: change_config(f, dim=64), "'layers.0.attention.wk.weight' has shape"),
        (lambda f: change_config(f, n_layers=3), "lacks tensor 'layers.2"),
        (lambda f: change_config(f, n_layers=1), "has unknown tensor 'layers.1"),
    ],
)
def test_damaged_folders_name_what_is_wrong(damage, words, tmp_path) -> None:
    tiny(n_layers=2, dim=32).save_pretrained(tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(ValueError, match=words):
        LMTransformer.from_pretrained(tmp_path / "m")


def change_config(folder, **changes) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["args"].update(changes)
    path.write_text(json.dumps(config))


def test_truncated_weights_are_named(tmp_path) -> None:
    tiny().save_pretrained(tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        LMTransformer.from_pretrained(tmp_path / "m")


def test_weights_are_converted_on_the_way_in(tmp_path) -> None:
    tiny().save_pretrained(tmp_path / "m")
    state = load_file(tmp_path / "m" / "model.safetensors")
    half = {name: tensor.bfloat16() for name, tensor in state.items()}
    save_file(half, tmp_path / "m" / "model.safetensors")
    model = LMTransformer.from_pretrained(tmp_path / "m", dtype=torch.float32)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_shipped_models_are_found_by_name_and_strangers_are_not() -> None:
    with pytest.raises(ValueError, match="no-such-model is no folder; models that come along"):
        LMTransformer.from_pretrained("no-such-model")


@pytest.mark.parametrize("bad", [[-1, 5], [5, 260]])
def test_tokens_out_of_range_are_named(bad) -> None:
    with pytest.raises(ValueError, match="token ids must lie in 0 to 259"):
        tiny()(torch.tensor([bad]))


def test_models_without_a_window_cannot_run_in_chunks() -> None:
    with pytest.raises(ValueError, match="'causal' has no window"):
        calculate_entropies(tiny(attn_bias_type="causal"), tokens_of(1, 4))
    with pytest.raises(ValueError, match="'banded' needs a window"):
        tiny(attn_bias_type="causal")(tokens_of(1, 4), impl="banded")


def test_a_tensor_of_the_caller_is_not_changed() -> None:
    tokens = tokens_of(2, 30, eos_every=5)
    kept = tokens.clone()
    calculate_entropies(tiny(), tokens, chunk=7)
    assert torch.equal(tokens, kept)


HASHES = HashArgs(sizes=(3, 4, 8), buckets=60)


@torch.no_grad()
def test_n_grams_of_a_row_padded_in_front_are_those_it_has_alone() -> None:
    model = tiny(hashes=HASHES)
    tokens = tokens_of(2, 30)
    tokens[:, 0] = BOS_ID
    padded = tokens.clone()
    padded[1] = torch.cat([torch.full((6,), PAD_ID), tokens[1, :24]])
    alone = model(tokens[1:, :24])
    torch.testing.assert_close(model(padded)[1:, 6:], alone, atol=1e-5, rtol=0)
    found = calculate_entropies(model, padded, chunk=5)
    torch.testing.assert_close(found[1:, 6:], entropy(alone), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[:1], entropy(model(tokens[:1])), atol=1e-5, rtol=0)


@torch.no_grad()
def test_n_grams_reach_into_the_document_before_as_in_a_blt() -> None:
    model = tiny(sliding_window=50, hashes=HASHES)
    tokens = tokens_of(1, 40)
    tokens[0, 11] = EOS_ID
    changed = tokens.clone()
    changed[0, 9] = (tokens[0, 9] - 4 + 1) % 256 + 4
    moved = (model(tokens) - model(changed)).abs().amax(-1)[0] > 1e-6
    assert moved[12:17].all()  # the 8-gram of byte 16 is the last that holds byte 9
    nothing = tiny(sliding_window=50)
    assert torch.equal(nothing(tokens)[:, 12:], nothing(changed)[:, 12:])


def test_n_grams_are_initialised_like_bytes_and_change_no_other_weight() -> None:
    model, plain = tiny(hashes=HashArgs(sizes=(3, 5), buckets=4000)), tiny()
    model.requires_grad_(requires_grad=False)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    for table in model.hash_tok_embedding:
        assert float(table.weight.std()) == pytest.approx(32**-0.5, rel=0.05)
        assert float(table.weight.abs().max()) <= 3 * 32**-0.5
    assert not torch.equal(*(table.weight for table in model.hash_tok_embedding))


@pytest.mark.parametrize("file_format", ["safetensors", "pth"])
def test_n_grams_are_written_and_read_back(tmp_path, file_format) -> None:
    model = tiny(hashes=HASHES)
    model.save_pretrained(tmp_path, file_format=file_format)
    again = LMTransformer.from_pretrained(tmp_path)
    assert again.args == model.args
    tokens = tokens_of(1, 20)
    assert torch.equal(again(tokens), model(tokens))


def test_files_of_a_model_without_n_grams_do_not_mention_them(tmp_path) -> None:
    model = tiny()
    model.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path / "pth", file_format="pth")
    for name in ("config.json", "pth/params.json"):
        assert "hash" not in (tmp_path / name).read_text()
    assert "hashes" not in model.args.model_dump_json()
    assert "hashes" in tiny(hashes=HASHES).args.model_dump_json()
    with pytest.raises(ValueError, match="buckets"):
        tiny(hashes={"buckets": 0})
