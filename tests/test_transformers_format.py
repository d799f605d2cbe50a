"""The format of ``transformers``: written for it, read from it, refused where the two differ."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BltConfig, BltForCausalLM

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.convert.transformers import Bundle, load_transformers, save_transformers
from bytelatent.convert.transformers_config import TransformersConfig
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.transformer import LMTransformer
from tests.conftest import Case

LOCAL = {"dim": 16, "n_layers": 2, "n_heads": 2, "multiple_of": 16, "window": 9}
BLT = {
    "encoder": {**LOCAL, "cross_attention": "last"},
    "decoder": {**LOCAL, "cross_attention": "all"},
    "global_model": {"dim": 24, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "multiple_of": 16},
    "cross_heads": 2,
    "hashes": {"sizes": [2, 3], "buckets": 31, "functions": 2},
}
ENTROPY = {"dim": 16, "n_layers": 1, "n_heads": 2, "multiple_of": 16, "sliding_window": 9}


def tiny(blt: dict | None = None, entropy: dict | None = None, **patcher) -> Bundle:
    models = (
        ByteLatentTransformer(ByteLatentTransformerArgs.model_validate(BLT | (blt or {}))),
        LMTransformer(LMTransformerArgs.model_validate(ENTROPY | (entropy or {}))),
    )
    for model in models:
        model.init_weights()
        model.eval()
    return Bundle(*models, PatcherArgs(**{"threshold": 2.5, **patcher}))


@pytest.fixture
def folder(tmp_path) -> Path:
    """A small model in the format."""
    save_transformers(tmp_path, tiny())
    return tmp_path


def assert_equal(found: torch.nn.Module, expected: torch.nn.Module) -> None:
    ours, theirs = found.state_dict(), expected.state_dict()
    assert list(ours) == list(theirs)
    assert not [name for name in ours if not torch.equal(ours[name], theirs[name])]


def change_config(folder: Path, **changes) -> None:
    """Set keys of ``config.json``; ``part__key`` is one of a part, and None removes."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for name, value in changes.items():
        *part, key = name.split("__")
        place = config[part[0]] if part else config
        if value is None:
            del place[key]
        else:
            place[key] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("name", ["like-1b", "like-7b"])
@torch.no_grad()
def test_released_checkpoints_there_and_back(name, tmp_path) -> None:
    case = Case(name)
    released = Bundle(
        ByteLatentTransformer.from_pretrained(case.blt),
        LMTransformer.from_pretrained(case.entropy),
        PatcherArgs(threshold=float(case.expected["threshold"])),
    )
    save_transformers(tmp_path / "theirs", released)
    model, report = BltForCausalLM.from_pretrained(tmp_path / "theirs", output_loading_info=True)
    assert not any(report.values()), report
    logits = model.eval()(torch.from_numpy(case.expected["tokens"])).logits
    np.testing.assert_allclose(logits.numpy(), case.expected["logits"], atol=2e-4)

    again = load_transformers(tmp_path / "theirs")
    assert again.patcher_args == released.patcher_args
    again.blt.save_pretrained(tmp_path / "blt")
    again.entropy_model.save_pretrained(tmp_path / "entropy")
    for place, original in (("blt", case.blt), ("entropy", case.entropy)):
        ours, theirs = (load_file(f / "model.safetensors") for f in (tmp_path / place, original))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert ByteLatentTransformer.from_pretrained(tmp_path / "blt").args == again.blt.args


@torch.no_grad()
def test_their_generation_gives_the_greedy_text_of_the_reference(tmp_path) -> None:
    case = Case("like-1b")
    save_transformers(
        tmp_path,
        Bundle(
            ByteLatentTransformer.from_pretrained(case.blt),
            LMTransformer.from_pretrained(case.entropy),
            PatcherArgs(threshold=float(case.expected["threshold"])),
        ),
    )
    size = int(case.expected["prompt_len"])
    greedy = torch.from_numpy(case.expected["greedy"])[:, : size + 12]
    model = BltForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(model.generate(greedy[:, :size], max_new_tokens=12), greedy)


@pytest.mark.parametrize(
    "text",
    ["A BLT has", "", "é\n\t x \x00 日本 🙂", "a <|eos|> b", "\u0100\xad don't  ,", "<|bos|>"],
)
def test_their_tokenizer_gives_our_ids(text, folder) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text)["input_ids"]
    assert ids == BltTokenizer().encode(text, add_eos=False)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert len(tokenizer) == 260
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 3)


