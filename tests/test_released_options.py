"""Options of released configs that mean something only together with another option."""

import json
from typing import Any

import pytest
import torch

from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.formats.released_blt import FIXED, flat_args, nested_args
from bytelatent.model.blt import ByteLatentTransformer
from tests import tiny

NO_CROSS = {
    part: {**tiny.LOCAL, "cross_attention": "none"} | {"window": 16}
    for part in ("encoder", "decoder")
}


def flat(**changes: Any) -> dict[str, Any]:
    """Flat options of a model without cross-attention; ``changes`` are to its nested settings."""
    wide = tiny.BLT["global_model"] | {"multiple_of": 16}
    shape = tiny.BLT | NO_CROSS | {"global_model": wide} | changes
    return flat_args(ByteLatentTransformerArgs.model_validate(shape))


WITHOUT_MEANING = [
    {"cross_attn_init_by_pooling": False},
    {"cross_attn_window_encoder": 512, "cross_attn_window_decoder": 512},
    {"cross_attn_k": None, "cross_attn_nheads": None},
    {"cross_attn_nheads": 7},
    {"cross_attn_all_layers_encoder": True, "cross_attn_all_layers_decoder": True},
]


@pytest.mark.parametrize("changes", WITHOUT_MEANING, ids=lambda changes: min(changes))
def test_options_of_cross_attention_mean_nothing_without_it(changes, tmp_path) -> None:
    model = ByteLatentTransformer(nested_args(flat()))
    model.init_weights()
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({"args": config["args"] | changes}))
    found = ByteLatentTransformer.from_pretrained(tmp_path)
    assert all(map(torch.equal, model.parameters(), found.parameters()))


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("encoder", {"cross_attn_init_by_pooling": False}),
        ("encoder", {"cross_attn_window_encoder": 512}),
        ("decoder", {"cross_attn_window_decoder": 512}),
        ("encoder", {"cross_attn_nheads": 7}),
        ("decoder", {"cross_attn_nheads": 7}),
    ],
)
def test_they_are_refused_with_it(part, changes) -> None:
    layers = {"encoder": "last", "decoder": "all"}[part]
    crossing = flat(**{part: NO_CROSS[part] | {"cross_attention": layers}})
    nested_args(crossing)
    with pytest.raises(ValueError, match=r"is not supported|multiple of cross_heads"):
        nested_args(crossing | changes)


def test_the_window_of_the_other_part_means_nothing() -> None:
    crossing = flat(decoder=NO_CROSS["decoder"] | {"cross_attention": "all"})
    nested_args(crossing | {"cross_attn_window_encoder": 512})


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder_hash_byte_group_vocab": None, "encoder_hash_byte_group_nb_functions": None},
        {"encoder_hash_byte_group_vocab": 0, "encoder_hash_byte_group_nb_functions": 0},
        {"encoder_hash_byte_group_size": [3, 4], "encoder_hash_byte_group_nb_functions": 0},
    ],
)
def test_options_of_hash_tables_mean_nothing_without_them(changes) -> None:
    args = nested_args(flat(hashes={"sizes": []}) | {"encoder_hash_byte_group_size": []} | changes)
    assert args.hashes.tables == 0


@pytest.mark.parametrize("key", sorted(FIXED.keys() - {"cross_attn_init_by_pooling"}))
def test_all_other_fixed_options_are_refused(key) -> None:
    if not key.startswith("cross_attn_window"):
        with pytest.raises(ValueError, match=f"{key}: 'other' is not supported"):
            nested_args(flat() | {key: "other"})