@pytest.mark.parametrize(
    ("blt", "entropy", "patcher"),
    [
        ({}, {}, {}),
        ({"weight_tying": True, "dropout": 0.25, "eos_id": 7}, {"eos_id": 7}, {}),
        ({"patch_vectors": 1, "vocab_size": 300}, {"vocab_size": 300}, {"threshold": 0.0}),
        ({}, {"sliding_window": None, "attn_bias_type": "block_causal"}, {"max_patch_length": 6}),
        ({}, {"sliding_window": 3, "attn_bias_type": "block_causal"}, {}),
        ({"decoder": {**LOCAL, "cross_attention": "first"}}, {"n_kv_heads": 1}, {}),
        ({"encoder": {**LOCAL, "cross_attention": "all", "n_layers": 1}}, {"max_seqlen": 77}, {}),
    ],
)
def test_written_and_read_back_bit_for_bit(blt, entropy, patcher, tmp_path) -> None:
    bundle = tiny(blt, entropy, **patcher)
    save_transformers(tmp_path, bundle)
    again = load_transformers(tmp_path)
    assert_equal(again.blt, bundle.blt)
    assert_equal(again.entropy_model, bundle.entropy_model)
    assert again.patcher_args == bundle.patcher_args
    assert again.blt.args == bundle.blt.args
    lost = {"sliding_window": bundle.entropy_model.args.window}
    assert again.entropy_model.args == bundle.entropy_model.args.model_copy(update=lost)
    assert not again.blt.training
    assert not again.entropy_model.training


@torch.no_grad()
def test_a_tied_entropy_model_comes_back_untied_and_equal(tmp_path) -> None:
    bundle = tiny({}, {"weight_tying": True})
    save_transformers(tmp_path, bundle)
    model = load_transformers(tmp_path).entropy_model
    assert not model.args.weight_tying
    tokens = torch.arange(4, 40)[None]
    assert torch.equal(model(tokens), bundle.entropy_model(tokens))


def test_a_model_can_be_written_over_the_files_it_is_mapped_from(folder) -> None:
    save_transformers(folder, load_transformers(folder))
    assert_equal(load_transformers(folder).blt, tiny().blt)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shard", ["1GB", "20KB"])
def test_what_their_library_writes_is_read(tied, shard, tmp_path) -> None:
    bundle = tiny({"weight_tying": tied})
    save_transformers(tmp_path / "ours", bundle)
    theirs = BltForCausalLM.from_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size=shard)
    assert (len(list((tmp_path / "theirs").glob("*.safetensors"))) > 1) == (shard == "20KB")
    again = load_transformers(tmp_path / "theirs")
    assert_equal(again.blt, bundle.blt)
    assert_equal(again.entropy_model, bundle.entropy_model)
    assert again.blt.args == bundle.blt.args
    assert again.patcher_args == bundle.patcher_args


def test_files_of_version_4_are_read(folder) -> None:
    """It kept the base of the rotary angles beside the other keys, and left out its defaults."""
    change_config(
        folder,
        global_config__rope_parameters=None,
        global_config__rope_theta=500.0,
        encoder_config__rms_norm_eps=None,
        encoder_config__cross_attn_all_layers=None,
        patch_in_forward=None,
        torch_dtype="bfloat16",
        rope_scaling={"factor": 1},
    )
    args = load_transformers(folder).blt.args
    assert args.global_model.rope_theta == 500.0
    assert args.encoder == tiny().blt.args.encoder


def test_our_defaults_are_theirs() -> None:
    theirs = BltConfig().to_dict()
    # Of these theirs says nothing, and generation needs them.
    ours = TransformersConfig(model_type="blt").model_dump()
    for key in ("bos_token_id", "eos_token_id", "pad_token_id", "use_cache", "architectures"):
        del ours[key]
    parts = [(ours, theirs)]
    parts += [(part, theirs[name]) for name, part in ours.items() if name.endswith("_config")]
    for own, other in parts:
        for key in own.keys() - {"rope_theta", "rope_parameters", "head_dim"}:
            if key.endswith("_config"):
                continue
            if own[key] is None and key in {"num_key_value_heads", "intermediate_size"}:
                continue
            assert own[key] == other[key], key
        if "rope_theta" in own:
            assert own["rope_theta"] == other["rope_parameters"]["rope_theta"]
            assert own["rope_parameters"] is None
    encoder = TransformersConfig(model_type="blt").encoder_config
    assert encoder.hidden == theirs["encoder_config"]["intermediate_size"]


def test_weights_are_converted_on_the_way_in(folder) -> None:
    bundle = load_transformers(folder, dtype=torch.bfloat16)
    for model, whole in ((bundle.blt, tiny().blt), (bundle.entropy_model, tiny().entropy_model)):
        state, expected = model.state_dict(), whole.state_dict()
        assert all(torch.equal(state[key], expected[key].bfloat16()) for key in expected)


@torch.no_grad()
def test_models_of_different_types_are_run_there_in_the_wider_one(tmp_path) -> None:
    bundle = tiny()
    save_transformers(tmp_path, replace(bundle, blt=bundle.blt.bfloat16()))
    header = (tmp_path / "model.safetensors").read_bytes()[:8]
    assert int.from_bytes(header, "little") % 8 == 0, "tensors would not be aligned"
    again = load_transformers(tmp_path)
    assert_equal(again.blt, bundle.blt)
    assert_equal(again.entropy_model, bundle.entropy_model)
    assert BltForCausalLM.from_pretrained(tmp_path).dtype == torch.float32
    save_transformers(tmp_path, replace(again, entropy_model=again.entropy_model.bfloat16()))
    assert BltForCausalLM.from_pretrained(tmp_path).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("blt", "entropy", "patcher", "words"),
    [
        ({"pooling": ["min"]}, {}, {}, "pooling: ('min',)"),
        ({"hashes": {"sizes": []}}, {}, {}, "hashes.sizes: ()"),
        ({"ngram_vocab_sizes": {3: 9}}, {}, {}, "ngram_vocab_sizes: {3: 9}"),
        (
            {"encoder": {**LOCAL, "cross_attention": "all"}},
            {},
            {},
            "encoder.cross_attention: 'all'",
        ),
        (
            {"encoder": {**LOCAL, "cross_attention": "none"}, "pooling": [], "patch_bytes": 4},
            {},
            {},
            "pooling: ()",
        ),
        (
            {"encoder": {**LOCAL, "cross_attention": "none"}},
            {},
            {},
            "encoder.cross_attention: 'none'",
        ),
        (
            {"decoder": {**LOCAL, "cross_attention": "last"}},
            {},
            {},
            "decoder.cross_attention: 'last'",
        ),
        (
            {"decoder": {**LOCAL, "cross_attention": "none"}},
            {},
            {},
            "decoder.cross_attention: 'none'",
        ),
        ({"decoder": {**LOCAL, "window": 8}}, {}, {}, "decoder.window: 8"),
        ({"cross_heads": 4}, {}, {}, "encoder.n_heads: 2"),
        ({"decoder": {**LOCAL, "n_heads": 4}}, {}, {}, "decoder.n_heads: 4"),
        (
            {"encoder": {**LOCAL, "cross_attention": "last", "n_kv_heads": 1}},
            {},
            {},
            "encoder.n_kv_heads: 1",
        ),
        ({"decoder": {**LOCAL, "n_kv_heads": 1}}, {}, {}, "decoder.n_kv_heads: 1"),
        (
            {"global_model": {"dim": 24, "n_heads": 2, "head_dim": 8}},
            {},
            {},
            "global_model.head_dim: 8",
        ),
        ({}, {"head_dim": 4}, {}, "entropy_model.head_dim: 4"),
        ({}, {"attn_bias_type": "causal"}, {}, "entropy_model.attn_bias_type: 'causal'"),
        ({}, {"eos_id": 9}, {}, "entropy_model.eos_id: 9"),
        ({"vocab_size": 264}, {}, {}, "entropy_model.vocab_size: 260"),
        ({}, {"hashes": {"sizes": [3]}}, {}, "entropy_model.hashes: HashArgs(sizes=(3,)"),
        ({}, {}, {"patching_mode": "space"}, "patching_mode: space"),
        ({}, {}, {"monotonicity": True}, "patching_mode: monotonic"),
        ({}, {}, {"threshold_add": 0.5}, "patching_mode: combined"),
        ({}, {}, {"threshold": None}, "threshold: null"),
    ],
)
def test_what_the_format_cannot_say_is_not_written(blt, entropy, patcher, words, tmp_path) -> None:
    with pytest.raises(ValueError, match=re.escape(words) + ".*cannot be expressed.*accepted: "):
        save_transformers(tmp_path, tiny(blt, entropy, **patcher))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "llama"}, "model_type is 'llama', not 'blt'"),
        ({"patching_mode": "static"}, "patching_mode: Input should be 'entropy'"),
        ({"patch_in_forward": False}, "patch_in_forward: Input should be True"),
        ({"decoder_config__hidden_act": "gelu"}, "decoder_config.hidden_act: Input should"),
        (
            {"global_config__rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}},
            "global_config.rope_parameters.rope_type: Input should be 'default'",
        ),
        ({"patcher_config__hidden_size": "wide"}, "patcher_config.hidden_size: Input should"),
        ({"patcher_config__num_attention_heads": 4}, "patcher_config.head_dim: 8 must equal"),
        ({"cross_attn_k": 3}, "encoder_config.cross_attn_k: 2 must equal cross_attn_k, 3"),
        (
            {"patcher_config__vocab_size": 264},
            "patcher_config.vocab_size: 264 must equal vocab_size",
        ),
        (
            {"decoder_config__num_attention_heads": 4},
            "encoder_config.num_attention_heads: 2 must equal decoder_config.num_attention_heads",
        ),
        (
            {"decoder_config__num_key_value_heads": 1},
            "decoder_config.num_key_value_heads: 1 must equal",
        ),
        ({"encoder_config__dropout": 0.5}, "encoder_config.dropout: 0.5 must equal"),
        ({"global_config__head_dim": 6}, "global_config.head_dim: 6 must equal"),
        ({"decoder_config__hidden_size": 32, "decoder_config__head_dim": 16}, "decoder.dim 32"),
        ({"patching_threshold": "high"}, "patching_threshold: Input should be a valid number"),
    ],
)
def test_configs_that_make_no_sense_here_are_refused(folder, changes, words) -> None:
    change_config(folder, **changes)
    with pytest.raises(ValueError, match=r"config\.json") as refusal:
        load_transformers(folder)
    assert words in str(refusal.value)


def test_a_checkpoint_in_the_released_layout_is_sent_to_its_reader() -> None:
    with pytest.raises(ValueError, match=r"config\.json: model_type is None.*from_pretrained"):
        load_transformers(Case("like-1b").blt)


def change_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    path = folder / "model.safetensors"
    state = {name: tensor.clone() for name, tensor in load_file(path).items()}
    for name, tensor in changes.items():
        if tensor is None:
            del state[name]
        else:
            state[name] = tensor
    save_file(state, path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lm_head.weight": None}, "lacks tensor 'lm_head.weight'"),
        ({"lm_tail.weight": torch.ones(2)}, "has unknown tensor 'lm_tail.weight'"),
        (
            {"model.encoder_hash_tok_embedding.weight": torch.ones(123, 16)},
            r"'model.encoder_hash_tok_embedding.weight' has shape \(123, 16\), .* \(124, 16\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(folder, changes, words) -> None:
    change_weights(folder, **changes)
    with pytest.raises(ValueError, match=rf"model\.safetensors.*{words}"):
        load_transformers(folder)


def test_files_that_are_missing_or_damaged_are_named(folder) -> None:
    weights, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    state = load_file(weights)
    weights.write_bytes(weights.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        load_transformers(folder)
    weights.unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors.* does not exist"):
        load_transformers(folder)
    shards = dict.fromkeys(state, "model-00001-of-00002.safetensors")
    for listed, words in (
        ([], 'needs a "weight_map"'),
        ({"weight_map": {"lm_head.weight": "../secret"}}, 'needs a "weight_map"'),
        ({"weight_map": {"lm_head.weight": "a.safetensors"}}, "lacks tensor 'model"),
        ({"weight_map": shards}, "00001-of-00002.safetensors does not exist"),
    ):
        index.write_text(json.dumps(listed))
        with pytest.raises(ValueError, match=words):
            load_transformers(folder)
    with pytest.raises(ValueError, match=r"config\.json does not exist"):
        load_transformers(folder.parent)
